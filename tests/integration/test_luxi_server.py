"""The LUXI server over real Unix sockets, with every kind of badly behaved client."""

import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest

from masterd.clock import SystemClock
from masterd.luxi.server import Server, ServerLimits
from masterd.luxi.sockets import SocketSpec
from tests.luxi_support import Echo, RawClient, serving, until


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
def server(tmp_path: Path, echo: Echo) -> Iterator[tuple[Server, Path]]:
    with serving(tmp_path, echo) as running:
        yield running


def test_a_request_is_answered(server: tuple[Server, Path]) -> None:
    with RawClient(server[1]) as client:
        client.send("Echo", [1, {"a": None}])
        assert client.answer() == (True, [1, {"a": None}])


def test_a_connection_serves_many_requests(server: tuple[Server, Path]) -> None:
    with RawClient(server[1]) as client:
        for number in range(20):
            client.send("Echo", number)
            assert client.answer() == (True, number)


def test_pipelined_requests_are_answered_in_order(server: tuple[Server, Path]) -> None:
    with RawClient(server[1]) as client:
        sender = gevent.spawn(client.send_all, "Echo", range(500))
        assert [client.answer()[1] for _ in range(500)] == list(range(500))
        sender.get()


def test_a_request_behind_a_parked_one_waits_for_its_turn(
    server: tuple[Server, Path], echo: Echo
) -> None:
    with RawClient(server[1]) as client:
        client.send("Park")
        client.send("Echo", "later")
        until(lambda: len(echo.parked) == 1 and server[0].stats.held_bytes > 0)
        assert [request.method for request in echo.requests] == ["Park"]
        echo.parked.pop().success("first")
        assert [client.answer()[1], client.answer()[1]] == ["first", "later"]


def test_a_parked_client_holds_no_greenlet(server: tuple[Server, Path], echo: Echo) -> None:
    clients = [RawClient(server[1]) for _ in range(50)]
    for client in clients:
        client.send("Park")
    until(lambda: len(echo.parked) == 50)
    assert server[0].stats.handlers == 0
    for number, reply in enumerate(echo.parked):
        reply.success(number)
    answers = [client.answer()[1] for client in clients]
    assert sorted(map(str, answers)) == sorted(map(str, range(50)))
    for client in clients:
        client.close()


def test_a_handler_may_wait_while_others_are_served(
    server: tuple[Server, Path], echo: Echo
) -> None:
    with RawClient(server[1]) as slow, RawClient(server[1]) as quick:
        slow.send("Block", "slow")
        until(lambda: len(echo.requests) == 1)
        quick.send("Echo", "quick")
        assert quick.answer() == (True, "quick")
        echo.release.set()
        assert slow.answer() == (True, "slow")


def test_a_message_cut_into_single_bytes_is_understood(server: tuple[Server, Path]) -> None:
    with RawClient(server[1]) as client:
        for byte in b'{"method": "Echo", "args": [1]}\x03':
            client.send_bytes(bytes([byte]))
        assert client.answer() == (True, [1])


def test_what_cannot_be_parsed_is_answered_with_text_and_ends_the_connection(
    server: tuple[Server, Path],
) -> None:
    with RawClient(server[1]) as client:
        client.send_bytes(b"{}\x03")
        assert client.answer() == (
            False,
            "Failed to parse request: key 'method' not found, object contains only []",
        )
        assert client.at_end()


def test_messages_after_a_parse_error_are_not_handled(
    server: tuple[Server, Path], echo: Echo
) -> None:
    with RawClient(server[1]) as client:
        client.send_bytes(b'nonsense\x03{"method": "Echo", "args": []}\x03')
        assert client.answer()[0] is False
        assert client.at_end()
    assert echo.requests == []


def test_an_unexpected_fault_is_an_answer_and_the_connection_goes_on(
    server: tuple[Server, Path],
) -> None:
    with RawClient(server[1]) as client:
        client.send("Fail")
        fault = ["ProgrammerError", ["Internal error: ZeroDivisionError: no reason"]]
        assert client.answer() == (False, fault)
        client.send("Echo", "on")
        assert client.answer() == (True, "on")


def test_a_lost_reply_is_answered_with_an_error(server: tuple[Server, Path], echo: Echo) -> None:
    with RawClient(server[1]) as client:
        client.send("Park")
        until(lambda: len(echo.parked) == 1)
        echo.parked.clear()
        success, result = client.answer()
        assert not success
        assert result == ["ProgrammerError", ["the request was dropped without an answer"]]


def test_a_parked_client_that_leaves_is_noticed(server: tuple[Server, Path], echo: Echo) -> None:
    with RawClient(server[1]) as client:
        client.send("Park")
        until(lambda: len(echo.parked) == 1)
    until(lambda: echo.gone == 1)
    assert server[0].stats.connections == 0
    echo.parked.pop().success("nobody hears it")


def test_a_client_that_closed_its_sending_side_still_gets_its_answers(
    server: tuple[Server, Path], echo: Echo
) -> None:
    with RawClient(server[1]) as client:
        client.send("Park")
        client.send("Echo", "second")
        client.socket.shutdown(socket.SHUT_WR)
        until(lambda: len(echo.parked) == 1)
        echo.parked.pop().success("first")
        assert [client.answer()[1], client.answer()[1]] == ["first", "second"]
        assert client.at_end()
    assert echo.gone == 0


def test_a_big_answer_reaches_a_reader_that_takes_its_time(server: tuple[Server, Path]) -> None:
    with RawClient(server[1]) as client:
        client.send("Big", 5_000_000)
        client.send("Echo", "after")
        until(lambda: server[0].stats.unsent_bytes > 0)
        assert client.answer() == (True, "x" * 5_000_000)
        assert client.answer() == (True, "after")
    assert server[0].stats.unsent_bytes == 0


def test_a_client_that_never_reads_its_answer_is_dropped(tmp_path: Path, echo: Echo) -> None:
    with (
        serving(tmp_path, echo, ServerLimits(stall_s=0.05)) as (server, path),
        RawClient(path) as client,
    ):
        client.send("Big", 5_000_000)
        until(lambda: server.stats.stalled == 1)
        assert server.stats.connections == 0
        assert server.stats.unsent_bytes == 0


def test_a_client_that_stops_in_the_middle_of_a_message_is_dropped(
    tmp_path: Path, echo: Echo
) -> None:
    with (
        serving(tmp_path, echo, ServerLimits(stall_s=0.05)) as (server, path),
        RawClient(path) as client,
    ):
        client.send_bytes(b'{"method": ')
        assert client.at_end()
        assert server.stats.stalled == 1
        assert server.stats.held_bytes == 0


def test_a_silent_client_is_left_alone(tmp_path: Path, echo: Echo) -> None:
    with (
        serving(tmp_path, echo, ServerLimits(stall_s=0.05)) as (server, path),
        RawClient(path) as silent,
        RawClient(path) as stopped,
    ):
        stopped.send_bytes(b"{")
        assert stopped.at_end()
        silent.send("Echo", "still here")
        assert silent.answer() == (True, "still here")
        assert server.stats.stalled == 1


def test_a_message_beyond_the_bound_is_refused(tmp_path: Path, echo: Echo) -> None:
    with (
        serving(tmp_path, echo, ServerLimits(message_bytes_max=1000)) as (_, path),
        RawClient(path) as client,
    ):
        client.send_bytes(b'"' + b"x" * 2000)
        assert client.answer() == (
            False,
            "Failed to parse request: message exceeds 1000 bytes",
        )
        assert client.at_end()


def test_input_sent_ahead_is_bounded(tmp_path: Path, echo: Echo) -> None:
    bounds = ServerLimits(pipeline_messages_max=4, read_bytes=64)
    with serving(tmp_path, echo, bounds) as (server, path), RawClient(path) as client:
        client.send("Park")
        until(lambda: len(echo.parked) == 1)
        sender = gevent.spawn(client.send_all, "Echo", range(2000))
        until(lambda: server.stats.held_bytes > 100)
        for _ in range(50):
            gevent.idle()
        assert server.stats.held_bytes < 400
        echo.parked.pop().success("go on")
        assert client.answer() == (True, "go on")
        assert [client.answer()[1] for _ in range(2000)] == list(range(2000))
        sender.get()


def test_memory_for_unfinished_messages_is_bounded_over_all_clients(
    tmp_path: Path, echo: Echo
) -> None:
    with (
        serving(tmp_path, echo, ServerLimits(held_bytes_max=1000)) as (server, path),
        RawClient(path) as first,
        RawClient(path) as second,
    ):
        first.send_bytes(b"x" * 600)
        until(lambda: server.stats.held_bytes == 600)
        second.send_bytes(b"x" * 600)
        assert second.at_end()
        assert server.stats.overflowed == 1
        assert server.stats.held_bytes == 600


def test_a_flood_from_one_client_does_not_starve_another(
    server: tuple[Server, Path], echo: Echo
) -> None:
    with RawClient(server[1]) as flooding, RawClient(server[1]) as modest:
        flooding.send_bytes(b'{"method": "Echo", "args": 0}\x03' * 1000)
        modest.send("Echo", "me too")
        assert modest.answer() == (True, "me too")
        handled_before = sum(request.args == 0 for request in echo.requests)
        assert handled_before < 500


def test_at_the_bound_of_connections_a_silent_one_makes_room(tmp_path: Path, echo: Echo) -> None:
    with (
        serving(tmp_path, echo, ServerLimits(connections_max=2, idle_s=0)) as (server, path),
        RawClient(path) as first,
        RawClient(path) as second,
    ):
        second.send("Park")
        until(lambda: len(echo.parked) == 1)
        with RawClient(path) as third:
            third.send("Echo", "in")
            assert third.answer() == (True, "in")
        assert first.at_end()
        assert server.stats.evicted == 1


def test_at_the_bound_of_connections_new_clients_wait_for_one_to_leave(
    tmp_path: Path, echo: Echo
) -> None:
    with (
        serving(tmp_path, echo, ServerLimits(connections_max=1)) as (server, path),
        RawClient(path) as second,
    ):
        until(lambda: server.stats.connections == 1)
        with RawClient(path) as third:
            third.send("Echo", "in")
            second.close()
            assert third.answer() == (True, "in")
        assert server.stats.accepted == 2


def test_at_the_bound_of_handlers_a_connection_waits_for_a_greenlet(
    tmp_path: Path, echo: Echo
) -> None:
    with (
        serving(tmp_path, echo, ServerLimits(handlers_max=1)) as (server, path),
        RawClient(path) as first,
        RawClient(path) as second,
    ):
        first.send("Block", 1)
        until(lambda: server.stats.handlers == 1)
        second.send("Echo", 2)
        until(lambda: server.stats.held_bytes > 0)
        echo.release.set()
        assert first.answer() == (True, 1)
        assert second.answer() == (True, 2)


def test_a_failing_callback_for_a_client_that_left_harms_nobody(
    server: tuple[Server, Path], echo: Echo, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    with RawClient(server[1]) as leaving, RawClient(server[1]) as staying:
        leaving.send("Park")
        until(lambda: len(echo.parked) == 1)
        echo.parked[0].on_gone(fail)
        leaving.close()
        until(lambda: server[0].stats.connections == 1)
        staying.send("Echo", 1)
        assert staying.answer() == (True, 1)
    assert "ZeroDivisionError" in caplog.text


def test_the_peer_is_who_the_kernel_says(server: tuple[Server, Path], echo: Echo) -> None:
    with RawClient(server[1]) as client:
        client.send("Echo")
        client.answer()
    (peer,) = echo.peers
    assert (peer.uid, peer.gid, peer.pid) == (os.getuid(), os.getgid(), os.getpid())


def test_the_socket_file_has_its_mode_and_leaves_nothing_beside_it(
    server: tuple[Server, Path],
) -> None:
    path = server[1]
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert [entry.name for entry in path.parent.iterdir()] == ["query"]


def test_a_stale_socket_file_is_replaced(tmp_path: Path, echo: Echo) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(os.fspath(tmp_path / "query"))
    with serving(tmp_path, echo) as (_, path), RawClient(path) as client:
        client.send("Echo", 1)
        assert client.answer() == (True, 1)


def test_closing_leaves_a_successors_socket_file_alone(tmp_path: Path, echo: Echo) -> None:
    with serving(tmp_path, echo) as (_, path), serving(tmp_path, echo):
        successor = path.stat().st_ino
        path.chmod(0o600)
        assert path.stat().st_ino == successor
    assert not path.exists()


def test_after_accepting_has_stopped_connected_clients_are_still_served(
    server: tuple[Server, Path],
) -> None:
    with RawClient(server[1]) as client:
        client.send("Echo", 1)
        assert client.answer() == (True, 1)
        server[0].stop_accepting()
        assert not server[1].exists()
        client.send("Echo", 2)
        assert client.answer() == (True, 2)


def test_two_sockets_are_served_alike(tmp_path: Path, echo: Echo) -> None:
    specs = [SocketSpec(tmp_path / "query", 0o660), SocketSpec(tmp_path / "master", 0o770)]
    server = Server(specs, echo, clock=SystemClock())
    server.start()
    for spec in specs:
        assert stat.S_IMODE(spec.path.stat().st_mode) == spec.mode
        with RawClient(spec.path) as client:
            client.send("Echo", spec.path.name)
            assert client.answer() == (True, spec.path.name)
    server.close()


def test_a_path_too_long_for_a_socket_is_refused_and_nothing_is_left(
    tmp_path: Path, echo: Echo
) -> None:
    specs = [SocketSpec(tmp_path / "query", 0o660), SocketSpec(tmp_path / ("x" * 120), 0o660)]
    with pytest.raises(ValueError, match="socket path exceeds 107 bytes"):
        Server(specs, echo, clock=SystemClock()).start()
    assert list(tmp_path.iterdir()) == []
