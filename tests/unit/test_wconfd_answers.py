"""What the companion answers in the place of Ganeti's configuration daemon."""

import pytest

from masterd.errors import GenericError
from masterd.wconfd.answers import answer


@pytest.mark.parametrize("text", ["", "hello", "bü\x00ro"])
def test_an_echo_gives_back_its_text(text: str) -> None:
    assert answer("echo", [text]) == text


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
        answer("echo", arguments)
    assert refused.value.message == told


@pytest.mark.parametrize("method", ["readConfig", "lockConfig", "nosuch", "", "Echo"])
def test_every_other_method_is_refused_by_name(method: str) -> None:
    with pytest.raises(GenericError) as refused:
        answer(method, ["x"])
    assert refused.value.message.startswith(f"No such method: {method} (")
