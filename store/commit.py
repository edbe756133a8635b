"""Group commit: many bodies, one transaction, one sync, on one native thread.

Callers put tickets into a bounded queue. The writer takes what is waiting (at most `batch_max`),
runs each body over the same write transaction, commits, and hands the batch back to the hub, where
in commit order first every `after` is called and then every waiting greenlet is woken.

Invariants:

1. Nothing is told before the commit that makes it durable has returned.
2. `after` of an earlier ticket always runs before `after` of a later one, on the hub, without a
switch. 3. A body that raises leaves no trace; the others of its batch commit. 4. When the commit
fails, every ticket of the batch fails with the same error, also the bodies that
   raised: what they saw of their neighbours never came to be.
5. No batch is begun without the permission of whoever opened the store, where there is one to ask.
6. The writer never ends by an error; what it cannot do it reports to those who asked.

The thread is the operating system's also under monkey patching, so that neither a body nor the disk
ever holds up the hub. A body therefore must not touch gevent, and is free of I/O, clocks and locks
anyway.
"""

import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

import gevent
import gevent.event
import greenlet
import lmdb
from gevent import monkey

from store import failpoints
from store.env import Environment
from store.errors import (
    StoreClosed,
    StoreDamaged,
    StoreError,
    StoreFull,
    StoreGone,
    from_lmdb,
)
from store.stats import Meter
from store.txn import WriteTxn

T = TypeVar("T")

_log = logging.getLogger(__name__)
_start_native_thread = monkey.get_original("_thread", "start_new_thread")
_NativeQueue: Any = monkey.get_original("queue", "SimpleQueue")


class Ticket(Generic[T]):
    """One body on its way; `result` waits for its commit."""

    __slots__ = ("_after", "_body", "_done", "_error", "_result", "_waiters")

    def __init__(self, body: Callable[[WriteTxn], T], after: Callable[[T], None] | None) -> None:
        self._body = body
        self._after = after
        self._done = False
        self._result: T
        self._error: BaseException | None = None
        self._waiters: list[greenlet.greenlet] = []

    @property
    def done(self) -> bool:
        """Whether the outcome is known here, on the hub."""
        return self._done

    @property
    def succeeded(self) -> bool:
        """Whether the body's changes are known to be durable."""
        return self._done and self._error is None

    def result(self, timeout_s: float | None = None) -> T:
        """Return what the body returned, once it is durable. Switches.

        A caller that gives up or is killed does not stop the body.

        Raises:
            TimeoutError: not known after `timeout_s`; it may still commit.
            StoreFull, StoreDamaged, StoreClosed: the batch could not be committed.
            BaseException: what the body raised.
        """
        if not self._done:
            self._wait(timeout_s)
        if self._error is not None:
            raise self._error
        return self._result

    def _wait(self, timeout_s: float | None) -> None:
        hub = gevent.get_hub()
        me = greenlet.getcurrent()
        if me is hub:
            raise AssertionError("the hub must not wait for the disk")
        with gevent.Timeout(timeout_s, TimeoutError(f"not committed within {timeout_s} s")):
            self._waiters.append(me)
            try:
                while not self._done:
                    hub.switch()
            finally:
                if me in self._waiters:
                    self._waiters.remove(me)


#: Ends the writer after everything that was asked for before it.
_STOP: Final[Ticket[None]] = Ticket(lambda _txn: None, None)


class Writer:
    """The writer thread, its queue, and the way back to the hub."""

    def __init__(self, environment: Environment, *, batch_max: int) -> None:
        """Prepare; results arrive on the hub of the calling thread."""
        self.meter = Meter()
        #: Tickets given in whose outcome has not arrived on the hub.
        self.pending = 0
        #: Asked before each commit, on the writer's thread; raises a StoreError to refuse it.
        self.permit: Callable[[], None] | None = None
        self._environment = environment
        self._batch_max = batch_max
        self._queue = _NativeQueue()
        self._finished: deque[list[Ticket[Any]] | None] = deque()
        self._must_reopen = False
        self._stopping = False
        self._hub = gevent.get_hub()
        self._stopped = gevent.event.Event()
        self._signal = self._hub.loop.async_()
        self._signal.start(self._deliver)

    def start(self) -> None:
        """Start the thread. A writer without one, that tests step, does nothing here."""
        _start_native_thread(self._run, ())

    # --- on the hub's thread ------------------------------------------------------------------

    def give(self, ticket: Ticket[Any]) -> None:
        """Put a ticket in; does not switch."""
        if self._stopping:
            raise StoreClosed("the store is closed")
        self.pending += 1
        self._queue.put(ticket)

    def stop(self, timeout_s: float) -> bool:
        """Finish what was given in and end the thread; return whether it did. Switches."""
        if not self._stopping:
            self._stopping = True
            self._queue.put(_STOP)
        ended = self._stopped.wait(timeout_s)
        if ended:
            self._signal.stop()
            self._signal.close()
        return bool(ended)

    def _deliver(self) -> None:
        """Tell the outcome of the batches that have come back; runs on the hub, never switches."""
        finished = self._finished
        while finished:
            batch = finished.popleft()
            if batch is None:
                self._stopped.set()
                continue
            failpoints.hit("store.before-tell")
            self.pending -= len(batch)
            for ticket in batch:
                ticket._done = True
                if ticket._after is not None and ticket._error is None:
                    try:
                        ticket._after(ticket._result)
                    except Exception:  # noqa: BLE001 - its caller is the hub
                        _log.exception("a callback after a commit failed")
            run_callback = self._hub.loop.run_callback
            for ticket in batch:
                for waiter in ticket._waiters:
                    run_callback(_wake, ticket, waiter)

    # --- on the writer's thread ---------------------------------------------------------------

    def _run(self) -> None:
        queue = self._queue
        stop = False
        while not stop:
            batch = [queue.get()]
            for _ in range(min(queue.qsize(), self._batch_max - 1)):
                batch.append(queue.get_nowait())
            if batch[-1] is _STOP:
                stop = True
                batch.pop()
            if batch:
                self._carry_out(batch)
                self._finished.append(batch)
            if stop:
                self._finished.append(None)
            self._signal.send()

    def _carry_out(self, batch: list[Ticket[Any]]) -> None:
        """Run and commit a batch; afterwards every ticket has a result or an error."""
        try:
            if self.permit is not None:
                self.permit()
            if self._must_reopen:
                self._reopen()
            elif self._environment.nearly_full():
                self._environment.grow()
            self._commit(batch)
        except (lmdb.Error, OSError, StoreError, MemoryError) as error:
            told = from_lmdb(error)
            if isinstance(told, StoreGone):
                # Opening it again would make an empty one.
                self._environment.note_damage(told)
            else:
                if isinstance(error, lmdb.PanicError) or isinstance(told, StoreDamaged):
                    self._must_reopen = True
                _log.error("a commit of %d bodies failed: %s", len(batch), told)
            self.meter.refused += len(batch)
            for ticket in batch:
                ticket._error = told

    def _commit(self, batch: list[Ticket[Any]]) -> None:
        environment = self._environment
        txn = WriteTxn(environment.begin_write(), environment.handles, sealed=environment.sealed)
        try:
            failpoints.hit("store.before-bodies")
            for ticket in batch:
                txn.begin_body()
                try:
                    ticket._result = ticket._body(txn)
                except BaseException as error:  # noqa: BLE001 - raised again where it was asked for
                    txn.undo_body()
                    ticket._error = error
                    self.meter.failed += 1
                    if isinstance(error, StoreDamaged):
                        environment.note_damage(error)
            self.meter.bodies += len(batch)
            if txn.changed:
                self._make_durable(txn, len(batch))
                environment.sealed = txn.sealed  # a migration may have changed it
        finally:
            txn.abort()

    def _make_durable(self, txn: WriteTxn, bodies: int) -> None:
        """Write the changes and sync; a full map is grown and the same changes written again."""
        environment = self._environment
        environment.check_there()
        while True:
            try:
                failpoints.hit("store.before-flush")
                txn.flush()
                failpoints.hit("store.before-commit")
                started_s = time.perf_counter()
                txn.commit()
                self.meter.committed(bodies, time.perf_counter() - started_s)
                failpoints.hit("store.after-commit")
                return
            except lmdb.MapFullError as error:
                txn.abort()
                if not environment.grow():
                    raise StoreFull(f"the map of the store cannot grow: {error}") from error
                txn.rebind(environment.begin_write(), environment.handles)

    def _reopen(self) -> None:
        """Make sure of what the disk holds after an error that left it unknown."""
        if not self._environment.reopen():
            raise StoreDamaged("the store failed and could not be opened again yet")
        self._must_reopen = False
        _log.warning("the store was opened again after an error of the disk")


def _wake(ticket: Ticket[Any], waiter: greenlet.greenlet) -> None:
    # It may have given up meanwhile, and be waiting for something else now.
    if waiter in ticket._waiters:
        waiter.switch()
