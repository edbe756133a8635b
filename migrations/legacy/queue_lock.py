"""Making sure that no other master works in the queue directory while it is taken over.

Two kinds of locks exist side by side and do not exclude each other: Ganeti 3's luxid holds a POSIX
lock on the file `lock` and every job's process one on its livelock file; Ganeti 2's masterd holds a
flock on `lock`, as node daemons do for a moment.

Source: jobfile.json files.lock, job_process_3_0.livelock.
"""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

LOCK_FILE: Final = "lock"


class QueueInUseError(Exception):
    """Another master, or a job of one, is still at work."""


@contextmanager
def held(directory: Path) -> Iterator[None]:
    """Keep other masters out of a queue directory; without a lock file there is nobody to keep out.

    Raises:
        QueueInUseError: somebody has it.
        OSError: the lock file cannot be opened.
    """
    path = directory / LOCK_FILE
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        yield
        return
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError) as error:  # POSIX allows either
            raise QueueInUseError(
                f"{path} is locked: another master daemon or a node daemon uses the queue"
            ) from error
        yield
    finally:
        os.close(fd)


def job_is_running(livelock: Path) -> bool:
    """Return whether the process that holds a livelock file is alive."""
    try:
        fd = os.open(livelock, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False  # removed at the end of the process
    try:
        fcntl.lockf(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return True
    finally:
        os.close(fd)
    return False


def still_running(files: Iterable[Path]) -> list[Path]:
    """Return those of some files of jobs whose job's process is alive; unreadable ones are not."""
    running = []
    for path in files:
        try:
            livelock = json.loads(path.read_bytes()).get("livelock")
        except (OSError, ValueError, AttributeError):
            continue
        if isinstance(livelock, str) and "\0" not in livelock and job_is_running(Path(livelock)):
            running.append(path)
    return running
