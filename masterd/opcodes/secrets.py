"""Private and secret parameters: kept in memory only.

The values of OS parameters that clients mark private or secret are wrapped as soon as an opcode is
loaded, those of opcodes inside its free-form parameters too. No text form of an opcode shows them:
not `repr`, not a log line, not the stored input.
"""

from operator import is_ as _is
from typing import Final

#: What stands in a stored input for a wrapped value. Source: opcodes.json wire.redacted.
REDACTED: Final = "<redacted>"


#: Keys below which every value is secret, wherever they stand, and how many levels of names there
#: are above the values.
_SECRET_KEYS: Final = {"osparams_private": 1, "osparams_secret": 1, "osparams_private_cluster": 2}


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


def sealed(value: object) -> object:
    """Return a free-form JSON value with the secrets of opcodes in it wrapped.

    What holds none is returned as it is, not copied.
    """
    if isinstance(value, list | tuple):
        items = [sealed(item) for item in value]
        return value if all(map(_is, items, value)) else items
    if isinstance(value, dict):
        found = {
            key: _wrapped(item, _SECRET_KEYS[key]) if key in _SECRET_KEYS else sealed(item)
            for key, item in value.items()
        }
        return value if all(map(_is, found.values(), value.values())) else found
    return value


def _wrapped(value: object, levels: int) -> object:
    """Return what stands below a secret key in the form that a declared parameter has."""
    if value is None or isinstance(value, Secret):
        return value
    if levels and isinstance(value, dict):
        return {key: _wrapped(item, levels - 1) for key, item in value.items()}
    return Secret(value)
