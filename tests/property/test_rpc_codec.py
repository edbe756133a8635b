"""Content and answers survive the wire, cut anywhere."""

from itertools import pairwise
from pathlib import Path

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from masterd.rpc.encoding import compress, decompress
from masterd.rpc.http import Exchange
from masterd.rpc.result import decode
from masterd.rpc.virtual_path import VirtualPaths


@given(st.text(max_size=3000))
def test_compressed_content_comes_back(text: str) -> None:
    sent = msgspec.json.decode(msgspec.json.encode(compress(text)))
    assert decompress(sent, bytes_max=20_000) == text.encode()


@given(
    body=st.binary(max_size=300),
    cuts=st.lists(st.integers(0, 500), max_size=6),
    chunked=st.booleans(),
)
def test_an_answer_is_read_the_same_however_it_is_cut(
    body: bytes, cuts: list[int], chunked: bool
) -> None:
    if chunked:
        data = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
        answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + data
    else:
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    exchange = Exchange("host:1")
    exchange.request("/version", b"[]", 1000)
    places = sorted({min(cut, len(answer)) for cut in cuts} | {0, len(answer)})
    received: bytes | None = None
    for start, end in pairwise(places):
        assert received is None
        received = exchange.receive(answer[start:end])
    assert received == body


@given(st.binary(max_size=200))
def test_no_bytes_in_an_answer_raise(body: bytes) -> None:
    result = decode("version", "node", "uuid", body)
    assert result.ok == (result.error is None)


@given(st.lists(st.text("abc.-_", min_size=1, max_size=5), min_size=1, max_size=5))
def test_a_path_travels_between_roots(parts: list[str]) -> None:
    sender, receiver = VirtualPaths(Path("/a/one")), VirtualPaths(Path("/b/two"))
    path = Path("/a/one", *(part for part in parts if part not in (".", ".."))) / "end"
    there = receiver.local(sender.virtual(path))
    assert there.relative_to("/b/two") == path.relative_to("/a/one")
