"""Processes that stay when their starter ends, found again by the pid file they hold.

A process id in a file proves nothing: the process may be gone and its number be another's. The lock
on the file proves it, and the kernel knows who holds it (`masterd.pidfile` takes the lock). Between
asking for the holder and sending a signal the holder may end, so a process descriptor is opened and
the lock looked at again: a descriptor never comes to mean another process.
"""

import errno
import os
import select
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import masterd
from masterd.pidfile import holder

#: Seconds that a process gets after each of the signals, the last one excepted.
END_S: Final = 15.0

#: SIGTERM twice: the daemon lets running opcodes finish after the first.
_SIGNALS: Final = (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL)

#: Where `python -m masterd` finds the packages.
PACKAGES: Final = Path(masterd.__file__).parent.parent


class ProcessError(Exception):
    """A process did not start or did not end; the text says which and why."""


@contextmanager
def held(pid_file: Path) -> Iterator[int | None]:
    """Give a descriptor of the process that holds a pid file, or None where none does."""
    descriptor = _open_holder(pid_file)
    try:
        yield descriptor
    finally:
        if descriptor is not None:
            os.close(descriptor)


def end(pid_file: Path, patience_s: float = END_S) -> bool:
    """End the process that holds a pid file; tell whether there was one. Blocks.

    Raises:
        ProcessError: it is still there after SIGKILL.
    """
    with held(pid_file) as descriptor:
        if descriptor is None:
            return False
        for number in _SIGNALS:
            try:
                signal.pidfd_send_signal(descriptor, number)
            except ProcessLookupError:
                return True
            if wait_end(descriptor, patience_s):
                return True
    raise ProcessError(f"the process that holds {pid_file} does not end")


def wait_end(descriptor: int, timeout_s: float) -> bool:
    """Wait until the process of a descriptor has ended; tell whether it did. Blocks."""
    readable, _, _ = select.select([descriptor], [], [], timeout_s)
    return bool(readable)


def spawn(
    command: Sequence[str], output: Path, environment: Mapping[str, str] | None = None
) -> "subprocess.Popen[bytes]":
    """Start a process apart from our terminal; what it prints before it is ready can be read.

    Args:
        output: gets what it writes to standard error, appended.
        environment: variables besides our own.
    """
    with output.open("ab") as errors:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**os.environ, **(environment or {})},
            cwd=PACKAGES,
            start_new_session=True,
        )


def await_line(process: "subprocess.Popen[bytes]", wanted: bytes, timeout_s: float) -> bool:
    """Read the first line a spawned process prints; tell whether it is `wanted`. Blocks."""
    assert process.stdout is not None, "A pipe was asked for"
    with process.stdout as printed:
        readable, _, _ = select.select([printed], [], [], timeout_s)
        return bool(readable) and printed.readline() == wanted


def _open_holder(pid_file: Path) -> int | None:
    pid = holder(pid_file)
    if pid is None:
        return None
    try:
        descriptor = os.pidfd_open(pid)
    except OSError as error:
        if error.errno == errno.ESRCH:
            return None
        raise
    if holder(pid_file) == pid:
        return descriptor
    os.close(descriptor)
    return None
