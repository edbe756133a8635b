"""An event loop without a world: callbacks in order, and timers of a time that moves when told.

gevent runs on it unchanged, so sleeps, timeouts and waits of the daemon take no time, and two runs
with the same inputs do the same things in the same order.
"""

import heapq
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Self

import gevent
import greenlet
from gevent import _hub_local
from gevent.hub import Hub

#: Callbacks of one turn above which greenlets are taken to run round in circles.
CALLBACKS_MAX: Final = 200_000

#: When simulations begin, in microseconds since the epoch.
BEGIN_US: Final = 1_700_000_000_000_000


class EndlessError(Exception):
    """Greenlets wake each other for ever."""


class Watcher:
    """A callback, a timer, or an event of another thread that never comes. As gevent's watchers."""

    __slots__ = ("_due", "_loop", "_seconds", "args", "callback", "number")

    def __init__(self, loop: "VirtualLoop", seconds: float | None) -> None:
        self._loop = loop
        #: None: it is no timer.
        self._seconds = seconds
        self.callback: Callable[..., object] | None = None
        self.args: tuple[Any, ...] = ()
        #: Distinguishes this start of a timer from earlier ones.
        self.number = 0

    @property
    def pending(self) -> bool:
        return self.callback is not None

    active = pending

    def start(self, callback: Callable[..., object], *args: Any, **_how: Any) -> None:
        self.callback = callback
        self.args = args
        if self._seconds is not None:
            self.number = self._loop.add_timer(self, self._seconds)

    def stop(self) -> None:
        self.callback = None
        self.args = ()

    close = stop

    def send(self) -> None:
        """Another thread has something for the hub; here there is no other thread."""

    def run(self) -> None:
        callback, args = self.callback, self.args
        self.stop()
        if callback is not None:
            callback(*args)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()


class VirtualLoop:
    """Obeys gevent's loop as far as the daemon's core uses it: nothing of it waits for files."""

    default = False
    approx_timer_resolution = 0.0

    def __init__(self) -> None:
        self.error_handler: Any = None
        #: What greenlets failed with while nobody waited for them.
        self.errors: list[BaseException] = []
        self._now_s = 0.0
        self._callbacks: deque[Watcher] = deque()
        self._timers: list[tuple[float, int, Watcher]] = []
        self._count = 0
        self._driver: greenlet.greenlet | None = None
        self._left = 0

    # --- for gevent -----------------------------------------------------------------------------

    def run(self) -> None:
        """Run callbacks; where there are none, or enough ran, go on with whoever drives."""
        while True:
            while self._callbacks and self._left > 0:
                callback = self._callbacks.popleft()
                if callback.pending:
                    self._left -= 1
                    try:
                        callback.run()
                    except (Exception, greenlet.GreenletExit) as error:  # noqa: BLE001 # kept
                        # Greenlets of a daemon that is dead end so.
                        if not isinstance(error, greenlet.GreenletExit):
                            self.errors.append(error)
            driver, self._driver = self._driver, None
            if driver is None:
                return
            driver.switch()

    def run_callback(self, callback: Callable[..., object], *args: Any) -> Watcher:
        watcher = Watcher(self, None)
        watcher.start(callback, *args)
        self._callbacks.append(watcher)
        return watcher

    run_callback_threadsafe = run_callback

    def timer(self, after: float, *_args: Any, **_how: Any) -> Watcher:
        return Watcher(self, max(0.0, after))

    def async_(self, **_how: Any) -> Watcher:
        return Watcher(self, None)

    def idle(self, **_how: Any) -> Watcher:
        return Watcher(self, 0.0)

    def update_now(self) -> None:
        """Time stands while callbacks run."""

    def now(self) -> float:
        return self._now_s

    def debug(self) -> list[object]:
        return []

    def destroy(self) -> None:
        self.clear()

    def add_timer(self, watcher: Watcher, seconds: float) -> int:
        self._count += 1
        heapq.heappush(self._timers, (self._now_s + seconds, self._count, watcher))
        return self._count

    # --- for whoever drives ---------------------------------------------------------------------

    def settle(self, callbacks_max: int | None = None) -> bool:
        """Run everything that can run now, or so many callbacks; return whether all did.

        Raises:
            EndlessError: it does not end.
        """
        self._left = CALLBACKS_MAX if callbacks_max is None else callbacks_max
        self._driver = greenlet.getcurrent()
        gevent.get_hub().switch()
        if self._callbacks and callbacks_max is None:
            raise EndlessError(f"{CALLBACKS_MAX} callbacks at one moment")
        return not self._callbacks

    def next_timer_s(self) -> float | None:
        """Return in how many seconds the next timer is due; None when there is none."""
        while self._timers and not self._is_on(self._timers[0]):
            heapq.heappop(self._timers)
        return None if not self._timers else max(0.0, self._timers[0][0] - self._now_s)

    def fire_next(self) -> None:
        """Let time pass until the next timer, and put its callback in; all those of one moment."""
        left_s = self.next_timer_s()
        if left_s is None:
            return
        due = self._timers[0][0]
        self._now_s = max(self._now_s, due)
        while self._timers and self._timers[0][0] == due:
            timer = heapq.heappop(self._timers)
            if self._is_on(timer):
                self._callbacks.append(timer[2])

    def clear(self) -> None:
        """Forget everything that was going to happen."""
        self._callbacks.clear()
        self._timers.clear()

    @staticmethod
    def _is_on(timer: tuple[float, int, Watcher]) -> bool:
        _, number, watcher = timer
        return watcher.pending and watcher.number == number


class LoopClock:
    """Obeys `masterd.clock.Clock`; the time is the loop's."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def now_us(self) -> int:
        return BEGIN_US + round(self._loop.now() * 1_000_000)

    def monotonic_s(self) -> float:
        return 1000.0 + self._loop.now()


class _Hub(Hub):  # type: ignore[misc]  # gevent has no types
    """Keeps errors for whoever drives, instead of printing them."""

    def handle_error(self, context: object, type: Any, value: Any, tb: object) -> None:
        if not issubclass(type, greenlet.GreenletExit):
            self.loop.errors.append(value)


@contextmanager
def virtual_loop() -> Iterator[VirtualLoop]:
    """Have gevent run on a virtual loop in this thread meanwhile."""
    before = _hub_local.get_hub_if_exists()
    loop = VirtualLoop()
    hub = _Hub(loop=loop)
    _hub_local.set_hub(hub)
    try:
        yield loop
    finally:
        loop.clear()
        _hub_local.set_hub(before)
