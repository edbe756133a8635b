"""What becomes of submissions here and at luxid, on the same configuration."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from masterd.config import document
from tests.interop import masters
from tests.interop.luxid import needs_luxid
from tests.interop.luxid_support import Luxid, LuxidError
from tests.sample_config import sample

pytestmark = needs_luxid

SOCKET: Final = "var/run/ganeti/socket/ganeti-query"


@pytest.fixture(scope="module")
def roots() -> Iterator[tuple[Path, Path]]:
    """Run the reference and our daemon; give their roots."""
    config = document.split(sample(1, nodes=1, groups=1, instances=0))
    with (
        masters.working_reference(config) as theirs,
        masters.root(config) as own,
        masters.ours(own),
    ):
        yield theirs, own


def job(*offsets: int) -> list[dict[str, object]]:
    """Return a job that depends on others."""
    depends = [[offset, []] for offset in offsets]
    return [{"OP_ID": "OP_TEST_DELAY", "duration": 0.0, "reason": [], "depends": depends}]


def nulls() -> list[dict[str, object]]:
    """Return a job whose parameters are null where they may be, or not said at all."""
    optional = dict.fromkeys(("on_node_uuids", "depends", "comment", "dry_run", "debug_level"))
    op = {"OP_ID": "OP_TEST_DELAY", "duration": 0.0, "reason": []}
    dummy = dict.fromkeys(("result", "fail", "submit_jobs"))
    return [
        {**op, **optional},
        op,
        {"OP_ID": "OP_TEST_DUMMY", "reason": [], "messages": [], **dummy},
    ]


#: Submissions, one after another.
SUBMISSIONS: Final = (
    ("SubmitJob", [nulls()]),
    ("SubmitJob", [job()]),
    ("SubmitJob", [job(-1)]),
    ("SubmitManyJobs", [[job(), job(-1), job(-3, -5), job(2)]]),
    ("SubmitJob", [job(-5)]),
    ("SubmitJob", [job(-17)]),
)


def _answers(root: Path) -> list[Any]:
    """Return the answers to the submissions, and the opcodes of all jobs."""
    master = Luxid(root / SOCKET)
    told: list[Any] = []
    for method, arguments in SUBMISSIONS:
        try:
            told.append(master.ask(method, arguments))
        except LuxidError as error:
            told.append(error.args)
    rows = master.ask("QueryJobs", [[], ["id", "ops"]])
    # The trail of reasons has times.
    told += [[job_id, [{**op, "reason": None} for op in ops]] for job_id, ops in rows]
    master.close()
    return told


def test_dependencies_lead_where_luxid_has_them_lead_and_opcodes_are_told_as_it_does(
    roots: tuple[Path, Path],
) -> None:
    theirs, ours = map(_answers, roots)
    assert theirs[5] == (["GenericError", ["Invalid value for job ID ' -8'"]],)
    assert ours == theirs
