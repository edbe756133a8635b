"""What systemd hears: here a datagram socket, told of by the environment as systemd does."""

import os
import re
import select
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import gevent
import pytest

from masterd.sd_notify import Notifier
from tests import system
from tests.integration.test_daemon import Node

WAIT_S: Final = 30.0
#: Short, so that nobody waits long, and long for a hub.
WATCHDOG_S: Final = 0.02
#: Seconds in which a hub that turns says many times that it is alive.
SILENCE_S: Final = 20 * WATCHDOG_S


class Systemd:
    """Listens at a socket."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address.replace("@", "\0", 1))
        self.address = address

    def environment(self, **more: str) -> dict[str, str]:
        return {"NOTIFY_SOCKET": self.address, **more}

    def is_told(self, within_s: float) -> bool:
        """Tell whether a message is there in time; the event loop of this process stands still."""
        return bool(select.select([self._socket], [], [], within_s)[0])

    def next(self) -> list[str]:
        assert self.is_told(WAIT_S), "nothing is told"
        return self._socket.recv(4096).decode().split("\n")

    def until(self, wanted: str) -> list[str]:
        """Return the message with this line, and forget those before it."""
        while wanted not in (message := self.next()):
            continue
        return message

    def drop(self) -> None:
        """Forget what was told so far."""
        while self.is_told(0):
            self._socket.recv(4096)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=[str, lambda path: f"@{path}"], ids=["path", "abstract"])
def systemd(request: pytest.FixtureRequest) -> Iterator[Systemd]:
    with system.short_directory() as base:
        name: Callable[[Path], str] = request.param
        made = Systemd(name(base / "notify"))
        yield made
        made.close()


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    made = Node(tmp_path)
    yield made
    made.end()


# --- what is sent -------------------------------------------------------------------------------


def test_a_hub_that_turns_says_that_it_is_alive_and_a_blocked_one_does_not(
    systemd: Systemd,
) -> None:
    notifier = Notifier(systemd.address, WATCHDOG_S)
    notifier.ready()
    assert systemd.next() == ["READY=1", "STATUS=Serving"]
    assert systemd.next() == ["WATCHDOG=1"]
    # Nothing of this process's event loop runs while `select` waits.
    assert not systemd.is_told(SILENCE_S)
    while not systemd.is_told(0):
        gevent.sleep(WATCHDOG_S)
    assert systemd.next() == ["WATCHDOG=1"]
    notifier.close()
    systemd.drop()
    gevent.sleep(SILENCE_S)
    assert not systemd.is_told(0)


def test_who_listens_no_more_harms_nobody(
    systemd: Systemd, caplog: pytest.LogCaptureFixture
) -> None:
    systemd.close()
    notifier = Notifier(systemd.address, WATCHDOG_S)
    notifier.starting()
    notifier.ready()
    notifier.stopping("gone")
    notifier.close()
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_listener_that_does_not_read_keeps_nobody_waiting(systemd: Systemd) -> None:
    notifier = Notifier(systemd.address)
    # More than any queue of datagrams takes.
    for number in range(5000):
        notifier.status(str(number))
    assert systemd.next() == ["STATUS=0"]


def test_without_systemd_nothing_is_sent_and_no_timer_runs() -> None:
    for environment in ({}, {"NOTIFY_SOCKET": "", "WATCHDOG_USEC": "1"}, {"NOTIFY_SOCKET": "x"}):
        notifier = Notifier.from_environment(environment)
        notifier.starting()
        notifier.ready()
        assert not notifier.is_telling


def test_the_watchdog_of_another_process_is_not_answered(systemd: Systemd) -> None:
    for watched in ({"WATCHDOG_USEC": "20000", "WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "no"}, {}):
        notifier = Notifier.from_environment(systemd.environment(**watched))
        notifier.ready()
        gevent.sleep(SILENCE_S / 4)
        assert systemd.next()[0] == "READY=1"
        assert not systemd.is_told(0)
        notifier.close()


# --- a daemon -----------------------------------------------------------------------------------


def test_a_daemon_tells_its_whole_life(
    node: Node, systemd: Systemd, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in systemd.environment(WATCHDOG_USEC="20000").items():
        monkeypatch.setenv(name, value)
    process = node.spawn("-f")
    assert systemd.next() == ["STATUS=Starting"]
    assert systemd.next() == ["EXTEND_TIMEOUT_USEC=60000000"]
    assert systemd.next() == ["STATUS=Pretending to start"]
    systemd.until("READY=1")
    systemd.until("WATCHDOG=1")
    process.send_signal(signal.SIGHUP)
    reloading = systemd.until("RELOADING=1")
    assert re.fullmatch("MONOTONIC_USEC=[1-9][0-9]*", reloading[1])
    systemd.until("READY=1")
    process.send_signal(signal.SIGTERM)
    assert systemd.until("STOPPING=1")[1] == "STATUS=Letting running opcodes end"
    systemd.until("EXTEND_TIMEOUT_USEC=60000000")
    assert systemd.until("STOPPING=1")[1] == "STATUS=Ending"
    process.communicate(timeout=WAIT_S)
    assert process.returncode == 0


def test_a_daemon_that_is_refused_never_says_that_it_serves(
    node: Node, systemd: Systemd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", systemd.address)
    node.script(start="refuse")
    process = node.spawn("-f")
    process.communicate(timeout=WAIT_S)
    told = []
    while systemd.is_told(0):
        told += systemd.next()
    assert process.returncode == 1
    assert "READY=1" not in told
    assert "STATUS=Not started: too few friends" in told


def test_the_master_daemon_on_a_cluster_tells_systemd(systemd: Systemd) -> None:
    with (
        system.simulated_cluster(nodes=3) as (cluster, _control),
        system.running(cluster, environment=systemd.environment(WATCHDOG_USEC="200000")) as daemon,
    ):
        for text in (
            "Asking all nodes who is master",
            "Reading the store",
            "Comparing the store with what other nodes have",
        ):
            systemd.until(f"STATUS={text}")
        systemd.until("READY=1")
        systemd.until("WATCHDOG=1")
        os.kill(daemon.process.pid, signal.SIGTERM)
        systemd.until("STOPPING=1")
        daemon.process.wait(WAIT_S)
