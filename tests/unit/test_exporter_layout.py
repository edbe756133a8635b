"""Names in a queue directory."""

from pathlib import Path

import pytest

from exporter.layout import Layout, is_temporary, job_id_of

LAYOUT = Layout(Path("/queue"))


@pytest.mark.parametrize(
    ("job_id", "path"),
    [
        (1, "/queue/archive/0/job-1"),
        (9_999, "/queue/archive/0/job-9999"),
        (10_000, "/queue/archive/1/job-10000"),
        (123_456, "/queue/archive/12/job-123456"),
    ],
)
def test_archived_jobs_lie_ten_thousand_to_a_directory(job_id: int, path: str) -> None:
    assert LAYOUT.archived_job(job_id) == Path(path)


@pytest.mark.parametrize("name", ["job-", "job-x", "job-1.new", ".job-1.new", "job-01", "job-1 "])
def test_only_exact_names_are_jobs(name: str) -> None:
    assert job_id_of(name) is None
    assert job_id_of("job-12") == 12


def test_temporary_names_never_look_like_jobs() -> None:
    for path in (LAYOUT.job(5), LAYOUT.archived_job(5), LAYOUT.serial, LAYOUT.drain):
        temporary = LAYOUT.temporary(path)
        assert job_id_of(temporary.name) is None
        assert is_temporary(temporary.name)
        assert temporary.parent == LAYOUT.directory
        assert not is_temporary(path.name)
