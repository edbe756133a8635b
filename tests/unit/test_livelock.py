"""The livelock: held while the daemon lives, gone when it is not."""

import subprocess
import sys
from pathlib import Path

import pytest

from masterd.livelock import LiveLock
from migrations.legacy.queue_lock import job_is_running

#: What luxid does: whoever can lock the file for reading knows that its owner is dead.
_READER = """
import fcntl, os, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
try:
    fcntl.lockf(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
except OSError:
    sys.exit(1)
"""


def is_dead(path: Path) -> bool:
    return subprocess.run([sys.executable, "-c", _READER, str(path)], check=False).returncode == 0


def test_a_livelock_is_held_until_release_and_then_gone(tmp_path: Path) -> None:
    lock = LiveLock.take(tmp_path / "livelocks", 1_795_417_319)
    assert lock.path == tmp_path / "livelocks/ganeti-masterd_1795417319"
    assert lock.path.stat().st_mode & 0o777 == 0o600
    assert lock.path.parent.stat().st_mode & 0o777 == 0o750
    assert not is_dead(lock.path)
    lock.release()
    lock.release()
    assert not lock.path.exists()
    assert not job_is_running(lock.path)


def test_files_of_dead_daemons_are_removed_and_no_others(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("kept")
    for name in ("ganeti-masterd_1", "job_000001_1", "luxi-daemon_1"):
        (tmp_path / name).touch()
    (tmp_path / "ganeti-masterd_2").symlink_to(target)
    LiveLock.take(tmp_path, 9).release()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "ganeti-masterd_2", "job_000001_1", "luxi-daemon_1", "target",
    ]  # fmt: skip
    assert target.read_text() == "kept"


def test_a_link_in_the_place_of_a_livelock_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    (tmp_path / "ganeti-masterd_5").symlink_to(target)
    lock = LiveLock.take(tmp_path, 5)
    assert lock.path.name == "ganeti-masterd_6"
    assert not target.exists()
    lock.release()


def test_it_gives_up_where_all_names_are_taken(tmp_path: Path) -> None:
    for second in range(5, 50):
        (tmp_path / f"ganeti-masterd_{second}").mkdir()
    with pytest.raises(FileExistsError, match="ganeti-masterd_5"):
        LiveLock.take(tmp_path, 5)
