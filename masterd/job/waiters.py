"""Who waits for a change of a job, and how they are woken.

A waiter is a function and a deadline, not a greenlet: thousands wait at the price of a small object
and a timer each. It is woken by the commit of a change of its own job and by nothing else. Nothing
here switches greenlets; everything runs on the hub's thread.
"""

from collections.abc import Callable
from typing import Any

import gevent

from masterd.job.model import Job


class Waiter:
    """One interest in one job; ends by an answer, by its deadline, or by `forget`."""

    __slots__ = ("_look", "_timer", "_waiters", "job_id")

    def __init__(self, waiters: "Waiters", job_id: int, look: Callable[[Job | None], bool]) -> None:
        self.job_id = job_id
        self._waiters = waiters
        self._look = look
        self._timer: Any = None

    def forget(self) -> None:
        """Stop waiting, without being called again."""
        self._waiters._remove(self)
        if self._timer is not None:
            self._timer.stop()
            self._timer.close()
            self._timer = None

    def changed(self, job: Job | None) -> None:
        """Show the waiter a job (None: the deadline has come); it ends if it has seen enough."""
        if self._look(job):
            self.forget()

    def _expire(self) -> None:
        self.changed(None)


class Waiters:
    """All waiters, by job."""

    def __init__(self) -> None:
        #: In the order in which they came.
        self._by_job: dict[int, dict[Waiter, None]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, job_id: int, timeout_s: float, look: Callable[[Job | None], bool]) -> Waiter:
        """Wait for changes of a job.

        Args:
            look: called on the hub with the job after each of its commits, and with None when
                `timeout_s` is over; returns whether the waiting ends (None always ends it). Must
                not switch.
        """
        waiter = Waiter(self, job_id, look)
        self._by_job.setdefault(job_id, {})[waiter] = None
        self._count += 1
        timer = gevent.get_hub().loop.timer(timeout_s)
        waiter._timer = timer
        timer.start(waiter._expire)
        return waiter

    def tell(self, job: Job) -> None:
        """A change of a job is durable: show it to those who wait for it."""
        for waiter in tuple(self._by_job.get(job.job_id, ())):
            waiter.changed(job)

    def _remove(self, waiter: Waiter) -> None:
        waiters = self._by_job.get(waiter.job_id)
        if waiters is None or waiter not in waiters:
            return
        del waiters[waiter]
        self._count -= 1
        if not waiters:
            del self._by_job[waiter.job_id]
