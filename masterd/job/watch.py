"""Waiting for news of a job: what one client knows of it, and whether there is more to tell.

How values are read and told is the client's side's; when to look is the commits' (`waiters`).
"""

from collections.abc import Sequence
from typing import Protocol

from masterd.job.model import Job, LogEntry
from masterd.job.service import JobService
from masterd.job.waiters import Waiter


class Told(Protocol):
    """The client that is told, once."""

    def values(self, job: Job) -> object:
        """Return what the client wants to know of a job; never switches."""
        ...

    def tell(self, values: object, entries: Sequence[LogEntry]) -> None:
        """Answer with these values and log entries; never switches."""
        ...


class JobWatch:
    """Tells when a job differs from what its client knows, has more log entries, or has ended."""

    __slots__ = ("_job_id", "_jobs", "_last", "_previous", "_seen", "_told")

    def __init__(
        self, jobs: JobService, job_id: int, told: Told, *, previous: object, seen: int
    ) -> None:
        """Prepare.

        Args:
            previous: the values that the client has.
            seen: serial of the last log entry that it has.
        """
        self._jobs = jobs
        self._job_id = job_id
        self._told = told
        self._previous = previous
        self._seen = seen
        self._last: Job | None = None

    def begin(self, job: Job, timeout_s: float) -> Waiter | None:
        """Tell at once when there is news; else return what waits for it, `timeout_s` at most."""
        if self._look(job):
            return None
        return self._jobs.waiters.add(self._job_id, timeout_s, self._look)

    def _look(self, job: Job | None) -> bool:
        """Answer if this job (None: time is up) is news; never switches."""
        timed_out = job is None
        if job is None:
            job = self._last
            assert job is not None
        self._last = job
        values = self._told.values(job)
        news = job.final or job.log_serial > self._seen or values != self._previous
        if not news and not timed_out:
            return False
        more = job.log_serial > self._seen
        self._told.tell(values, self._jobs.logs(self._job_id, self._seen) if more else ())
        return True
