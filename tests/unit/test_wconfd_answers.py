"""What the companion answers by itself in the place of Ganeti's configuration daemon."""

import pytest

from masterd.errors import GenericError
from masterd.luxi.messages import encode_error
from masterd.wconfd.answers import RelayedError, echo


@pytest.mark.parametrize("text", ["", "hello", "bü\x00ro"])
def test_an_echo_gives_back_its_text(text: str) -> None:
    assert echo([text]) == text


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "RPC input: Unable to read 1 tuple"),
        (["x", 1], "RPC input: Unable to read 1 tuple"),
        ("y", "RPC input: Unable to read 1 tuple"),
        ({"0": "y"}, "RPC input: Unable to read 1 tuple"),
        ([3], "RPC input: Unable to read String"),
        ([["x"]], "RPC input: Unable to read String"),
    ],
)
def test_wrong_arguments_are_told_as_the_reference_does(arguments: object, told: str) -> None:
    with pytest.raises(GenericError) as refused:
        echo(arguments)
    assert refused.value.message == told


@pytest.mark.parametrize(
    ("result", "told"),
    [
        (["Unheard", ["a", 1]], b'{"success":false,"result":["Unheard",["a",1]]}'),
        ("no sense", b'{"success":false,"result":["GenericError",["no sense"]]}'),
    ],
)
def test_an_error_of_the_master_daemon_is_handed_on_as_it_came(result: object, told: bytes) -> None:
    assert encode_error(RelayedError(result)) == told
