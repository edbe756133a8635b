"""Follow a job until it ends.

The daemon holds each call until the job differs from what we know or a time has passed, so nothing
is polled. At a terminal the time is short and a line of progress is kept up to date; elsewhere it
is long, and the only signs of a job that waits are Ganeti's two sentences.

Source: Ganeti 3.0.2 lib/cli.py (texts, rules for the outcome).
"""

import os
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol, TextIO

from masterd.client.failure import Failure, describe_wire, is_encoded_error
from masterd.client.log_text import log_text
from masterd.client.times import format_elapsed, format_log_time
from masterd.clock import Clock
from masterd.errors import JobLost
from masterd.job.status import FINAL, JobStatus, OpStatus
from masterd.limits import CLIENT_POLL_S, CLIENT_PROGRESS_S

#: Answer of WaitForJobChange when the time is over. Source: constants.json JOB_NOTCHANGED.
_NOT_CHANGED: Final = "nochange"

_WATCHED: Final = ("status", "opstatus")

#: A canceling job will not succeed any more; its end is not waited for.
_ENDED: Final = FINAL | {OpStatus.CANCELING}


class Caller(Protocol):
    """Who carries LUXI calls to the master daemon; `masterd.luxi.client.Client` is one."""

    def call(self, method: str, *args: object) -> Any:
        """Return the call's result.

        Raises:
            GanetiError: the daemon's error, or why it was not reached.
        """
        ...


class Reporter(Protocol):
    """Who tells people what happens while they wait."""

    #: Seconds after which the reporter wants to hear from us, change or not.
    interval_s: int

    def log(self, time: Sequence[int], kind: str, message: object) -> None:
        """A line of the job's log."""
        ...

    def state(self, status: str, opcode_statuses: Sequence[str], *, changed: bool) -> None:
        """The job's status, after a change or after `interval_s` without one."""
        ...

    def finish(self) -> None:
        """The job ended, or following it did."""
        ...


def follow(caller: Caller, job_id: int, reporter: Reporter) -> Failure | None:
    """Wait until a job ends; return why it did not succeed, or None.

    Raises:
        GanetiError: it could not be followed; JobLost if there is no such job.
    """
    try:
        _wait(caller, job_id, reporter)
    finally:
        reporter.finish()
    rows = caller.call("QueryJobs", [job_id], ["status", "opstatus", "opresult"])
    if not rows or rows[0] is None or rows[0][0] is None:
        raise JobLost(f"Job with id {job_id} lost")
    return outcome(*rows[0])


def _wait(caller: Caller, job_id: int, reporter: Reporter) -> None:
    known: list[Any] | None = None
    serial: int | None = None
    while True:
        answer = caller.call(
            "WaitForJobChange", job_id, list(_WATCHED), known, serial, reporter.interval_s
        )
        if not answer:
            raise JobLost(f"Job with id {job_id} lost")
        if answer == _NOT_CHANGED:
            if known is not None:
                reporter.state(*known, changed=False)
            continue
        known, entries = answer
        assert known is not None, "a change comes with the values asked for"
        for entry_serial, time, kind, message in entries or ():
            reporter.log(time, kind, message)
            serial = entry_serial if serial is None else max(serial, entry_serial)
        reporter.state(*known, changed=True)
        # Entries that came with the end may have more behind them: ask until there are none.
        if known[0] in _ENDED and not entries:
            return


def outcome(status: str, opcode_statuses: Sequence[str], results: Sequence[Any]) -> Failure | None:
    """Return why a job that ended this way did not succeed, or None if it did."""
    if status == JobStatus.SUCCESS:
        return None
    if status in (JobStatus.CANCELED, JobStatus.CANCELING):
        return describe_wire("JobCanceled", ["Job was canceled"])
    some_success = False
    for index, (opcode_status, result) in enumerate(zip(opcode_statuses, results, strict=False)):
        if opcode_status == OpStatus.SUCCESS:
            some_success = True
        elif opcode_status == OpStatus.ERROR:
            if is_encoded_error(result):
                return describe_wire(*result)
            if some_success:
                text = f"partial failure (opcode {index}): {result}"
                return describe_wire("OpExecError", [text])
            return describe_wire("OpExecError", [str(result)])
    return describe_wire("OpExecError", [str(list(results))])


class SilentReporter:
    """Tells nothing."""

    interval_s = CLIENT_POLL_S

    def log(self, time: Sequence[int], kind: str, message: object) -> None:
        """Log lines are not shown."""

    def state(self, status: str, opcode_statuses: Sequence[str], *, changed: bool) -> None:
        """States are not shown."""

    def finish(self) -> None:
        """Nothing was begun."""


class PlainReporter(SilentReporter):
    """Writes log lines, and once each that the job waits, as Ganeti's `gnt-job watch` does."""

    def __init__(self, job_id: int, output: TextIO, errors: TextIO) -> None:
        self._job_id = job_id
        self._output = output
        self._errors = errors
        self._told: set[str] = set()

    def log(self, time: Sequence[int], kind: str, message: object) -> None:
        print(format_log_time(time), log_text(kind, message), file=self._output, flush=True)

    def state(self, status: str, opcode_statuses: Sequence[str], *, changed: bool) -> None:
        text = _WAITING_TEXTS.get(status)
        if changed or text is None or status in self._told:
            return
        self._told.add(status)
        print(f"Job {self._job_id} {text}", file=self._errors, flush=True)


_WAITING_TEXTS: Final = {
    "queued": "is waiting in queue",
    "waiting": "is trying to acquire all necessary locks",
}


#: Width of a terminal that does not tell its own.
_COLUMNS: Final = 80


class TerminalReporter:
    """Keeps one line of progress on the terminal, below the log lines if those are wanted.

    Args:
        log: writes the log lines; None: they are not shown.
        terminal: where the progress line stands.
        columns: gives the width of the terminal, which may change; None: it is asked.
    """

    interval_s = CLIENT_PROGRESS_S

    def __init__(
        self,
        job_id: int,
        terminal: TextIO,
        clock: Clock,
        log: PlainReporter | None = None,
        *,
        columns: Callable[[], int] | None = None,
    ) -> None:
        self._job_id = job_id
        self._terminal = terminal
        self._clock = clock
        self._log = log
        self._columns = columns or self._measured
        self._begin_s = clock.monotonic_s()
        self._shown = 0

    def log(self, time: Sequence[int], kind: str, message: object) -> None:
        if self._log is not None:
            self._write("")
            self._log.log(time, kind, message)

    def state(self, status: str, opcode_statuses: Sequence[str], *, changed: bool) -> None:
        elapsed = format_elapsed(self._clock.monotonic_s() - self._begin_s)
        total = len(opcode_statuses)
        done = sum(opcode in FINAL for opcode in opcode_statuses)
        opcodes = f", {done} of {total} opcodes done" if total > 1 else ""
        self._write(f"Job {self._job_id}: {status}{opcodes}, {elapsed}")

    def finish(self) -> None:
        self._write("")

    def _measured(self) -> int:
        try:
            return os.get_terminal_size(self._terminal.fileno()).columns or _COLUMNS
        except (OSError, ValueError):
            return _COLUMNS

    def _write(self, text: str) -> None:
        """Replace the line; the empty text removes it."""
        if not text and not self._shown:
            return
        # A line that wraps could not be replaced; the last column makes some terminals wrap.
        text = text[: max(1, self._columns() - 1)]
        blank = " " * max(0, self._shown - len(text))
        end = "\r" if not text else ""
        self._terminal.write(f"\r{text}{blank}{end}")
        self._terminal.flush()
        self._shown = len(text)
