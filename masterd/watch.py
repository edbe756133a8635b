"""Watches over this node's right to act as master, and says when it is lost.

One greenlet gives the lease its signs of life and looks at ssconf every second. Another asks the
nodes whom they name, now and then, and at once when the lease is in doubt because the process was
paused.
"""

import logging
from collections.abc import Callable, Mapping, Sequence

import gevent
from gevent.event import Event

from masterd.lease import Lease
from masterd.limits import (
    LEASE_BEAT_S,
    LEASE_DOUBT_PAUSE_S,
    LEASE_DOUBT_TRIES,
    LEASE_VOTES_S,
)
from masterd.mastership import judge, undecided
from masterd.voting import Tally, Vote, tally

_log = logging.getLogger(__name__)


class MasterWatch:
    """Two greenlets, from `start` to `stop`."""

    def __init__(
        self,
        lease: Lease,
        myself: str,
        *,
        nodes: Callable[[], Sequence[str]],
        ask: Callable[[Sequence[str]], Mapping[str, Vote]],
        lost: Callable[[str], None],
        beat_s: float = LEASE_BEAT_S,
        votes_s: float = LEASE_VOTES_S,
    ) -> None:
        """Prepare.

        Args:
            nodes: names of all nodes of the cluster, this one and offline ones included.
            ask: asks nodes whom they believe to be master; switches.
            lost: is called once with the reason; must not switch.
        """
        self._lease = lease
        self._myself = myself
        self._nodes = nodes
        self._ask = ask
        self._tell_lost = lost
        self._beat_s = beat_s
        self._votes_s = votes_s
        self._doubt = Event()
        self._greenlets: list[gevent.Greenlet[[], None]] = []

    def start(self) -> None:
        """Begin to watch; returns at once."""
        self._greenlets = [gevent.spawn(self._beat), gevent.spawn(self._count)]

    def stop(self) -> None:
        """End. Switches."""
        gevent.killall(self._greenlets)
        self._greenlets = []

    def _beat(self) -> None:
        while True:
            self._lease.beat()
            if self._lease.lost is not None:
                self._tell_lost(self._lease.lost)
                return
            if self._lease.doubtful:
                self._doubt.set()
            gevent.sleep(self._beat_s)

    def _count(self) -> None:
        while True:
            doubtful = self._doubt.wait(self._votes_s)
            if doubtful:
                _log.warning("This process was paused; asking the nodes who is the master")
            if self._confirmed(LEASE_DOUBT_TRIES if doubtful else 1):
                self._lease.confirm()
            # Behind it: while the nodes were asked, the doubt was told again and again.
            self._doubt.clear()

    def _confirmed(self, tries: int) -> bool:
        """Ask the nodes; tell whether this one may go on, as far as they answer."""
        for left in reversed(range(tries)):
            votes = self._votes()
            reason = judge(self._myself, None, votes)
            if reason is not None:
                self._lease.lose(reason)
                return False
            if left == 0 or not undecided(votes):
                return True
            # The network may take a moment to come back when a machine wakes up.
            gevent.sleep(LEASE_DOUBT_PAUSE_S)
        return True

    def _votes(self) -> Tally:
        nodes = self._nodes()
        others = [name for name in nodes if name != self._myself]
        return tally(self._myself, frozenset(nodes), self._ask(others) if others else {})
