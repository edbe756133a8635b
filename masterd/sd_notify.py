"""What systemd is told of this process: that it serves, ends, is alive, or needs more time.

Each message is one datagram to the socket that the environment names; without it nothing is sent.
Whoever listens may be slow or gone: a message that cannot be sent at once is dropped, because the
daemon's work does not depend on it. Nothing here switches.

systemd ends a process that has not said for `WatchdogSec` that it is alive. A timer of the event
loop says so, and only while the loop turns: something that blocks it is noticed.

Source: systemd sd_notify(3), sd_watchdog_enabled(3).
"""

import logging
import os
import socket
from collections.abc import Mapping
from typing import Any, Final

import gevent
from gevent.monkey import get_original

from masterd.clock import Clock, SystemClock
from masterd.limits import NOTIFY_EXTEND_S, NOTIFY_STATUS_CHARS_MAX

_log = logging.getLogger(__name__)

#: Not gevent's: what cannot be sent at once is not waited for.
_Socket: Final[type[socket.socket]] = get_original("socket", "socket")

_SOCKET_VARIABLE: Final = "NOTIFY_SOCKET"
_WATCHDOG_VARIABLE: Final = "WATCHDOG_USEC"
_WATCHDOG_PID_VARIABLE: Final = "WATCHDOG_PID"

#: Times in each period that something is said which has to be said once.
_PER_PERIOD: Final = 2


class Notifier:
    """Tells systemd about this process; tells nobody where there is no systemd."""

    def __init__(
        self, address: str, watchdog_s: float | None = None, clock: Clock | None = None
    ) -> None:
        """Prepare.

        Args:
            address: of the datagram socket, a path or a name with "@" before it; "" tells nobody.
            watchdog_s: how often at least it must be told that this process is alive; None, never.
        """
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._watchdog_s = watchdog_s
        self._clock = SystemClock() if clock is None else clock
        self._timers: dict[str, Any] = {}
        self._is_told = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Notifier":
        """Return what tells whom the environment names.

        Call it in the process that the daemon is, after its forks.
        """
        address = environment.get(_SOCKET_VARIABLE, "")
        if not address.startswith(("/", "@")):
            return cls("")
        period = environment.get(_WATCHDOG_VARIABLE, "")
        pid = environment.get(_WATCHDOG_PID_VARIABLE, str(os.getpid()))
        is_watched = period.isdecimal() and int(period) > 0 and pid == str(os.getpid())
        return cls(address, int(period) / 1e6 if is_watched else None)

    @property
    def is_telling(self) -> bool:
        """Whether something is told again and again now."""
        return bool(self._timers)

    def starting(self) -> None:
        """Tell that the start goes on, again and again until it serves or ends."""
        self.status("Starting")
        self._extend()

    def ready(self) -> None:
        """Tell that clients are served, and from now on that this process is alive."""
        self._stop_timer("extend")
        self._send("READY=1", "STATUS=Serving")
        if self._watchdog_s is not None:
            self._repeat("watchdog", self._watchdog_s / _PER_PERIOD, "WATCHDOG=1")

    def reloading(self) -> None:
        """Tell that logs or settings are read anew; `reloaded` must follow."""
        now_us = int(self._clock.monotonic_s() * 1_000_000)
        self._send("RELOADING=1", f"MONOTONIC_USEC={now_us}", "STATUS=Reopening the log")

    def reloaded(self) -> None:
        """Tell that this is done."""
        self._send("READY=1", "STATUS=Serving")

    def stopping(self, why: str) -> None:
        """Tell that the end begins, and that it goes on, again and again until `close`."""
        self._send("STOPPING=1", f"STATUS={_line(why)}")
        self._extend()

    def refused(self, why: str) -> None:
        """Tell that the start has failed."""
        self.stopping(f"Not started: {why}")

    def status(self, text: str) -> None:
        """Tell people what is being done, in one line."""
        self._send(f"STATUS={_line(text)}")

    def close(self) -> None:
        """Tell nothing any more."""
        for name in list(self._timers):
            self._stop_timer(name)

    def _extend(self) -> None:
        self._repeat(
            "extend", NOTIFY_EXTEND_S / _PER_PERIOD, f"EXTEND_TIMEOUT_USEC={NOTIFY_EXTEND_S}000000"
        )

    def _repeat(self, name: str, period_s: float, text: str) -> None:
        """Tell something now and then, as long as the event loop turns."""
        if not self._address:
            return
        self._stop_timer(name)
        # Not counted: a loop that has nothing else to wait for must not go on because of it.
        timer = gevent.get_hub().loop.timer(period_s, repeat=period_s, ref=False)
        timer.start(self._send, text)
        self._timers[name] = timer
        self._send(text)

    def _stop_timer(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.stop()
            timer.close()

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        try:
            with _Socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sender:
                sender.sendto("\n".join(lines).encode(), self._address)
        except OSError as error:
            if not self._is_told:
                self._is_told = True
                _log.warning("systemd cannot be told of this process: %s", error)


def _line(text: str) -> str:
    return " ".join(text.split())[:NOTIFY_STATUS_CHARS_MAX]
