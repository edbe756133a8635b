"""Our own LUXI client against a real server: errors, time-outs, and connections that break."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from masterd.clock import SystemClock
from masterd.errors import GanetiError, GenericError, JobLost, LuxiParseError, OpPrereqError
from masterd.luxi.client import (
    CallTimeoutError,
    Client,
    ClientError,
    ConnectionClosedError,
    NoMasterError,
    RequestError,
)
from masterd.luxi.server import Server
from masterd.luxi.sockets import SocketSpec
from tests.luxi_support import Echo, SteppingClock, green_client, green_socket_of, serving


@pytest.fixture
def echo() -> Echo:
    return Echo()


def test_our_client_rebuilds_errors_by_their_class(tmp_path: Path) -> None:
    failures: list[GanetiError] = [
        OpPrereqError("no such thing"),
        JobLost("Can't load job file"),
        GenericError("just no"),
    ]

    def fail(request: object, peer: object, reply: object) -> None:
        raise failures[0]

    with serving(tmp_path, fail) as (_, path), green_client(path) as client:
        for expected in list(failures):
            with pytest.raises(type(expected)) as caught:
                client.call("Anything")
            assert caught.value.args == expected.args
            failures.pop(0)


def test_our_client_reports_a_parse_error_as_a_refused_request(tmp_path: Path) -> None:
    def refuse(request: object, peer: object, reply: object) -> None:
        raise LuxiParseError("bad taste")

    with (
        serving(tmp_path, refuse) as (_, path),
        green_client(path) as client,
        pytest.raises(RequestError, match="Failed to parse request: bad taste"),
    ):
        client.call("Echo")


def test_our_client_reconnects_when_its_idle_connection_was_dropped(
    tmp_path: Path, echo: Echo
) -> None:
    with green_client(tmp_path / "query") as client:
        with serving(tmp_path, echo):
            assert client.call("Echo", 1) == [1]
        with serving(tmp_path, echo):
            assert client.call("Echo", 2) == [2]


def test_a_request_that_may_have_been_carried_out_is_not_sent_again(
    tmp_path: Path, echo: Echo
) -> None:
    with serving(tmp_path, echo) as (server, path), green_client(path) as client:

        def drop(request: object, peer: object, reply: object) -> None:
            echo.requests.append(request)  # type: ignore[arg-type] # only counted
            server.close()

        server._handler = drop
        with pytest.raises(ConnectionClosedError) as caught:
            client.call("Echo", 1)
        assert caught.value.sent
        assert len(echo.requests) == 1


def test_an_answer_that_does_not_come_is_given_up(tmp_path: Path, echo: Echo) -> None:
    with (
        serving(tmp_path, echo) as (_, path),
        Client(os.fspath(path), answer_s=0.02, make_socket=green_socket_of) as client,
        pytest.raises(CallTimeoutError, match=r"no answer within 0\.02 s"),
    ):
        client.call("Park")


def test_a_master_that_does_not_start_is_given_up(tmp_path: Path) -> None:
    clock = SteppingClock()
    path = os.fspath(tmp_path / "none")
    client = Client(path, connect_s=30, clock=clock, pause=clock.pause)
    with pytest.raises(CallTimeoutError, match=r"cannot connect to .* within 30 s"):
        client.call("Echo")
    assert clock.now_s == 30


def test_a_path_that_can_never_be_a_socket_is_an_error_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ClientError, match=r"cannot connect to .*Not a directory"):
        Client(os.fspath(tmp_path / "file" / "query")).call("Echo")


_PATCHED = """
from gevent import monkey
monkey.patch_all()
import sys
from pathlib import Path
import gevent
from masterd.clock import SystemClock
from masterd.luxi.client import Client
from masterd.luxi.server import Server
from masterd.luxi.sockets import SocketSpec

def handler(request, peer, reply):
    gevent.sleep(0)
    reply.success(["x" * 1_000_000, request.args])

path = Path(sys.argv[1])
server = Server([SocketSpec(path, 0o600)], handler, clock=SystemClock())
server.start()

def ask(number):
    with Client(str(path)) as client:
        return client.call("Echo", number)[1]

greenlets = [gevent.spawn(ask, number) for number in range(20)]
gevent.joinall(greenlets, raise_error=True)
server.close()
print([greenlet.value for greenlet in greenlets])
"""


def test_server_and_client_work_in_a_patched_process(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PATCHED, os.fspath(tmp_path / "query")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout == f"{[[number] for number in range(20)]}\n"


def test_our_client_tells_that_there_is_no_master(tmp_path: Path) -> None:
    client = Client(os.fspath(tmp_path / "none"), should_serve=lambda: False)
    with pytest.raises(NoMasterError, match="no master daemon serves"):
        client.call("Echo")


def test_our_client_waits_for_a_master_that_is_starting(tmp_path: Path, echo: Echo) -> None:
    starting: list[Server] = []
    path = tmp_path / "query"

    def start_meanwhile(seconds: float) -> None:
        assert seconds > 0
        starting.append(Server([SocketSpec(path, 0o660)], echo, clock=SystemClock()))
        starting[0].start()

    client = green_client(path)
    client._pause = start_meanwhile
    with client:
        assert client.call("Echo", "up") == ["up"]
    starting[0].close()
