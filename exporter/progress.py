"""How far a mirror has come, for those who wait for it. Belongs to the hub's thread."""

from bisect import insort
from dataclasses import dataclass, field

import gevent
from gevent.event import Event


@dataclass(order=True, slots=True)
class _Waiter:
    seq: int
    event: Event = field(compare=False)


class ProgressMark:
    """A number that only rises, and greenlets that wait until it has reached theirs."""

    def __init__(self, value: int = 0) -> None:
        self.value = value
        self._waiting: list[_Waiter] = []

    def advance(self, value: int) -> None:
        """Raise the number and wake whoever waited for it; does not switch."""
        self.value = max(self.value, value)
        while self._waiting and self._waiting[0].seq <= self.value:
            self._waiting.pop(0).event.set()

    def wait(self, seq: int, timeout_s: float) -> bool:
        """Wait until the number is at least `seq`; return whether it came to pass. Switches."""
        if self.value >= seq:
            return True
        waiter = _Waiter(seq, Event())
        insort(self._waiting, waiter)
        try:
            waiter.event.wait(timeout_s)
        except gevent.GreenletExit:
            self._leave(waiter)
            raise
        if self.value >= seq:
            return True
        self._leave(waiter)
        return False

    def _leave(self, waiter: _Waiter) -> None:
        self._waiting = [each for each in self._waiting if each is not waiter]
