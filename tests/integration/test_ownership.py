"""Files that others left in the queue directory get mode and owner; nothing else is touched."""

import os
from pathlib import Path

from exporter.layout import Layout
from exporter.ownership import correct


def test_files_of_the_queue_are_corrected_and_nothing_beside_them(tmp_path: Path) -> None:
    queue = tmp_path / "queue"
    (queue / "archive/0").mkdir(parents=True)
    secret = tmp_path / "secret"
    secret.touch(0o600)
    for name in ("job-1", "serial", "version", "lock", "notes", "archive/0/job-9"):
        (queue / name).touch(0o600)
    (queue / "job-2").symlink_to(secret)
    (queue / "job-3").hardlink_to(secret)
    (queue / "archive/1").symlink_to(tmp_path)
    layout = Layout(queue, (os.geteuid(), os.getegid()))

    found = correct(layout)

    def mode(name: str) -> int:
        return (queue / name).stat().st_mode & 0o777

    assert (found.given, found.refused) == (4, 0)
    assert {mode(name) for name in ("job-1", "serial", "version", "archive/0/job-9")} == {0o640}
    assert {mode(name) for name in ("lock", "notes")} == {0o600}
    assert secret.stat().st_mode & 0o777 == 0o600
    assert mode("archive/0") == 0o750
    assert correct(layout).given == 0


def test_it_leaves_off_when_the_daemon_ends(tmp_path: Path) -> None:
    (tmp_path / "job-1").touch(0o600)
    layout = Layout(tmp_path, (os.geteuid(), os.getegid()))
    assert correct(layout, lambda: True).given == 0
