"""What the companion answers by itself, and how it tells that it can answer no more; no I/O.

Source: answers of a running 3.0.2 wconfd.
"""

from typing import Final

from masterd.errors import GanetiError, GenericError
from masterd.wconfd import arguments

#: The call that needs no configuration.
ECHO: Final = "echo"


class RelayedError(GanetiError):
    """An error of the master daemon, as it was answered."""

    def __init__(self, result: object) -> None:
        super().__init__(result)
        self._result = result

    def to_wire(self) -> list[object]:
        """Return the error's class name and arguments, whatever they are."""
        return self._result if isinstance(self._result, list) else ["GenericError", [self._result]]


def echo(given: object) -> str:
    """Return the result of an echo.

    Raises:
        GenericError: the arguments are wrong.
    """
    return str(arguments.unpack(given, (arguments.text,))[0])


def unknown(method: str) -> GenericError:
    """Return the error for a call that nobody answers."""
    return GenericError(f"No such method: {method}")


def unserved(method: str, why: str) -> GenericError:
    """Return the error for a call that only the master daemon could answer."""
    return GenericError(
        f"Cannot answer {method}: {why} (ganeti-masterd keeps the configuration and the locks; its"
        " ganeti-wconfd only answers echo without it)"
    )
