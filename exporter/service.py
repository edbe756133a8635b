"""The mirror inside the daemon: greenlets that follow the commits.

One greenlet keeps the files of this machine (the work itself is done on a native thread, because it
blocks), one per master candidate keeps the candidate's, and one moves all cursors in the outbox
now and then: after a crash a few changes are done twice, which does no harm.

What wakes them is the commit itself (`poke`), never a clock.
"""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

import gevent
from gevent.event import Event
from gevent.threadpool import ThreadPool

from exporter import cleaning, ownership
from exporter.entrance import Entrance, EntranceReport
from exporter.feed import HELD_PREFIX, JOINING_PREFIX, Feed
from exporter.lag import Lag, LagMeter
from exporter.layout import Layout
from exporter.mirror import CURSOR, Mirror
from exporter.progress import ProgressMark
from exporter.rebuild import compare_live
from exporter.replica import Replica
from store import failpoints, outbox, schema
from store.errors import StoreError
from store.store import Store
from store.threads import in_thread
from store.txn import WriteTxn

T = TypeVar("T")

_log = logging.getLogger(__name__)

#: Seconds between two steps of the mirror while there is more to do: changes of a job that come
#: meanwhile become one file, and the disk syncs for the store in between.
PAUSE_S: Final = 0.02

#: Seconds until the mirror tries again after the disk failed.
RETRY_S: Final = 1.0

#: Share of the age allowed to what candidates do not hold, above which they go before other work.
HURRY_SHARE: Final = 0.2

#: Seconds for which a feed waits for the files here at once.
MIRRORED_S: Final = 1.0

#: Seconds for which cursors may lie behind what is done.
ACKNOWLEDGE_S: Final = 0.5

#: Seconds between two looks for old files in the archive, which are counted in days.
CLEAN_S: Final = 6 * 3600.0

#: Files that differ of which the log tells.
DIFFERENCES_TOLD: Final = 20


@dataclass(frozen=True, slots=True)
class LagReport:
    """Lag of the mirror on this machine, of each replica, and until all of these hold a change."""

    mirror: Lag
    replicas: Mapping[str, Lag]
    everywhere: Lag
    #: Why replicas do not take changes now, by name.
    troubles: Mapping[str, str]
    #: Names of those that take changes and keep up.
    reachable: Sequence[str]
    #: How many archived jobs replicas may lack whose archive was not compared yet, by name.
    archive_unknown: Mapping[str, int]
    #: How submissions get on with what candidates do not hold.
    entrance: EntranceReport


class Exporter:
    """Mirrors the store's jobs. All methods belong to the hub's thread."""

    def __init__(
        self,
        store: Store,
        layout: Layout,
        *,
        replicas: Sequence[Replica] = (),
        parked: Collection[str] = (),
        entrance: Entrance,
        now_s: Callable[[], float],
        permit: Callable[[], None] = lambda: None,
        keep_archive_since_s: Callable[[], float] | None = None,
    ) -> None:
        """Prepare; nothing is read or written before `start`.

        Args:
            replicas: the master candidates besides this node.
            parked: names of candidates that are not asked, and go on where they were later.
            entrance: is told what candidates hold.
            now_s: a clock that never goes back, in seconds.
            permit: is asked before files are written, on a native thread, and raises a StoreError
                where they may not be.
            keep_archive_since_s: returns the time, in seconds since the epoch, before which files
                of archived jobs are removed; without it they stay.
        """
        self._store = store
        self._layout = layout
        self._mirror = Mirror(store, layout)
        # One thread for the files, one that reads for the feeds, and one that gives files away at
        # the start.
        self._disk = ThreadPool(1)
        self._reading = ThreadPool(1)
        self._owning = ThreadPool(1)
        self._ending = False
        self._permit = permit
        self._keep_archive_since_s = keep_archive_since_s
        with store.snapshot() as txn:
            cursors = dict(schema.CURSORS.scan(txn))
            self._last = outbox.last(txn)
        after = cursors.get(CURSOR)
        self._after = after if isinstance(after, int) else None
        self._mark = ProgressMark(self._after or 0)
        self._entrance = entrance
        self._now_s = now_s
        self._parked = frozenset(parked)
        #: Where feeds had come that were left off, by name of the cursor.
        self._left: dict[str, int] = {}
        self._feeds = [self._feed(replica, cursors) for replica in replicas]
        self._meter = LagMeter(now_s)
        self._everywhere = LagMeter(now_s)
        self._everywhere_mark = ProgressMark(self._slowest(self._feeds))
        self._replicated_mark = ProgressMark(self._slowest(self._reachable()))
        self._wanted = Event()
        self._wanted.set()
        self._moved = Event()
        self._greenlets: list[gevent.Greenlet[[], None]] = []
        self._feeding: dict[Feed, gevent.Greenlet[[], None]] = {}

    def _feed(self, replica: Replica, cursors: Mapping[str, object]) -> Feed:
        return Feed(
            self._store,
            self._layout,
            replica,
            cursors=cursors,
            in_thread=partial(in_thread, self._reading),
            now_s=self._now_s,
            hurry_s=self._entrance.behind_max_s * HURRY_SHARE,
            mirrored=lambda seq: self._mark.wait(seq, MIRRORED_S),
            moved=self._take_notice,
        )

    # --- life ---------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to follow the commits; returns at once."""
        self._greenlets = [
            gevent.spawn(self._run),
            gevent.spawn(self._acknowledge),
            gevent.spawn(self._keep_house),
        ]
        self._feeding = {feed: gevent.spawn(feed.run) for feed in self._feeds}

    def stop(self, timeout_s: float) -> None:
        """End when the mirror on this machine holds everything, or after `timeout_s`. Switches.

        Replicas get what they do not hold yet after the next start.
        """
        self._ending = True
        with self._store.snapshot() as txn:
            last = outbox.last(txn)
        if self._greenlets:
            self.poke(last)
            if not self._mark.wait(last, timeout_s):
                _log.warning("the mirror is %d changes behind", last - self._mark.value)
        gevent.killall([*self._greenlets, *self._feeding.values()], timeout=timeout_s)
        self._greenlets = []
        self._feeding = {}
        try:
            self._move_cursors()
        except (StoreError, OSError) as error:
            _log.warning("the next start repeats some work of the mirror: %s", error)
        self._disk.kill()
        self._reading.kill()
        self._owning.kill()

    def follow(self, replicas: Sequence[Replica], parked: Collection[str] = ()) -> None:
        """Take notice of who are candidates now, arguments as at the beginning; does not switch.

        One that was not among them joins. One that is no longer is forgotten, unless it is parked:
        then the outbox keeps for it what it does not hold.
        """
        self._parked = frozenset(parked)
        wanted = {id(replica) for replica in replicas}
        kept = [feed for feed in self._feeds if id(feed.replica) in wanted]
        known = {id(feed.replica) for feed in kept}
        new = [replica for replica in replicas if id(replica) not in known]
        if self._ending or (not new and len(kept) == len(self._feeds)):
            return
        for feed in self._feeds:
            if feed not in kept:
                self._left |= feed.places()
                if feed in self._feeding:
                    self._feeding.pop(feed).kill(block=False)
        with self._store.snapshot() as txn:
            cursors = {**dict(schema.CURSORS.scan(txn)), **self._left}
        names = {replica.name for replica in replicas} | self._parked
        self._left = {
            name: seq for name, seq in self._left.items() if name.partition(":")[2] in names
        }
        added = [self._feed(replica, cursors) for replica in new]
        self._feeds = [*kept, *added]
        if self._greenlets:
            self._feeding.update({feed: gevent.spawn(feed.run) for feed in added})
        self._take_notice()

    def poke(self, seq: int, new_jobs: int = 0) -> None:
        """Say that the outbox has entries through `seq`, some of new jobs; does not switch."""
        if seq > self._last:
            self._last = seq
            self._entrance.committed(seq, new_jobs)
            self._tell_entrance(self._reachable())
            if self._mark.value < seq:
                self._meter.committed(seq)
            for feed in self._feeds:
                if feed.mark.value < seq:
                    feed.meter.committed(seq)
            if self._everywhere_mark.value < seq:
                self._everywhere.committed(seq)
        self._wanted.set()
        for feed in self._feeds:
            feed.poke()

    def look(self) -> None:
        """Have the mirror look whether its directories are there; does not switch."""
        self._wanted.set()

    # --- what others wait for and look at -----------------------------------------------------

    def wait_mirrored(self, seq: int, timeout_s: float) -> bool:
        """Wait until the files here show outbox entry `seq`; return whether they do. Switches."""
        return self._mark.wait(seq, timeout_s)

    def wait_replicated(self, seq: int, timeout_s: float) -> bool:
        """Wait until files here and all reachable replicas hold entry `seq`. Switches.

        A replica that is in trouble, or far behind after it was, does not count.

        Returns:
            Whether they do.
        """
        return self._replicated_mark.wait(seq, timeout_s)

    def wait_everywhere(self, seq: int, timeout_s: float) -> bool:
        """Wait until files here and all replicas hold entry `seq`; return whether so. Switches."""
        return self._everywhere_mark.wait(seq, timeout_s)

    def lag(self) -> LagReport:
        """Return how far the mirrors are behind."""
        return LagReport(
            self._meter.report(max(0, self._last - self._mark.value)),
            {feed.name: feed.meter.report(max(0, self._last - feed.mark.value))
             for feed in self._feeds},
            self._everywhere.report(max(0, self._last - self._slowest(self._feeds))),
            {feed.name: feed.trouble for feed in self._feeds if feed.trouble is not None},
            [feed.name for feed in self._reachable()],
            {
                feed.name: unknown
                for feed in self._feeds
                if (unknown := feed.archive_unknown) is not None
            },
            self._entrance.report(),
        )  # fmt: skip

    def _reachable(self) -> list[Feed]:
        return [feed for feed in self._feeds if feed.reachable]

    def _slowest(self, feeds: Sequence[Feed]) -> int:
        return min([self._mark.value, *(feed.mark.value for feed in feeds)])

    def _take_notice(self) -> None:
        """Some mirror holds more than before, or a replica is reachable or not any more."""
        slowest = self._slowest(self._feeds)
        self._everywhere.held(slowest)
        self._everywhere_mark.advance(slowest)
        reachable = self._reachable()
        self._replicated_mark.advance(self._slowest(reachable))
        self._tell_entrance(reachable)
        self._moved.set()

    def _tell_entrance(self, reachable: Sequence[Feed]) -> None:
        if reachable:
            self._entrance.held(max(feed.mark.value for feed in reachable))
            return
        paces = [pace for feed in self._feeds if (pace := feed.catching_up) is not None]
        if paces:
            self._entrance.catching_up(self._last, max(paces))
        else:
            self._entrance.nobody_to_wait_for(self._last)

    # --- greenlets ----------------------------------------------------------------------------

    def _run(self) -> None:
        self._patiently(self._disk_prepare)
        while True:
            self._wanted.wait()
            self._wanted.clear()
            while True:
                before, self._after = self._after, self._patiently(self._disk_step)
                if before == self._after:
                    break
                self._mark.advance(self._after)
                self._meter.held(self._after)
                self._take_notice()
                gevent.sleep(PAUSE_S)

    def _disk_prepare(self) -> None:
        in_thread(self._disk, partial(self._permitted, self._mirror.prepare))
        if self._after is not None:
            differences = in_thread(self._disk, partial(compare_live, self._store, self._layout))
            for difference in differences[:DIFFERENCES_TOLD]:
                _log.warning("%s; the store counts, ganeti-exporter helps", difference)
            if len(differences) > DIFFERENCES_TOLD:
                _log.warning("%d files of the queue differ from the store", len(differences))

    def _keep_house(self) -> None:
        """Give files away, and then remove old ones now and then."""
        self._correct_owners()
        while self._keep_archive_since_s is not None:
            self._clean_archive(self._keep_archive_since_s())
            gevent.sleep(CLEAN_S)

    def _clean_archive(self, before_s: float) -> None:
        """Remove files of jobs that the store's archive has for long."""
        clean = partial(cleaning.clean, self._store, self._layout, before_s, lambda: self._ending)
        try:
            removed = in_thread(self._owning, partial(self._permitted, clean))
        except (OSError, StoreError) as error:
            _log.error("old files stay in the archive: %s", error)
            return
        if removed:
            _log.info("%d old files were removed from the archive; the store keeps them", removed)

    def _correct_owners(self) -> None:
        """Give away what others left in the queue; on a thread of its own, which nobody awaits."""
        try:
            found = in_thread(
                self._owning, partial(ownership.correct, self._layout, lambda: self._ending)
            )
        except OSError as error:
            _log.error("files of the queue keep their owners: %s", error)
            return
        if found.given:
            _log.info("%d files of the queue were given mode and owner", found.given)
        if found.refused:
            _log.error("%d files of the queue belong to somebody else, and stay so", found.refused)

    def _disk_step(self) -> int:
        step = partial(self._mirror.step, self._after)
        return in_thread(self._disk, partial(self._permitted, step))

    def _permitted(self, work: Callable[[], T]) -> T:
        """Do something to files, where that is permitted; on the disk's thread."""
        self._permit()
        return work()

    def _patiently(self, work: Callable[[], T]) -> T:
        """Do something again until the disk lets it through. Switches."""
        failed = False
        while True:
            try:
                result = work()
            except (OSError, StoreError) as error:
                if not failed:
                    _log.error("the mirror waits: %s", error)
                failed = True
                gevent.sleep(RETRY_S)
            else:
                if failed:
                    _log.info("the mirror goes on")
                return result

    def _acknowledge(self) -> None:
        while True:
            self._moved.wait()
            gevent.sleep(ACKNOWLEDGE_S)
            self._moved.clear()
            try:
                if self._move_cursors() == outbox.PRUNE_MAX:
                    self._moved.set()
            except (OSError, StoreError) as error:
                _log.warning("the mirror's cursors could not be moved: %s", error)

    def _move_cursors(self) -> int:
        """Keep in the store what is done, and drop what nobody needs; return how much. Switches."""
        held = [feed for feed in self._feeds if feed.knows_its_place]
        cursors = {feed.held_cursor: feed.mark.value for feed in held}
        known = {feed.held_cursor for feed in self._feeds}
        known |= {feed.joining_cursor for feed in self._feeds if feed.joining}
        known |= {f"{prefix}{n}" for n in self._parked for prefix in (HELD_PREFIX, JOINING_PREFIX)}
        # One that follows while its archive is compared keeps no changes back.
        cursors |= {feed.joining_cursor: feed.mark.value for feed in held if feed.joining}
        if self._after is not None:
            cursors[CURSOR] = self._after
        failpoints.hit("exporter.before-acknowledge")

        def body(txn: WriteTxn) -> int:
            for name, _ in list(schema.CURSORS.scan(txn)):
                if name.startswith((HELD_PREFIX, JOINING_PREFIX)) and name not in known:
                    outbox.drop_cursor(txn, name)
            for name, seq in cursors.items():
                outbox.set_cursor(txn, name, seq)
            return outbox.prune(txn)

        return self._store.update(body)
