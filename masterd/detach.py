"""Leave the terminal: two forks, and a pipe through which the daemon reports how its start went.

The command returns only when the daemon serves or has failed, so that `ganeti-masterd && gnt-job
list` works and an init script sees the real outcome. The process that was started waits at the read
end; the daemon sends one JSON object `{"exit_code": int, "text": str}` and closes. If it dies
without a word, end of file says so.

Everything here uses the unpatched functions of `os`: the patched ones would make an event loop in
the parent, and an event loop, a thread or an open store must never be carried across a fork.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any, Final

from gevent import monkey

from masterd.errors import EXIT_FAILURE, EXIT_SUCCESS
from masterd.limits import DAEMON_DESCRIPTORS_MAX, DAEMON_REPORT_BYTES_MAX

#: Descriptors of standard input, output and error.
_STANDARD: Final = (0, 1, 2)


class StartReport:
    """The daemon's end of the pipe; in the foreground there is none and text goes to stderr."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor

    def send_success(self, text: str) -> None:
        """Tell that the daemon serves; the command that started it prints the text and returns."""
        self.send(EXIT_SUCCESS, text)

    def send(self, exit_code: int, text: str = "") -> None:
        """Tell how the start went; only the first report counts."""
        if self._descriptor is None:
            if text:
                print(text, file=sys.stderr, flush=True)
            return
        if self._descriptor < 0:
            return
        descriptor, self._descriptor = self._descriptor, -1
        # Cut the text, not the document; six bytes are the worst a character takes in JSON.
        text = text[: DAEMON_REPORT_BYTES_MAX // 6 - 64]
        message = json.dumps({"exit_code": exit_code, "text": text}).encode()
        try:
            while message:
                message = message[os.write(descriptor, message) :]
        except BrokenPipeError:
            # Whoever started us has gone; the log has it too.
            return
        finally:
            # The patched one closes a pipe whenever the loop next turns, and whoever started us
            # waits for the end of file.
            monkey.get_original("os", "close")(descriptor)


def detach(log_file: Path) -> StartReport:
    """Go on as a daemon; return in the daemon only.

    The process that called ends in here: it waits for the report, prints its text and exits with
    its code. `log_file` is named when the daemon died without a report. In the daemon, standard
    input is empty and all other inherited descriptors are closed; standard output and error still
    reach the terminal until `redirect_output`.
    """
    if threading.active_count() != 1:
        raise RuntimeError("detaching with threads running would lose them")
    fork = monkey.get_original("os", "fork")
    read_end, write_end = os.pipe()
    child = fork()
    if child:
        os.close(write_end)
        sys.exit(_await_report(read_end, child, log_file))
    os.close(read_end)
    os.setsid()
    # The second fork gives up the session's leadership, and with it any way to a terminal.
    if fork():
        os._exit(0)
    os.chdir("/")
    _close_inherited(write_end)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return StartReport(write_end)


def redirect_output(descriptor: int | None) -> None:
    """Let standard output and error go to the log file, or nowhere if there is none."""
    target = os.open(os.devnull, os.O_WRONLY) if descriptor is None else descriptor
    for number in _STANDARD[1:]:
        os.dup2(target, number)
    if descriptor is None:
        os.close(target)


def _await_report(read_end: int, child: int, log_file: Path) -> int:
    monkey.get_original("os", "waitpid")(child, 0)
    received = b""
    while len(received) < DAEMON_REPORT_BYTES_MAX:
        part = os.read(read_end, DAEMON_REPORT_BYTES_MAX - len(received))
        if not part:
            break
        received += part
    exit_code, text = _decode_report(received, log_file)
    if text:
        print(text, file=sys.stderr, flush=True)
    return exit_code


def _decode_report(received: bytes, log_file: Path) -> tuple[int, str]:
    try:
        document: Any = json.loads(received)
        return int(document["exit_code"]), str(document["text"])
    except (ValueError, KeyError, TypeError):
        return EXIT_FAILURE, f"the daemon ended before it was ready; see {log_file}"


def _close_inherited(keep: int) -> None:
    highest = os.sysconf("SC_OPEN_MAX")
    if not 0 < highest <= DAEMON_DESCRIPTORS_MAX:
        highest = DAEMON_DESCRIPTORS_MAX
    os.closerange(_STANDARD[-1] + 1, keep)
    os.closerange(keep + 1, highest)
