"""Names are looked up, hosts are found, and neither takes longer than it may."""

import socket as system
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import gevent
import pytest
from gevent import socket

from masterd.errors import ECode, OpExecError, OpPrereqError
from masterd.limits import PROBE_AT_ONCE_MAX
from masterd.node.probe import NetworkProbe, normal_name


@pytest.fixture
def listener() -> Iterator[system.socket]:
    with system.create_server(("127.0.0.1", 0)) as made:
        yield made


def test_a_host_that_listens_is_there(listener: system.socket) -> None:
    address, port = listener.getsockname()
    assert NetworkProbe().is_there(address, port, listening=True)
    assert NetworkProbe().is_there(address, port, listening=True, source="127.0.0.2")


def test_an_address_that_is_not_ours_is_not_asked_from(listener: system.socket) -> None:
    address, port = listener.getsockname()
    assert NetworkProbe().is_there(address, port, listening=True, source="192.0.2.1")


def test_a_host_that_refuses_is_there_but_does_not_listen(listener: system.socket) -> None:
    address, port = listener.getsockname()
    listener.close()
    assert NetworkProbe().is_there(address, port, listening=False)
    assert not NetworkProbe().is_there(address, port, listening=True)


def test_a_host_that_says_nothing_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(*_: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(socket.socket, "connect", silent)
    assert not NetworkProbe().is_there("127.0.0.1", 1, listening=False)


def test_a_name_stands_for_a_whole_name_and_an_address() -> None:
    found = NetworkProbe().host("LOCALHOST", 2)
    assert found.name.startswith("localhost")
    assert found.address == "127.0.0.1"


def test_a_name_that_nobody_knows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object) -> object:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getfqdn", str)
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(OpPrereqError, match="'nothing' does not resolve: Name or") as refusal:
        NetworkProbe().host("nothing", 2)
    assert refusal.value.args[1] == ECode.RESOLVER


def test_a_resolver_that_is_silent_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getfqdn", lambda _: gevent.sleep(60))
    with pytest.raises(OpPrereqError, match=r"no answer within 0\.01 seconds"):
        NetworkProbe(look_up_s=0.01).host("slow", 2)


@pytest.mark.parametrize("name", ["", ".a", "a..b", "a b", "a/b", "x" * 256])
def test_what_cannot_be_a_name_is_refused(name: str) -> None:
    with pytest.raises(OpPrereqError, match="cannot be the name"):
        normal_name(name)


def test_a_name_is_told_in_lower_case_without_its_dot() -> None:
    assert normal_name("Node1.Example.COM.") == "node1.example.com"


def test_only_so_many_are_asked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def wait(name: str) -> None:
        asked.append(name)
        gevent.sleep(60)

    monkeypatch.setattr(socket, "getfqdn", wait)
    asking = NetworkProbe()
    greenlets = [gevent.spawn(asking.host, f"n{n}", 2) for n in range(PROBE_AT_ONCE_MAX + 3)]
    gevent.idle()
    assert len(asked) == PROBE_AT_ONCE_MAX
    gevent.killall(greenlets)


class _Files(BaseHTTPRequestHandler):
    """Has one file, and one of which it does not tell the size."""

    def do_HEAD(self) -> None:
        self.send_response(404 if self.path == "/nothing" else 200)
        if self.path == "/image":
            self.send_header("Content-Length", "3000000")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def files() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Files)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_size_of_a_file_is_asked_without_fetching_it(files: str) -> None:
    assert NetworkProbe().size_bytes(f"{files}/image") == 3_000_000


def test_a_size_that_cannot_be_had_fails(files: str) -> None:
    for path, why in (("nothing", "404"), ("other", "is not told")):
        with pytest.raises(OpExecError, match=why):
            NetworkProbe().size_bytes(f"{files}/{path}")
    with pytest.raises(OpExecError, match="cannot be fetched"):
        NetworkProbe().size_bytes("http://127.0.0.1:1/image")
    with pytest.raises(OpExecError, match="cannot be fetched"):
        NetworkProbe().size_bytes("ftps://127.0.0.1/image")
