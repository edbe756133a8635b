"""One node's answer becomes a value; a failure becomes an error only when asked to."""

import pytest

from masterd.errors import ECode, OpPrereqError, RpcError
from masterd.rpc.result import NO_INFORMATION, RpcResult, decode, offline


def read(body: bytes) -> RpcResult:
    return decode("version", "node2", "uuid2", body)


def test_a_success_carries_its_payload() -> None:
    result = decode("run_oob", "node2", "uuid2", b'[true, {"a": [1, null]}]')
    assert (result.ok, result.payload, result.error) == (True, {"a": [1, None]}, None)
    result.raise_("Never")


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b'[false, "no such thing"]', "no such thing"),
        (b"[false, null]", NO_INFORMATION),
        (b'[false, ""]', NO_INFORMATION),
        (b'[false, ["a", 1]]', "['a', 1]"),
        (b"[0, 5]", "5"),
        (b"{}", "RPC layer error: invalid result type (dict)"),
        (b"null", "RPC layer error: invalid result type (NoneType)"),
        (b"[true]", "RPC layer error: invalid result length (1), expected 2"),
        (b"[true, 1, 2]", "RPC layer error: invalid result length (3), expected 2"),
    ],
)
def test_anything_else_is_a_failure_with_a_text(body: bytes, error: str) -> None:
    result = read(body)
    assert (result.ok, result.payload, result.error) == (False, None, error)


@pytest.mark.parametrize("body", [b"", b"[true, ", b"\xff\xfe", b"<html>", b"[" * 100_000])
def test_an_answer_that_is_not_json_is_a_failure(body: bytes) -> None:
    result = read(body)
    assert not result.ok
    assert (result.error or "").startswith("RPC layer error: answer is not JSON")


def test_a_failure_raised_with_a_text_names_the_nodes_error_after_it() -> None:
    with pytest.raises(RpcError) as caught:
        read(b'[false, "disk full"]').raise_("Can't write")
    assert caught.value.to_wire() == ["OpExecError", ["Can't write: disk full"]]


def test_a_failure_raised_without_a_text_names_call_and_node() -> None:
    with pytest.raises(RpcError, match="Call 'version' to node 'node2' has failed: disk full"):
        read(b'[false, "disk full"]').raise_()


def test_a_failed_precondition_carries_its_code() -> None:
    with pytest.raises(OpPrereqError) as caught:
        offline("version", "node2", "uuid2").raise_("Down", prereq=True, code=ECode.ENVIRON)
    assert caught.value.args == ("Down: Node is marked offline", "environment_error")


def test_a_warning_is_told_only_of_a_failure() -> None:
    told: list[str] = []
    assert not read(b"[true, 1]").warn("Never", told.append)
    assert read(b'[false, "busy"]').warn("Node node2", told.append)
    assert told == ["Node node2: busy"]
