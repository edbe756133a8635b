"""One master candidate kept up to date.

A feed reads the outbox behind its own cursor and sends what it asks for. A candidate that does not
answer is tried again, more and more rarely. Meanwhile the outbox keeps its changes, up to a bound;
beyond it the candidate joins anew.

A candidate that joins gets all live jobs that it has not, those first that have not ended, and then
what has changed since. The outbox keeps that from before the first file is sent, so that a crash in
between leaves no job behind that was sent and then archived. Then, while it follows the changes,
its archive is compared with the one here, and files of other times get out of its queue (`survey`).
Nothing is removed before what takes its place is there; until the survey ends, the candidate counts
as joining in the store.

Others wait for candidates that take changes and keep up (`reachable`), for no others: one that is
in trouble, or has a long way to go after it was, delays nobody.
"""

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import gevent
from gevent.event import Event

from exporter import plan as plans
from exporter.held import Held
from exporter.lag import LagMeter
from exporter.layout import VERSION_CONTENT, Layout
from exporter.plan import LeftBehindError, Plan
from exporter.progress import ProgressMark
from exporter.replica import Replica, ReplicaError
from exporter.sender import InThread, Sender
from exporter.survey import Survey
from store import outbox, schema
from store.errors import StoreError
from store.store import Store
from store.txn import WriteTxn

_log = logging.getLogger(__name__)

#: Begins the names of cursors: of replicas that hold everything below, and of those that join and
#: hold nothing for sure, but get what is above once they hold all live jobs.
HELD_PREFIX: Final = "replica:"
JOINING_PREFIX: Final = "joining:"

#: Seconds until a candidate that failed is tried again: doubled each time, from the first to the
#: last of these.
RETRY_S_MIN: Final = 0.5
RETRY_S_MAX: Final = 60.0

#: Seconds between two plans while there is more to do: changes of a job meanwhile become one file.
PAUSE_S: Final = 0.02

#: Seconds that a plan is to take, so that what it brought counts soon; it has as many jobs as the
#: replica took in that time before, within these bounds.
PLAN_S: Final = 0.5
PLAN_JOBS_MIN: Final = 16
PLAN_JOBS_MAX: Final = plans.ENTRIES_MAX

#: Plans after which the survey goes on a little although there is more to follow.
PLANS_PER_LOOK: Final = 4

#: Seconds until the survey goes on after it failed.
SURVEY_RETRY_S: Final = 60.0

#: Changes, or jobs, that a candidate may lack at the start and still count as one that keeps up.
LATE_MIN: Final = 500

#: Seconds of lag below which a candidate that was in trouble counts as one that keeps up again.
CAUGHT_UP_S: Final = 1.0


class Feed:
    """Sends changes to one replica. `run` is the body of its greenlet."""

    def __init__(
        self,
        store: Store,
        layout: Layout,
        replica: Replica,
        *,
        cursors: Mapping[str, object],
        in_thread: InThread,
        now_s: Callable[[], float],
        hurry_s: float,
        mirrored: Callable[[int], bool],
        moved: Callable[[], None],
    ) -> None:
        """Prepare.

        Args:
            cursors: all cursors in the store, which tell how far the replica had come.
            in_thread: runs what reads much of the store on a native thread; switches.
            now_s: a clock that never goes back, in seconds.
            hurry_s: seconds of lag above which the replica's files go before other work.
            mirrored: waits a moment until the files here show an entry; returns whether they do.
            moved: is called when the replica holds more than before, or is reachable or not any
                more; must not switch.
        """
        self.replica = replica
        self.held_cursor = f"{HELD_PREFIX}{replica.name}"
        self.joining_cursor = f"{JOINING_PREFIX}{replica.name}"
        held, since = cursors.get(self.held_cursor), cursors.get(self.joining_cursor)
        self.mark = ProgressMark(held if isinstance(held, int) else 0)
        self.meter = LagMeter(now_s)
        #: Why the replica does not take changes now; None while it does.
        self.trouble: str | None = None
        self._store = store
        self._layout = layout
        self._joined = isinstance(held, int)
        self._since = since if isinstance(since, int) else None
        self._survey: Survey | None = None
        self._survey_from_s = now_s()
        #: Entries through which the live files of the replica may be older than their jobs.
        self._unsure_through = 0
        self._in_thread = in_thread
        self._now_s = now_s
        self._hurry_s = hurry_s
        self._mirrored = mirrored
        self._moved = moved
        self._wanted = Event()
        self._wanted.set()
        self._held = Held()
        self._sender = Sender(store, layout, replica, self._held, in_thread)
        self._plan_jobs = PLAN_JOBS_MIN
        self._plans = 0
        #: Jobs a second that it took lately; None before anything is known.
        self._pace: float | None = None
        if self._joined and self._since is not None:
            self._survey = self._make_survey(self._since)
        with store.snapshot() as txn:
            self._last_before = outbox.last(txn)
            jobs = schema.JOBS.count(txn)
        owed = self._last_before - self.mark.value if self._joined else jobs
        #: Whether it has to catch up before anybody waits for it.
        self._late = owed > LATE_MIN

    @property
    def name(self) -> str:
        """The node's name."""
        return self.replica.name

    @property
    def knows_its_place(self) -> bool:
        """Whether its mark may be kept as the replica's cursor; until then it joins."""
        return self._joined and self.mark.value >= self._unsure_through

    @property
    def joining(self) -> bool:
        """Whether it is not known yet that the replica holds everything below its mark."""
        return not self.knows_its_place or self._survey is not None

    def places(self) -> dict[str, int]:
        """Return where a feed of the same replica may go on, by name of the cursor."""
        if not self.knows_its_place:
            return {}
        place = {self.held_cursor: self.mark.value}
        return place | ({self.joining_cursor: self.mark.value} if self.joining else {})

    @property
    def archive_unknown(self) -> int | None:
        """How many archived jobs the replica may lack; None when its archive was compared."""
        if self._survey is not None:
            return self._survey.unknown
        if self._joined:
            return None
        with self._store.snapshot() as txn:
            return schema.ARCHIVE.count(txn)

    @property
    def reachable(self) -> bool:
        """Whether the replica takes changes and keeps up with them, as far as is known."""
        return self.trouble is None and not self._late

    @property
    def catching_up(self) -> float | None:
        """Jobs a second that the replica takes while it has a long way to go; None otherwise."""
        return self._pace if self._late and self.trouble is None else None

    def poke(self) -> None:
        """Say that there is something to do; does not switch."""
        self._wanted.set()

    def run(self) -> None:
        """Send changes until the greenlet is killed. Switches."""
        retry_s = RETRY_S_MIN
        while True:
            self._wanted.wait(None if self._survey is None else SURVEY_RETRY_S)
            self._wanted.clear()
            try:
                while self._step():
                    gevent.sleep(PAUSE_S)
            except (ReplicaError, StoreError) as error:
                if self.trouble is None:
                    _log.warning("%s is not kept up to date: %s", self.name, error)
                self.trouble = str(error)
                self._late = True
                self._held.forget()
                self._moved()
                gevent.sleep(retry_s)
                retry_s = min(retry_s * 2, RETRY_S_MAX)
                self._wanted.set()
            else:
                retry_s = RETRY_S_MIN

    def _step(self) -> bool:
        """Do what the next entries ask for; return whether something was done."""
        if not self._joined:
            self._join()
            return True
        after = self.mark.value
        try:
            plan = self._in_thread(partial(self._read, after))
        except LeftBehindError as error:
            _log.warning("%s gets the whole queue anew: %s", self.name, error)
            self._joined, self._since, self._late = False, None, True
            return True
        if plan.through == after:
            self._caught_up()
            return self._look_further()
        self._sender.hurry = self.meter.waiting_s > self._hurry_s
        begun_s = self._now_s()
        self._sender.carry_out(plan, sure=after >= self._unsure_through)
        self._size_plans(len(plan.jobs) + len(plan.archived), self._now_s() - begun_s)
        self._advance(plan.through)
        self._plans += 1
        if self._plans % PLANS_PER_LOOK == 0:
            self._look_further()
        return True

    def _look_further(self) -> bool:
        """Go on with the survey; return whether there is one."""
        if self._survey is None or self._now_s() < self._survey_from_s:
            return False
        try:
            if not self._survey.step():
                self._survey = None
                self._moved()
        except ReplicaError as error:
            # Changes may get through all the same, and matter more.
            _log.warning("the archive of %s is compared later: %s", self.name, error)
            self._survey_from_s = self._now_s() + SURVEY_RETRY_S
        return True

    def _size_plans(self, jobs: int, took_s: float) -> None:
        """Make the next plan as large as fits into its time."""
        if jobs:
            pace = jobs / max(took_s, PLAN_S / PLAN_JOBS_MAX)
            self._pace = pace if self._pace is None else (self._pace + pace) / 2
        if jobs >= self._plan_jobs or took_s > PLAN_S:
            fit = int(jobs * PLAN_S / max(took_s, PLAN_S / PLAN_JOBS_MAX))
            self._plan_jobs = max(PLAN_JOBS_MIN, min(fit, 2 * self._plan_jobs, PLAN_JOBS_MAX))

    def _join(self) -> None:
        if self._since is None:
            self._since = self._store.update(self._begin_to_join)
        self._unsure_through = self._write_whole()
        self._joined = True
        self._survey = self._make_survey(self._since)
        self._advance(self._since)

    def _begin_to_join(self, txn: WriteTxn) -> int:
        since = outbox.last(txn)
        outbox.drop_cursor(txn, self.held_cursor)
        outbox.set_cursor(txn, self.joining_cursor, since)
        return since

    def _make_survey(self, since: int) -> Survey:
        return Survey(
            self._store,
            self._layout,
            self.replica,
            self._sender,
            in_thread=self._in_thread,
            mirrored=partial(self._mirrored, since),
        )

    def _read(self, after: int) -> Plan:
        with self._store.snapshot() as txn:
            plan = plans.read(txn, after, self._held, jobs_max=self._plan_jobs)
        plans.note_damage(self._store, plan)
        return plan

    def _write_whole(self) -> int:
        """Send all live jobs that are not there as they are here.

        Returns the last entry before which jobs may have been archived.
        """
        self._held.forget()
        self.replica.update(self._layout.version, VERSION_CONTENT)
        ids = self._in_thread(self._live_ids)
        self._sender.carry_out(self._in_thread(self._switches), sure=True)
        for start in range(0, len(ids), PLAN_JOBS_MAX):
            some = ids[start : start + PLAN_JOBS_MAX]
            self._sender.carry_out_anew(self._in_thread(partial(self._jobs, some)))
        with self._store.snapshot() as txn:
            return outbox.last(txn)

    def _live_ids(self) -> list[int]:
        with self._store.snapshot() as txn:
            unfinished = dict.fromkeys(schema.UNFINISHED.keys(txn))
            return list({**unfinished, **dict.fromkeys(schema.JOBS.keys(txn))})

    def _switches(self) -> Plan:
        with self._store.snapshot() as txn:
            return plans.switches(txn)

    def _jobs(self, ids: list[int]) -> Plan:
        with self._store.snapshot() as txn:
            plan = plans.of_jobs(txn, ids)
        plans.note_damage(self._store, plan)
        return plan

    def _advance(self, through: int) -> None:
        if self.trouble is not None:
            _log.info("%s takes changes again", self.name)
            self.trouble = None
        self.mark.advance(through)
        self._held.passed(through)
        self.meter.held(through)
        if through >= self._last_before and self.meter.waiting_s < CAUGHT_UP_S:
            self._late = False
        self._moved()

    def _caught_up(self) -> None:
        """Take notice that there is nothing to do."""
        if self._late or self.trouble is not None:
            self._late = False
            self._advance(self.mark.value)
