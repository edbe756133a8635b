"""Arguments of calls as they come, and what is answered, in the reference's form; no I/O.

A program names itself `[word or job id, its livelock file, its process]`. A lock is text, such as
`node/<uuid>`, `instance/[lockset]`, `cluster/BGL` or `cluster/config`; a request is `[lock,
"shared" | "exclusive" | "release"]`.

Source: luxi.json, wconfd; answers of a running wconfd 3.0.2 (texts of refusals).
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from masterd.errors import GenericError
from masterd.lock.levels import BGL, CONFIG_LOCK, LOCKSET, Lock, LockLevel, LockMode
from masterd.lock.owners import Outsider

T = TypeVar("T")

#: Makes a value of one argument; raises GenericError where it means none.
Reader = Callable[[object], T]

_MODES: Final[Mapping[str, LockMode]] = {
    mode.label: mode for mode in (LockMode.SHARED, LockMode.EXCLUSIVE)
}
_LEVELS: Final[Mapping[str, LockLevel]] = {
    level.label: level for level in LockLevel if level is not LockLevel.CONFIG
}
_VOLUME: Final = re.compile(r"[a-zA-Z0-9+_.-]+")
#: How the reference calls a number of arguments.
_COUNTS: Final = ("()", "1 tuple", "Pair", "Triple", "4 tuple")


def refused(text: str) -> GenericError:
    """Return the error for an argument that cannot be read."""
    return GenericError(f"RPC input: {text}")


def unpack(given: object, readers: tuple[Reader[object], ...]) -> list[object]:
    """Return the arguments of a call, each read.

    Raises:
        GenericError: there are too many or too few, or one has no meaning.
    """
    count = len(readers)
    if not isinstance(given, list) or len(given) != count:
        raise refused(f"Unable to read {_COUNTS[count]}")
    return [reader(each) for reader, each in zip(readers, given, strict=True)]


# --- plain values -------------------------------------------------------------------------------


def text(value: object) -> str:
    """Read a text."""
    if not isinstance(value, str):
        raise refused("Unable to read String")
    return value


def uuid(value: object) -> str:
    """Read a uuid; whether there is such an object is seen later."""
    if not isinstance(value, str):
        raise refused("readJSON{ByteString}: unable to parse string value")
    return value


def truth(value: object) -> bool:
    """Read a truth value."""
    if not isinstance(value, bool):
        raise refused("Unable to read Bool")
    return value


def whole(value: object) -> int:
    """Read a whole number."""
    if type(value) is not int:
        raise refused("Unable to read Int")
    return value


def priority(value: object) -> int:
    """Read a priority."""
    if type(value) is not int:
        raise refused("Unable to read Integer")
    return value


def document(value: object) -> dict[str, object]:
    """Read an object; what stands in it is looked at later."""
    if not isinstance(value, dict):
        raise refused("Unable to read JSObject")
    return value


def address(value: object) -> str:
    """Read an IPv4 address."""
    given = text(value)
    try:
        return str(ipaddress.IPv4Address(given))
    except ValueError:
        raise refused(f"Can't parse IPv4 address from string {given}") from None


def volume(value: object) -> tuple[str, str]:
    """Read a logical volume: its group and its name."""
    group, slash, name = text(value).partition("/")
    if not slash:
        raise refused(f"Invalid JSON value {value!r} for a logical volume")
    if not (_VOLUME.fullmatch(group) and _VOLUME.fullmatch(name)):
        raise refused("Validation errors: Volume name must consist only of [a-z][A-Z][0-9][+_.-]")
    return group, name


def optional(reader: Reader[T]) -> Reader[T | None]:
    """Return a reader that also takes null."""
    return lambda value: None if value is None else reader(value)


def listed(reader: Reader[T]) -> Reader[list[T]]:
    """Return a reader of lists."""

    def read(value: object) -> list[T]:
        if not isinstance(value, list):
            raise refused("Unable to read list")
        return [reader(each) for each in value]

    return read


def word(words: tuple[str, ...], kind: str) -> Reader[str]:
    """Return a reader of one of some words."""

    def read(value: object) -> str:
        if not isinstance(value, str):
            raise refused(f"Can't parse value for '{kind}': Unable to read String")
        given = value
        if given not in words:
            raise refused(f'Invalid string value for type {kind}: "{given}"')
        return given

    return read


# --- owners and locks ---------------------------------------------------------------------------


def owner(value: object) -> Outsider:
    """Read who a program says that it is; where it does not tell its process, it is process 0."""
    match value:
        case [str() | int() as name, str(livelock), int(process)] if type(process) is int:
            pass
        case [str() | int() as name, str(livelock)]:
            process = 0
        case _:
            raise refused(f"malformed client id: {value!r}")
    if isinstance(name, bool):
        raise refused(f"malformed client id: {value!r}")
    if isinstance(name, int) and name < 0:
        raise refused(f"Invalid value for job ID ' {name}'")
    return Outsider(name, livelock, process)


def lock(value: object) -> Lock:
    """Read the name of a lock."""
    given = _lock_text(value)
    level, slash, name = given.partition("/")
    if given == str(CONFIG_LOCK):
        return CONFIG_LOCK
    found = _LEVELS.get(level)
    if slash and found is not None and (found is not LockLevel.CLUSTER or name in (BGL, LOCKSET)):
        return Lock(found, name)
    raise refused(f"Unknown lock name '{given}'")


def level(value: object) -> LockLevel:
    """Read the name of a level of locks."""
    given = _lock_text(value)
    if given == CONFIG_LOCK.name:
        return LockLevel.CONFIG
    if given not in _LEVELS:
        raise refused(f"Unknown lock-level name '{given}'")
    return _LEVELS[given]


def wanted(value: object) -> tuple[Lock, LockMode]:
    """Read a lock and how it is to be held."""
    name, how = _pair(value)
    found = lock(name)
    mode = _MODES.get(text(how))
    if mode is None:
        raise refused(f"Unknown owner type {how}")
    return found, mode


def change(value: object) -> tuple[Lock, LockMode | None]:
    """Read a lock and how it is to be held from then on; None gives it back."""
    name, how = _pair(value)
    found = lock(name)
    if how == "release":
        return found, None
    mode = _MODES.get(text(how))
    if mode is None:
        raise refused(f"Unknown lock update request {how}")
    return found, mode


def _lock_text(value: object) -> str:
    if not isinstance(value, str):
        raise refused("Wrong JSON type")
    return value


def _pair(value: object) -> tuple[object, object]:
    if not isinstance(value, list) or len(value) != 2:
        raise refused("Unable to read Pair")
    return value[0], value[1]
