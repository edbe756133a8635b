"""Framing, envelopes and replies, without a socket."""

import json
from collections.abc import Callable

import msgspec
import pytest

from masterd.errors import (
    ECode,
    GenericError,
    JobQueueFull,
    LuxiParseError,
    OpPrereqError,
    ProgrammerError,
)
from masterd.limits import (
    LUXI_CALL_BYTES_MAX,
    LUXI_CALL_VALUES_MAX,
    LUXI_COUNTED_BYTES,
    LUXI_PIECES_PER_PAUSE,
    LUXI_SUBMISSION_VALUES_MAX,
)
from masterd.luxi import reply as reply_module
from masterd.luxi.client import RequestError, rebuild_error
from masterd.luxi.framing import Decoder, MessageTooLargeError, encode
from masterd.luxi.messages import (
    Request,
    encode_error,
    encode_request,
    encode_success,
    encode_success_raw,
    parse_answer,
    parse_request,
)
from masterd.luxi.reply import Reply


def test_the_decoder_keeps_an_unfinished_message() -> None:
    decoder = Decoder(100)
    assert decoder.feed(b"one\x03tw") == [b"one"]
    assert decoder.pending_bytes == 2
    assert decoder.feed(b"o\x03\x03three") == [b"two", b""]
    assert decoder.pending_bytes == 5


@pytest.mark.parametrize("stream", [b"x" * 11, b"x" * 11 + b"\x03"])
def test_the_decoder_refuses_a_message_beyond_its_bound(stream: bytes) -> None:
    with pytest.raises(MessageTooLargeError, match="exceeds 10 bytes"):
        Decoder(10).feed(stream)


def test_the_decoder_takes_a_message_at_its_bound() -> None:
    assert Decoder(10).feed(b"x" * 10 + b"\x03") == [b"x" * 10]


def test_a_payload_with_the_end_byte_is_not_encoded() -> None:
    with pytest.raises(ValueError, match="end-of-message"):
        encode(b'"a\x03b"')


def test_a_request_of_either_generation_is_read() -> None:
    new = parse_request(b'{"method": "CancelJob", "args": [5, true], "version": 3000000}\n')
    old = parse_request(b' {"method": "CancelJob", "args": "5"}')
    assert new == Request("CancelJob", [5, True], 3_000_000)
    assert old == Request("CancelJob", "5", None)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b'{"method": "\xff", "args": []}',
        b'{"method": "A", "args": [NaN]}',
        b'{"method": "A", "args": ["\\ud800"]}',
        b'{"method": "A", "args": ' + b"[" * 100_000,
    ],
    ids=["nothing", "cut", "no UTF-8", "no number", "half a character", "too deep"],
)
def test_what_is_no_json_is_refused(raw: bytes) -> None:
    with pytest.raises(LuxiParseError, match="parsing top-level JSON message: Invalid JSON"):
        parse_request(raw)


def test_a_result_may_hold_text_that_is_json_already() -> None:
    result = {"rows": ((0, msgspec.Raw(b'{"duration": 1.0}')),)}
    assert encode_success(result) == b'{"success":true,"result":{"rows":[[0,{"duration": 1.0}]]}}'
    assert encode_success_raw(b"[1]") == b'{"success":true,"result":[1]}'


def test_an_error_travels_as_its_class_and_arguments() -> None:
    refused = OpPrereqError("no such node", ECode.NOENT)
    assert json.loads(encode_error(refused)) == {
        "success": False,
        "result": ["OpPrereqError", ["no such node", "unknown_entity"]],
    }
    assert json.loads(encode_error(JobQueueFull()))["result"] == ["JobQueueFull", []]


def test_a_parse_error_travels_as_text() -> None:
    assert json.loads(encode_error(LuxiParseError("SubmitJob: no"))) == {
        "success": False,
        "result": "Failed to parse request: SubmitJob: no",
    }


def test_an_error_comes_back_in_its_class() -> None:
    error = rebuild_error(["OpPrereqError", ["no such node", "unknown_entity"]])
    assert type(error) is OpPrereqError
    assert error.args == ("no such node", "unknown_entity")
    assert type(rebuild_error(["JobQueueFull", []])) is JobQueueFull


@pytest.mark.parametrize("result", [["NoSuchClass", ["text"]], "text", None, ["GenericError"], 5])
def test_an_error_of_no_known_class_comes_back_as_a_refused_request(result: object) -> None:
    assert type(rebuild_error(result)) is RequestError


@pytest.mark.parametrize(
    "raw", [b"[]", b"{}", b'{"success": 1, "result": 2}', b'{"success": true}']
)
def test_what_is_no_answer_is_refused(raw: bytes) -> None:
    with pytest.raises(LuxiParseError):
        parse_answer(raw)


def test_an_answer_is_read() -> None:
    assert parse_answer(encode_success([1])) == (True, [1])
    assert encode_request("M", [1], None) == b'{"method":"M","args":[1]}'


class _Connection:
    """Keeps what it was told to send."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, bool]] = []
        self.gone: list[Callable[[], None]] = []

    def answer(self, message: bytes, last: bool) -> None:
        assert message.endswith(b"\x03")
        self.sent.append((message[:-1], last))

    def on_gone(self, callback: Callable[[], None]) -> None:
        self.gone.append(callback)

    def lost(self, error: BaseException) -> None:
        self.answer(encode(encode_error(error)), last=False)


def test_a_reply_answers_once() -> None:
    connection = _Connection()
    reply = Reply(connection)
    reply.success(7)
    assert reply.answered
    with pytest.raises(ProgrammerError, match="answered twice"):
        reply.failure(GenericError("no"))
    assert connection.sent == [(b'{"success":true,"result":7}', False)]


def test_a_parse_error_is_the_last_answer() -> None:
    connection = _Connection()
    Reply(connection).failure(LuxiParseError("no"))
    ((_, last),) = connection.sent
    assert last


def test_a_result_that_is_no_json_leaves_the_request_open() -> None:
    connection = _Connection()
    reply = Reply(connection)
    with pytest.raises(TypeError):
        reply.success(object())
    assert not reply.answered
    reply.success(None)
    assert [payload for payload, _ in connection.sent] == [b'{"success":true,"result":null}']


def test_a_result_with_the_end_byte_leaves_the_request_open() -> None:
    connection = _Connection()
    reply = Reply(connection)
    with pytest.raises(ValueError, match="end-of-message"):
        reply.success_raw(b'"a\x03b"')
    assert not reply.answered
    reply.success("a\x03b")
    assert [payload for payload, _ in connection.sent] == [b'{"success":true,"result":"a\\u0003b"}']


def test_an_answer_beyond_the_bound_becomes_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reply_module, "LUXI_ANSWER_BYTES_MAX", 1000)
    connection = _Connection()
    Reply(connection).success("x" * 2000)
    ((payload, _),) = connection.sent
    assert parse_answer(payload) == (
        False,
        ["GenericError", ["The answer has 2028 bytes, more than 1000"]],
    )


def test_a_dropped_reply_answers_for_itself() -> None:
    connection = _Connection()
    Reply(connection)
    assert [parse_answer(payload) for payload, _ in connection.sent] == [
        (False, ["ProgrammerError", ["the request was dropped without an answer"]])
    ]


# --- large messages -----------------------------------------------------------------------------


class Pauses:
    """Counts how often others had their turn."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


def submission(jobs: int) -> dict[str, object]:
    job = [{"OP_ID": "OP_TEST_DELAY", "duration": 0.5, "comment": "x" * 50, "reason": []}]
    return {"method": "SubmitManyJobs", "args": [[job] * jobs], "version": 3_000_000}


@pytest.mark.parametrize("order", [("method", "args", "version"), ("version", "args", "method")])
def test_a_large_submission_is_read_in_pieces(order: tuple[str, ...]) -> None:
    document = submission(5000)
    raw = json.dumps({key: document[key] for key in order}).encode()
    pauses = Pauses()
    assert parse_request(raw, pauses) == Request(
        "SubmitManyJobs",
        document["args"],
        document["version"],  # type: ignore[arg-type]  # an int
    )
    assert pauses.count > 5000 // LUXI_PIECES_PER_PAUSE


@pytest.mark.parametrize("method", ["SubmitJob", "SubmitJobToDrainedQueue"])
def test_a_large_job_is_read_in_pieces(method: str) -> None:
    ops = [{"OP_ID": "OP_TEST_DELAY", "comment": "é" * 500, "reason": [None, 1.5]}] * 500
    pauses = Pauses()
    for args in ([ops], ops, "x" * 200_000, [ops, 5], {"a": ops}):
        raw = json.dumps({"method": method, "args": args}).encode()
        assert parse_request(raw, pauses) == Request(method, args, None)
    assert pauses.count > 5 * len(ops) // LUXI_PIECES_PER_PAUSE // 2


@pytest.mark.parametrize("method", ["Query", "SubmitJobs", "ReplaceFilter"])
def test_only_submissions_may_be_large(method: str) -> None:
    # What follows is never looked at: it would be no JSON.
    raw = b'{"method": "%b", "args": [' % method.encode() + b"[" * LUXI_CALL_BYTES_MAX
    with pytest.raises(LuxiParseError, match="only submissions may have more than 4194304"):
        parse_request(raw)


@pytest.mark.parametrize(
    ("method", "values_max"),
    [("Query", LUXI_CALL_VALUES_MAX), ("SubmitManyJobs", LUXI_SUBMISSION_VALUES_MAX)],
)
def test_values_are_counted_before_any_is_read(method: str, values_max: int) -> None:
    raw = b'{"method": "%b", "args": [' % method.encode() + b"[],{" * values_max
    pauses = Pauses()
    with pytest.raises(LuxiParseError, match=f"of more than {values_max} values"):
        parse_request(raw, pauses)
    assert pauses.count <= len(raw) // LUXI_COUNTED_BYTES


def test_a_message_that_is_two_things_is_refused() -> None:
    raw = json.dumps(submission(5000)).encode()[:-1] + b', "method": "Query"}'
    with pytest.raises(LuxiParseError, match="says both Query and that it submits jobs"):
        parse_request(raw)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b'{"method": "SubmitJob", "version": 3, "arg": "%b"}', "key 'args' not found"),
        (b'{"method": "SubmitJob", "args": "%b"', "Invalid JSON"),
        (b'{"args": ["%b"], "version": 1}', "key 'method' not found"),
    ],
)
def test_a_large_message_with_a_fault_is_told_like_a_small_one(raw: bytes, text: str) -> None:
    for size in (10, 1_000_000):
        with pytest.raises(LuxiParseError, match=text):
            parse_request(raw % (b"x" * size))
