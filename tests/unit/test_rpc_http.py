"""Requests as bytes, answers from bytes."""

import pytest

from masterd.rpc.errors import BadAnswerError, ConnectionLostError, StatusError
from masterd.rpc.http import Exchange, readable

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n[true,null]"
CLOSING = ANSWER.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")


def asked(*, answer_bytes_max: int = 1000) -> Exchange:
    exchange = Exchange("10.0.0.1:1811")
    exchange.request("/version", b"[]", answer_bytes_max)
    return exchange


def test_a_request_is_a_post_with_host_length_and_json() -> None:
    sent = Exchange("10.0.0.1:1811").request("/version", b"[]", 1000)
    head, _, body = sent.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /version HTTP/1.1"
    assert {line.lower() for line in lines[1:]} == {
        b"host: 10.0.0.1:1811",
        b"content-type: application/json",
        b"user-agent: ganeti-masterd",
        b"content-length: 2",
    }
    assert body == b"[]"


def test_after_a_whole_answer_the_connection_takes_the_next_request() -> None:
    exchange = asked()
    assert exchange.receive(ANSWER) == b"[true,null]"
    assert exchange.again()
    assert exchange.request("/version", b"[]", 1000).startswith(b"POST")
    assert exchange.receive(ANSWER) == b"[true,null]"


def test_a_peer_that_wants_to_close_gets_no_further_request() -> None:
    exchange = asked()
    assert exchange.receive(CLOSING) == b"[true,null]"
    assert not exchange.again()


def test_a_peer_that_says_more_than_it_was_asked_gets_no_further_request() -> None:
    exchange = asked()
    assert exchange.receive(ANSWER + b"HTTP") == b"[true,null]"
    assert not exchange.again()


def test_an_answer_may_end_with_the_connection() -> None:
    exchange = asked()
    assert exchange.receive(b"HTTP/1.0 200 OK\r\n\r\n[true,") is None
    assert exchange.receive(b"1]") is None
    assert exchange.receive(b"") == b"[true,1]"
    assert not exchange.again()


def test_another_status_carries_the_text_of_the_page() -> None:
    page = b"<html><head><title>Error</title></head><body>Code 404.\n<p>Nothing</body></html>"
    answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: %d\r\n\r\n%b" % (len(page), page)
    with pytest.raises(StatusError, match=r"HTTP status 404: Code 404\. Nothing") as caught:
        asked().receive(answer)
    assert caught.value.status == 404


def test_the_end_before_any_answer_differs_from_the_end_in_its_middle() -> None:
    exchange = asked()
    with pytest.raises(ConnectionLostError, match="without an answer"):
        exchange.receive(b"")
    assert exchange.untouched
    for part in (ANSWER[:10], ANSWER[:-1]):
        exchange = asked()
        assert exchange.receive(part) is None
        with pytest.raises(ConnectionLostError, match="in the middle"):
            exchange.receive(b"")
        assert not exchange.untouched


@pytest.mark.parametrize(
    "data", [b"\x00\xff\r\n\r\n", b"220 mail ESMTP\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"x" * 20_000]
)
def test_what_is_not_http_is_refused(data: bytes) -> None:
    with pytest.raises(BadAnswerError):
        asked().receive(data)


def test_an_answer_that_is_too_long_is_refused() -> None:
    exchange = asked(answer_bytes_max=100)
    with pytest.raises(BadAnswerError, match="exceeds 100 bytes"):
        exchange.receive(b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n" + b"x" * 150)


def test_an_error_page_is_one_short_line() -> None:
    assert readable(b"<style>p {}</style><h1>A</h1>\n\n<p>b &c") == "A b &c"
    assert len(readable(b"x" * 5000)) == 500
