"""Private and secret parameters: kept in memory only.

The values of OS parameters that clients mark private or secret are wrapped as soon as an opcode is
loaded. No text form of an opcode shows them: not `repr`, not a log line, not the stored input.
"""

from typing import Final

#: What stands in a stored input for a wrapped value. Source: opcodes.json wire.redacted.
REDACTED: Final = "<redacted>"


class Secret:
    """A JSON value that only `reveal` shows."""

    __slots__ = ("_value",)

    def __init__(self, value: object) -> None:
        self._value = value

    def reveal(self) -> object:
        """Return the value, for the RPC that needs it."""
        return self._value

    @property
    def lost(self) -> bool:
        """Whether only the stored form was left of it, as after a restart."""
        return self._value == REDACTED

    def __repr__(self) -> str:
        return REDACTED

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(Secret)
