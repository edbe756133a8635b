"""What the companion answers; no I/O.

Source: answers of a running 3.0.2 wconfd.
"""

from typing import Final

from masterd.errors import GenericError

ECHO: Final = "echo"


def answer(method: str, arguments: object) -> str:
    """Return the result of a call.

    Raises:
        GenericError: the method is not served, or its arguments are wrong.
    """
    if method != ECHO:
        raise GenericError(
            f"No such method: {method} (ganeti-masterd keeps the configuration; its ganeti-wconfd"
            " only answers echo)"
        )
    if not isinstance(arguments, list) or len(arguments) != 1:
        raise GenericError("RPC input: Unable to read 1 tuple")
    text = arguments[0]
    if not isinstance(text, str):
        raise GenericError("RPC input: Unable to read String")
    return text
