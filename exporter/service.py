"""The mirror inside the daemon: greenlets that follow the commits.

One greenlet keeps the files of this machine (the work itself is done on a native thread, because it
blocks), one per master candidate keeps the candidate's, and one moves all cursors in the outbox
now and then: after a crash a few changes are done twice, which does no harm.

What wakes them is the commit itself (`poke`), never a clock.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import gevent
from gevent.event import Event
from gevent.threadpool import ThreadPool

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
from store.txn import WriteTxn

T = TypeVar("T")

_log = logging.getLogger(__name__)

#: Seconds between two steps of the mirror while there is more to do: changes of a job that come
#: meanwhile become one file, and the disk syncs for the store in between.
PAUSE_S: Final = 0.02

#: Seconds until the mirror tries again after the disk failed.
RETRY_S: Final = 1.0

#: Seconds for which cursors may lie behind what is done.
ACKNOWLEDGE_S: Final = 0.5

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


class Exporter:
    """Mirrors the store's jobs. All methods belong to the hub's thread."""

    def __init__(
        self,
        store: Store,
        layout: Layout,
        *,
        replicas: Sequence[Replica] = (),
        now_s: Callable[[], float],
    ) -> None:
        """Prepare; nothing is read or written before `start`.

        Args:
            replicas: the master candidates besides this node.
            now_s: a clock that never goes back, in seconds.
        """
        self._store = store
        self._layout = layout
        self._mirror = Mirror(store, layout)
        # One thread for the files, and one that reads for the feeds.
        self._disk = ThreadPool(1)
        self._reading = ThreadPool(1)
        with store.snapshot() as txn:
            cursors = dict(schema.CURSORS.scan(txn))
            self._last = outbox.last(txn)
        after = cursors.get(CURSOR)
        self._after = after if isinstance(after, int) else None
        self._mark = ProgressMark(self._after or 0)
        self._feeds = [self._feed(replica, cursors, now_s) for replica in replicas]
        self._meter = LagMeter(now_s)
        self._everywhere = LagMeter(now_s)
        self._everywhere_mark = ProgressMark(self._slowest())
        self._wanted = Event()
        self._wanted.set()
        self._moved = Event()
        self._greenlets: list[gevent.Greenlet[[], None]] = []

    def _feed(
        self, replica: Replica, cursors: Mapping[str, object], now_s: Callable[[], float]
    ) -> Feed:
        return Feed(
            self._store,
            self._layout,
            replica,
            cursors=cursors,
            # With the store's first start candidates keep what the master before it gave them.
            purge_new=self._after is not None,
            in_thread=self._reading.apply,
            now_s=now_s,
            moved=self._take_notice,
        )

    # --- life ---------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to follow the commits; returns at once."""
        self._greenlets = [
            gevent.spawn(self._run),
            gevent.spawn(self._acknowledge),
            *(gevent.spawn(feed.run) for feed in self._feeds),
        ]

    def stop(self, timeout_s: float) -> None:
        """End when the mirror on this machine holds everything, or after `timeout_s`. Switches.

        Replicas get what they do not hold yet after the next start.
        """
        with self._store.snapshot() as txn:
            last = outbox.last(txn)
        if self._greenlets:
            self.poke(last)
            if not self._mark.wait(last, timeout_s):
                _log.warning("the mirror is %d changes behind", last - self._mark.value)
        gevent.killall(self._greenlets, timeout=timeout_s)
        self._greenlets = []
        try:
            self._move_cursors()
        except (StoreError, OSError) as error:
            _log.warning("the next start repeats some work of the mirror: %s", error)
        self._disk.kill()
        self._reading.kill()

    def poke(self, seq: int) -> None:
        """Say that the outbox has entries through `seq`; does not switch."""
        if seq > self._last:
            self._last = seq
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

    # --- what others wait for and look at -----------------------------------------------------

    def wait_mirrored(self, seq: int, timeout_s: float) -> bool:
        """Wait until the files here show outbox entry `seq`; return whether they do. Switches."""
        return self._mark.wait(seq, timeout_s)

    def wait_replicated(self, seq: int, timeout_s: float) -> bool:
        """Wait until files here and all replicas hold entry `seq`; return whether so. Switches."""
        return self._everywhere_mark.wait(seq, timeout_s)

    def lag(self) -> LagReport:
        """Return how far the mirrors are behind."""
        return LagReport(
            self._meter.report(max(0, self._last - self._mark.value)),
            {feed.name: feed.meter.report(max(0, self._last - feed.mark.value))
             for feed in self._feeds},
            self._everywhere.report(max(0, self._last - self._slowest())),
            {feed.name: feed.trouble for feed in self._feeds if feed.trouble is not None},
        )  # fmt: skip

    def _slowest(self) -> int:
        return min([self._mark.value, *(feed.mark.value for feed in self._feeds)])

    def _take_notice(self) -> None:
        """Some mirror holds more than before."""
        slowest = self._slowest()
        self._everywhere.held(slowest)
        self._everywhere_mark.advance(slowest)
        self._moved.set()

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
        self._disk.apply(self._mirror.prepare)
        if self._after is not None:
            differences = self._disk.apply(compare_live, (self._store, self._layout))
            for difference in differences[:DIFFERENCES_TOLD]:
                _log.warning("%s; the store counts, python -m exporter helps", difference)
            if len(differences) > DIFFERENCES_TOLD:
                _log.warning("%d files of the queue differ from the store", len(differences))

    def _disk_step(self) -> int:
        through: int = self._disk.apply(self._mirror.step, (self._after,))
        return through

    def _patiently(self, work: Callable[[], T]) -> T:
        """Do something again until the disk lets it through. Switches."""
        failed = False
        while True:
            try:
                result = work()
            except (OSError, StoreError) as error:
                if not failed:
                    _log.error("the mirror waits, because the disk fails: %s", error)
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
        known |= {feed.joining_cursor for feed in self._feeds if feed not in held}
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
