"""What a mirror holds already, so that no state of a job is written twice. Pure.

A mirror that was given the newest state of a job holds what every entry of that job up to then asks
for, however many there are, and also when the job was in the archive by then. So each entry behind
the cursor needs to be looked at once, and only those of jobs that changed later cost anything.
"""

from collections import deque
from typing import Final

#: Jobs that are remembered; some 10 MiB. A mirror further behind does some work twice.
JOBS_MAX: Final = 100_000


class Held:
    """Up to which outbox entry the state of each job is held; bounded, oldest out."""

    def __init__(self, jobs_max: int = JOBS_MAX) -> None:
        self._jobs_max = jobs_max
        self._through: dict[int, int] = {}
        #: Jobs in the order in which they were given, with the entry of that time.
        self._given: deque[tuple[int, int]] = deque()
        #: The serial that the mirror shows; None while nobody knows.
        self.serial: int | None = None
        #: Likewise the epoch.
        self.epoch: int | None = None

    def covers(self, job_id: int, seq: int) -> bool:
        """Tell whether the mirror holds what an entry of a job asks for."""
        return self._through.get(job_id, -1) >= seq

    def add(self, job_id: int, through: int) -> None:
        """Take notice that the mirror was given a job as it was at entry `through`."""
        self._through[job_id] = through
        self._given.append((through, job_id))
        if len(self._given) > self._jobs_max:
            self._forget_oldest()

    def passed(self, seq: int) -> None:
        """Take notice that the cursor has come to `seq`: nobody asks for older entries again."""
        while self._given and self._given[0][0] <= seq:
            self._forget_oldest()

    def forget(self) -> None:
        """Take nothing for granted any more."""
        self.serial = None
        self.epoch = None
        self._through.clear()
        self._given.clear()

    def __len__(self) -> int:
        """Return the number of jobs that are remembered."""
        return len(self._through)

    def _forget_oldest(self) -> None:
        through, job_id = self._given.popleft()
        if self._through.get(job_id) == through:
            del self._through[job_id]
