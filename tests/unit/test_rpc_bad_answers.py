"""Every way in which an answer can be wrong costs the node that gave it, in little time."""

from collections.abc import Iterator
from typing import Any

import gevent
import pytest

from masterd.limits import (
    RPC_ANSWER_BYTES_MAX,
    RPC_ANSWER_FRAME_BYTES_MAX,
    RPC_ANSWER_VALUES_MAX,
    RPC_ERROR_CHARS_MAX,
    RPC_ERROR_PAGE_BYTES_MAX,
    RPC_LISTING_BYTES_MAX,
    RPC_READ_BYTES,
)
from masterd.rpc.calls import CALLS
from masterd.rpc.connection import Connection
from masterd.rpc.errors import BadAnswerError, ConnectionLostError, StatusError, TransportError
from masterd.rpc.http import Exchange, readable
from masterd.rpc.result import RpcResult, decode

BODY = b'[true,{"a":[1,null]}]'
LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY
CHUNKS = (
    b"HTTP/1.1 100 Continue\r\n\r\n"
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"6;x=y\r\n" + BODY[:6] + b"\r\n%x\r\n" % (len(BODY) - 6) + BODY[6:] + b"\r\n"
    b"0\r\nTrailer: t\r\n\r\n"
)
GOOD = {"with its length": LENGTH, "in chunks": CHUNKS}

#: Bytes put in the place of each byte of a good answer.
WRONG = b"\x00\xff\r\n 09:;f-"


def asked(bytes_max: int = RPC_ANSWER_BYTES_MAX) -> Exchange:
    exchange = Exchange("10.0.0.1:1811")
    exchange.request("/version", b"[]", bytes_max)
    return exchange


def read(data: bytes, bytes_max: int = RPC_ANSWER_BYTES_MAX) -> bytes | None:
    """Return the body of an answer after which the connection ends."""
    exchange = asked(bytes_max)
    for start in range(0, len(data), RPC_READ_BYTES):
        body = exchange.receive(data[start : start + RPC_READ_BYTES])
        if body is not None:
            return body
    return exchange.receive(b"")


def result(body: bytes) -> RpcResult:
    return decode("version", "node2", "uuid2", body)


# --- cut and changed at each byte -----------------------------------------------------------------


@pytest.mark.parametrize("good", GOOD.values(), ids=GOOD)
def test_an_answer_cut_at_any_byte_is_a_lost_connection(good: bytes) -> None:
    assert read(good) == BODY
    for cut in range(len(good)):
        with pytest.raises(ConnectionLostError):
            read(good[:cut])


@pytest.mark.parametrize("good", GOOD.values(), ids=GOOD)
def test_an_answer_cut_at_any_byte_is_waited_for_while_the_peer_is_silent(good: bytes) -> None:
    for cut in range(1, len(good)):
        exchange = asked()
        assert exchange.receive(good[:cut]) is None
        assert exchange.receive(good[cut:]) == BODY


def changed(good: bytes) -> Iterator[bytes]:
    """Yield an answer with each byte in turn replaced, left out, or preceded by another."""
    for place in range(len(good)):
        yield good[:place] + good[place + 1 :]
        for wrong in (WRONG[start : start + 1] for start in range(len(WRONG))):
            yield good[:place] + wrong + good[place + 1 :]
            yield good[:place] + wrong + good[place:]


@pytest.mark.parametrize("good", GOOD.values(), ids=GOOD)
def test_a_wrong_byte_anywhere_is_a_failure_of_the_node_or_another_answer(good: bytes) -> None:
    for data in changed(good):
        try:
            body = read(data)
        except TransportError as error:
            assert len(str(error)) < 1000
            continue
        assert body is not None
        answer = result(body)
        assert answer.ok == (answer.error is None)


# --- bytes without end ----------------------------------------------------------------------------


def repeated(head: bytes, part: bytes, count: int) -> Iterator[bytes]:
    """Yield a beginning, if there is one, and then as many bytes as `count` reads bring."""
    if head:
        yield head
    for _ in range(count):
        yield part * (RPC_READ_BYTES // len(part))


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
ENDLESS = {
    "interim responses": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "interim responses with headers": (b"", b"HTTP/1.1 102 P\r\nA: b\r\n\r\n"),
    "chunks of one byte": (CHUNKED, b"1\r\nx\r\n"),
    "chunks with names": (CHUNKED, b"1;" + b"n" * 500 + b"\r\nx\r\n"),
    "a chunk's size": (CHUNKED, b"0" * 64),
    "a chunk's name": (CHUNKED + b"1;", b"n" * 64),
    "trailers": (CHUNKED + b"0\r\n", b"A: b\r\n"),
    "a head": (b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"),
    "a header": (b"HTTP/1.1 200 OK\r\nA: ", b"b" * 64),
    "empty lines": (b"", b"\r\n"),
    "nothing": (b"", b"\x00"),
}


@pytest.mark.parametrize(("head", "part"), ENDLESS.values(), ids=ENDLESS)
def test_what_surrounds_an_answer_is_counted(head: bytes, part: bytes) -> None:
    exchange = asked()
    reads = 2 + RPC_ANSWER_FRAME_BYTES_MAX // RPC_READ_BYTES
    with pytest.raises(BadAnswerError):
        for data in repeated(head, part, reads):
            assert exchange.receive(data) is None


@pytest.mark.parametrize(
    "head",
    [CHUNKED, b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\n"],
)
def test_a_body_is_counted_in_every_form(head: bytes) -> None:
    part = b"1000\r\n" + b"x" * 0x1000 + b"\r\n" if head is CHUNKED else b"x" * 0x1000
    exchange = asked(bytes_max=100_000)
    with pytest.raises(BadAnswerError, match="exceeds 100000 bytes"):
        for data in (head, *[part] * 30):
            assert exchange.receive(data) is None


def test_an_answer_as_long_as_allowed_arrives() -> None:
    body = b"x" * 100_000
    chunks = b"".join(
        b"%x\r\n%b\r\n" % (len(piece), piece)
        for piece in (body[start : start + 4096] for start in range(0, len(body), 4096))
    )
    assert read(CHUNKED + chunks + b"0\r\n\r\n", bytes_max=100_000) == body


def test_what_one_answer_used_up_is_not_missing_for_the_next() -> None:
    exchange = asked()
    for _ in range(20):
        assert exchange.receive(b"HTTP/1.1 100 C\r\n\r\n" * 200) is None
        assert exchange.receive(LENGTH) == BODY
        assert exchange.again()
        exchange.request("/version", b"[]", RPC_ANSWER_BYTES_MAX)


def test_only_listings_may_be_long() -> None:
    assert CALLS["version"].answer_bytes_max == RPC_ANSWER_BYTES_MAX
    assert CALLS["master_node_name"].answer_bytes_max == RPC_ANSWER_BYTES_MAX
    assert CALLS["jobqueue_update"].answer_bytes_max == RPC_ANSWER_BYTES_MAX
    assert CALLS["lv_list"].answer_bytes_max == RPC_LISTING_BYTES_MAX


class Torrent:
    """A socket that always has more of an endless body to read, so that reading never waits."""

    def __init__(self) -> None:
        self.reads = 0

    def fileno(self) -> int:
        return 0

    def sendall(self, data: bytes) -> None:
        pass

    def recv(self, size: int) -> bytes:
        self.reads += 1
        return b"x" * size if self.reads > 1 else b"HTTP/1.0 200 OK\r\n\r\n"


def test_others_get_their_turn_while_a_peer_sends_without_a_pause() -> None:
    socket: Any = Torrent()
    connection = Connection(socket, Exchange("10.0.0.1:1811"), 1)
    turns = 0

    def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            gevent.sleep(0)

    other = gevent.spawn(others)
    with pytest.raises(BadAnswerError):
        connection.ask("/version", b"[]", RPC_ANSWER_BYTES_MAX)
    other.kill()
    assert turns >= RPC_ANSWER_BYTES_MAX // RPC_READ_BYTES


def test_a_deadline_passes_while_a_peer_sends_without_a_pause() -> None:
    socket: Any = Torrent()
    connection = Connection(socket, Exchange("10.0.0.1:1811"), 1)
    with pytest.raises(gevent.Timeout), gevent.Timeout(0.01):
        connection.ask("/version", b"[]", 1 << 60)


# --- what an answer says --------------------------------------------------------------------------


def test_an_answer_of_very_many_values_is_not_decoded() -> None:
    for value in (b"[]", b"{}", b"0", b"[[[]]]"):
        body = b"[true,[" + b",".join([value] * (RPC_ANSWER_VALUES_MAX + 1)) + b"]]"
        assert result(body).error == "RPC layer error: answer has more than 500000 values"
    pairs = b",".join(b'"%d":0' % number for number in range(RPC_ANSWER_VALUES_MAX))
    assert "values" in (result(b"[true,{" + pairs + b"}]").error or "")


def test_a_long_listing_is_decoded() -> None:
    volumes = b",".join(b'"xenvg/%d":["1024.00",false,true]' % number for number in range(50_000))
    assert decode("lv_list", "node2", "uuid2", b"[true,{" + volumes + b"}]").ok


@pytest.mark.parametrize("payload", [b'"' + b"x" * 900_000 + b'"', b"[" + b"[]," * 9000 + b"0]"])
def test_of_a_long_error_the_beginning_is_kept(payload: bytes) -> None:
    error = result(b"[false," + payload + b"]").error
    assert error is not None
    assert RPC_ERROR_CHARS_MAX < len(error) < RPC_ERROR_CHARS_MAX + 100
    assert error.endswith(" more characters]")


@pytest.mark.parametrize("part", [b"<head ", b"<", b"<style>", b"</head", b"<h1>", b"\xff"])
def test_of_a_long_error_page_only_the_beginning_is_looked_at(part: bytes) -> None:
    page = part * (RPC_ANSWER_BYTES_MAX // len(part))
    assert readable(page) == readable(page[:RPC_ERROR_PAGE_BYTES_MAX])
    answer = b"HTTP/1.1 500 Error\r\nContent-Length: %d\r\n\r\n%b" % (len(page), page)
    with pytest.raises(StatusError) as caught:
        read(answer)
    assert len(str(caught.value)) < 600
