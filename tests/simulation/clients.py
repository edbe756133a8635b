"""The clients: each request a greenlet of its own, and each answer noted the moment it comes."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Final

import gevent

from masterd.errors import GanetiError
from masterd.job.model import Job, LogEntry
from masterd.job.watch import JobWatch
from masterd.opcodes.base import load
from tests.simulation.daemon import Daemon
from tests.simulation.oracle import Oracle
from tests.simulation.wishes import Wishes

#: Seconds that a client waits for news of a job.
WATCH_S: Final = 30.0


class _Told:
    """Obeys `masterd.job.watch.Told`."""

    def __init__(self, tell: Callable[[object], None]) -> None:
        self._tell = tell

    def values(self, job: Job) -> object:
        return job.final

    def tell(self, values: object, entries: Sequence[LogEntry]) -> None:
        self._tell(values)


class Clients:
    """Asks one daemon for things, at random."""

    def __init__(
        self,
        chance: Random,
        wishes: Wishes,
        oracle: Oracle,
        daemon: Daemon,
        note: Callable[[str], None],
    ) -> None:
        self._chance = chance
        self._wishes = wishes
        self._oracle = oracle
        self._daemon = daemon
        self._note = note

    def ask(self, what: str, request: Callable[[], object]) -> None:
        """Have a greenlet ask; what it is answered belongs to the trace."""

        def asked() -> None:
            try:
                answer = request()
            except GanetiError as error:
                answer = error.to_wire()
            self._note(f"{what}: {answer}")

        gevent.spawn(asked)

    def submit(self) -> None:
        """Submit some jobs."""
        documents = self._wishes.submission(self._known())
        jobs = [[load(document) for document in ops] for ops in documents]

        def request() -> object:
            results = self._daemon.jobs.submit_many(jobs, None)
            for accepted, answer in results:
                if accepted:
                    self._oracle.submitted(int(answer))
            return results

        self.ask(f"submit {documents}", request)

    def cancel(self) -> None:
        """Cancel a job, or kill it."""
        job_id, kill = self._some_job(), self._chance.random() < 0.4

        def request() -> object:
            done, answer = self._daemon.jobs.cancel(job_id, kill=kill)
            self._oracle.canceled(job_id, answer if done else "")
            return answer

        self.ask(f"cancel {job_id}", request)

    def change_priority(self) -> None:
        """Change a job's priority."""
        job_id, priority = self._some_job(), self._chance.randint(-20, 19)
        self.ask(f"priority {job_id}", lambda: self._daemon.jobs.change_priority(job_id, priority))

    def archive(self) -> None:
        """Archive a job, or all that ended a while ago."""
        job_id = self._some_job()

        def request() -> object:
            done = self._daemon.jobs.archive(job_id)
            if done:
                self._oracle.archiving(job_id)
            return done

        if self._chance.random() < 0.2:
            self.ask("archive old ones", lambda: self._daemon.jobs.auto_archive(1, 60.0))
        else:
            self.ask(f"archive {job_id}", request)

    def drain(self) -> None:
        """Have the queue take no new jobs, or take them again."""
        drained = self._chance.random() < 0.4
        self.ask(f"drain {drained}", lambda: self._daemon.jobs.set_drained(drained))

    def change_rules(self) -> None:
        """Add a filter rule, replace one, or remove one."""
        uuids = sorted(self._daemon.config.snapshot().filters)
        if uuids and self._chance.random() < 0.5:
            gone = self._chance.choice(uuids)
            self.ask(f"unfilter {gone}", lambda: self._daemon.rules.delete(gone))
            return
        uuid = self._chance.choice([None, *uuids])
        rule = self._wishes.rule()
        self.ask(f"filter {rule}", lambda: self._daemon.rules.replace(uuid, **rule))

    def watch(self) -> None:
        """Wait for the end of a job."""
        job = self._daemon.jobs.get(self._some_job())
        if job is not None:
            told = _Told(lambda values: self._note(f"watched {job.job_id}: {values}"))
            watch = JobWatch(self._daemon.jobs, job.job_id, told, previous=False, seen=0)
            watch.begin(job, WATCH_S)

    def _known(self) -> list[int]:
        return sorted(self._oracle.promised)

    def _some_job(self) -> int:
        """Return a job's id: mostly one of the last, now and then one that never was."""
        known = self._known()
        if not known or self._chance.random() < 0.05:
            return 10_000
        return self._chance.choice(known[-6:])
