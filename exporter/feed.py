"""One master candidate kept up to date.

A feed reads the outbox behind its own cursor and sends what it asks for, one file after the other.
A candidate that does not answer is tried again, more and more rarely. Meanwhile the outbox keeps
its changes, up to a bound; beyond it the candidate's queue is emptied and written anew.

A new candidate joins: it gets all live jobs, and then what has changed since. The outbox keeps
that from before the first file is sent, so that a crash in between leaves no job behind that was
sent and then archived.
"""

import logging
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final, Protocol, TypeVar

import gevent
from gevent.event import Event

from exporter import plan as plans
from exporter.lag import LagMeter
from exporter.layout import VERSION_CONTENT, Layout, serial_content
from exporter.plan import LeftBehindError, Plan, Shown
from exporter.progress import ProgressMark
from exporter.replica import Replica, ReplicaError
from store import outbox
from store.errors import StoreError
from store.store import Store
from store.txn import WriteTxn

T = TypeVar("T")

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

#: Seconds for which a file waits at most for a moment in which nobody else has work: under full
#: load clients go first, and candidates get a share.
GIVE_WAY_S: Final = 0.003

#: Files moved by one call.
MOVES_MAX: Final = 200


class InThread(Protocol):
    """Runs a function on a native thread and returns its result. Switches."""

    def __call__(self, work: Callable[[], T]) -> T: ...


class Feed:
    """Sends changes to one replica. `run` is the body of its greenlet."""

    def __init__(
        self,
        store: Store,
        layout: Layout,
        replica: Replica,
        *,
        cursors: Mapping[str, object],
        purge_new: bool,
        in_thread: "InThread",
        now_s: Callable[[], float],
        moved: Callable[[], None],
    ) -> None:
        """Prepare.

        Args:
            cursors: all cursors in the store, which tell how far the replica had come.
            purge_new: empty the queue of a replica that has no cursor, because its files are of
                an earlier time. Without it they count as those that this store began with.
            in_thread: runs what reads much of the store on a native thread; switches.
            moved: is called when the replica holds more than before; must not switch.
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
        self._purge_new = purge_new
        #: Entries through which the live files of the replica may be older than their jobs.
        self._unsure_through = 0
        self._in_thread = in_thread
        self._moved = moved
        self._wanted = Event()
        self._wanted.set()
        self._shown = Shown()

    @property
    def name(self) -> str:
        """The node's name."""
        return self.replica.name

    @property
    def knows_its_place(self) -> bool:
        """Whether its mark may be kept as the replica's cursor; until then it joins."""
        return self._joined and self.mark.value >= self._unsure_through

    def poke(self) -> None:
        """Say that there is something to do; does not switch."""
        self._wanted.set()

    def run(self) -> None:
        """Send changes until the greenlet is killed. Switches."""
        retry_s = RETRY_S_MIN
        while True:
            self._wanted.wait()
            self._wanted.clear()
            try:
                while self._step():
                    gevent.sleep(PAUSE_S)
            except (ReplicaError, StoreError) as error:
                if self.trouble is None:
                    _log.warning("%s is not kept up to date: %s", self.name, error)
                self.trouble = str(error)
                self._shown.forget()
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
            self.replica.purge()
            self._advance(self._write_whole())
            return True
        if plan.through == after:
            return False
        self._carry_out(plan)
        self._advance(plan.through)
        return True

    def _join(self) -> None:
        if self._since is None:
            if self._purge_new:
                self.replica.purge()
            self._since = self._store.update(self._begin_to_join)
        self._unsure_through = self._write_whole()
        self._joined = True
        self._advance(self._since)

    def _begin_to_join(self, txn: WriteTxn) -> int:
        since = outbox.last(txn)
        outbox.set_cursor(txn, self.joining_cursor, since)
        return since

    def _read(self, after: int) -> Plan:
        with self._store.snapshot() as txn:
            return plans.read(txn, after)

    def _write_whole(self) -> int:
        """Send all live jobs; return the last entry that this settles."""
        self._shown.forget()
        self.replica.update(self._layout.version, VERSION_CONTENT)
        start: int | None = 0
        through = 0
        while start is not None:
            plan, start = self._in_thread(partial(self._page, start))
            if plan.serial is not None:
                through = plan.through
            self._carry_out(plan)
        return through

    def _page(self, start: int) -> tuple[Plan, int | None]:
        with self._store.snapshot() as txn:
            return plans.page(txn, start)

    def _carry_out(self, plan: Plan) -> None:
        if plan.drained is not None:
            self.replica.set_drain(plan.drained)
        serial = self._shown.new_serial(plan)
        if serial is not None:
            self.replica.update(self._layout.serial, serial_content(serial))
        for job_id, content in self._shown.news(plan).items():
            self.replica.update(self._layout.job(job_id), content)
            _give_way()
        self._shown.add(plan)
        unsure = self.mark.value < self._unsure_through
        for job_id, owed in plan.archived.items():
            if owed or unsure:
                self._send_archived(job_id)
        ids = list(plan.archived)
        for start in range(0, len(ids), MOVES_MAX):
            self._archive(ids[start : start + MOVES_MAX])

    def _archive(self, ids: list[int]) -> None:
        """Move jobs to the archive; one by one where some have moved before."""
        try:
            self.replica.rename([self._move(job_id) for job_id in ids])
        except ReplicaError as error:
            if not error.missing:
                raise
            for job_id in ids:
                self._archive_again(job_id)

    def _archive_again(self, job_id: int) -> None:
        try:
            self.replica.rename([self._move(job_id)])
        except ReplicaError as error:
            if not error.missing:
                raise
            # It was moved before and the answer got lost, or it never arrived: settled by both.
            if self._send_archived(job_id):
                self.replica.rename([self._move(job_id)])

    def _send_archived(self, job_id: int) -> bool:
        with self._store.snapshot() as txn:
            content = plans.archived_content(txn, job_id)
        if content is None:
            return False
        self.replica.update(self._layout.job(job_id), content)
        return True

    def _move(self, job_id: int) -> tuple[Path, Path]:
        return self._layout.job(job_id), self._layout.archived_job(job_id)

    def _advance(self, through: int) -> None:
        if self.trouble is not None:
            _log.info("%s takes changes again", self.name)
            self.trouble = None
        self.mark.advance(through)
        self.meter.held(through)
        self._moved()


def _give_way() -> None:
    """Let others work first, for a moment. Switches."""
    with gevent.Timeout(GIVE_WAY_S, False):
        gevent.idle()
