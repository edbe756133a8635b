"""One master daemon per queue directory."""

import subprocess
import sys
from pathlib import Path

import pytest

from masterd.queue_lock import QueueInUseError, QueueLock

#: Takes the lock as Ganeti 3's luxid does, says so, and holds it until its input ends.
_HOLDER = """
import fcntl, os, sys
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
print("held", flush=True)
sys.stdin.read()
"""


def holder(path: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def test_a_directory_used_by_another_master_is_refused(tmp_path: Path) -> None:
    with holder(tmp_path / "lock") as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(QueueInUseError, match="luxid"):
            QueueLock.take(tmp_path)
        assert other.stdin is not None
        other.stdin.close()
        other.wait()
    QueueLock.take(tmp_path).release()


def test_another_master_is_kept_out_until_release(tmp_path: Path) -> None:
    lock = QueueLock.take(tmp_path / "queue")
    with holder(tmp_path / "queue/lock") as other:
        assert other.wait() != 0
    lock.release()
    lock.release()
    with holder(tmp_path / "queue/lock") as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        assert other.stdin is not None
        other.stdin.close()
        other.wait()
    assert (tmp_path / "queue/lock").stat().st_mode & 0o777 == 0o640
