"""Changes of the list of an instance's disks or network interfaces. Pure.

A change says what is done to which item: where a new one goes, by number, or which one is meant,
by number, name or uuid; -1 stands for the end of the list. Numbers count in the list as the changes
before have left it. What is done with the items is left to those who have them.

Source: Ganeti 3.0.2 lib/cmdlib/instance_utils.py (ApplyContainerMods: rules), lib/utils
(ValidateDeviceNames) and lib/cmdlib/instance_set_params.py (short forms); prereqs.json.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, Literal, Protocol, TypeAlias, TypeVar, cast

from masterd.errors import ECode, OpExecError, OpPrereqError
from masterd.limits import LU_DEVICE_CHANGES_MAX

P = TypeVar("P", bound=Mapping[Any, Any])
I = TypeVar("I", bound="Named")  # noqa: E741 (an item; never read as a number)

#: What a result tells of a change: a parameter and its new value.
Row: TypeAlias = tuple[str, object]

Action = Literal["add", "attach", "detach", "modify", "remove"]
Kind = Literal["NIC", "disk"]

#: What changes how many items there are, one at a time in the short form.
_COUNTED: Final = frozenset({"add", "attach", "detach", "remove"})
_WITHOUT_PARAMS: Final = frozenset({"detach", "remove"})
_LAST: Final = -1
_NONE: Final = "none"


class Named(Protocol):
    """An item of the list."""

    @property
    def name(self) -> str | None: ...
    @property
    def uuid(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Change(Generic[P]):
    """What is done to an item.

    Attributes:
        which: number, text of a number, name or uuid.
        params: what the item is to be like; a detached or removed one has none.
    """

    action: Action
    which: int | str
    params: P


def read(kind: Kind, given: Sequence[Sequence[Any]]) -> list[Change[Any]]:
    """Return the changes that an opcode asks for, `[action, which, params]` each.

    In the short form, `[action, params]`, a number as action means to modify that item; what else
    is done is done at the end.

    Raises:
        OpPrereqError: there are too many; or in the short form, the number of items changes more
            than once.
    """
    if len(given) > LU_DEVICE_CHANGES_MAX:
        raise OpPrereqError(
            f"{len(given)} changes of {kind}s in one request, but {LU_DEVICE_CHANGES_MAX} at most"
            " are possible",
            ECode.INVAL,
        )
    changes: list[Change[Any]] = []
    for each in given:
        if len(each) == 3:
            changes.append(Change(*each))
        elif each[0] in _COUNTED:
            changes.append(Change(cast(Action, each[0]), _LAST, each[1]))  # the opcode's type
        else:
            changes.append(Change("modify", each[0], each[1]))
    short = [each[0] for each in given if len(each) == 2 and each[0] in _COUNTED]
    if len(short) > 1:
        raise OpPrereqError(
            f"Only one {kind} can be added, attached, detached or removed at a time in this form",
            ECode.INVAL,
        )
    return changes


def check_params(kind: Kind, change: Change[Any]) -> None:
    """Refuse parameters of an item that goes.

    Raises:
        OpPrereqError: there are some.
    """
    if change.action in _WITHOUT_PARAMS and change.params:
        raise OpPrereqError(
            f"A {kind} that is removed or detached takes no parameters", ECode.INVAL
        )


def index_of_new(kind: Kind, which: int | str, count: int) -> int:
    """Return the number that an item gets which is put into a list of so many.

    Raises:
        OpPrereqError: it is not a number.
        OpExecError: there is no such place, as in the reference, though nothing was changed.
    """
    index = number(which)
    if index is None:
        raise OpPrereqError(
            f"A new {kind} goes to a number or to -1, not to '{which}'", ECode.INVAL
        )
    return count if index == _LAST else _checked(kind, index, count)


def index_of(kind: Kind, which: int | str, items: Sequence[Named]) -> int:
    """Return the number of the item that is meant.

    Raises:
        OpPrereqError: none has this name or uuid.
        OpExecError: none has this number, as in the reference, though nothing was changed.
    """
    index = number(which)
    if index is not None:
        index = len(items) - 1 if index == _LAST else index
        if not 0 <= index < len(items):
            _checked(kind, index, len(items) - 1)
        return index
    for index, item in enumerate(items):
        if which in (item.uuid, item.name):
            return index
    raise OpPrereqError(f"There is no {kind} '{which}'", ECode.NOENT)


def number(which: int | str) -> int | None:
    """Return the number that stands there; None for a name or uuid."""
    try:
        return int(which)
    except ValueError:
        return None


def _checked(kind: Kind, index: int, highest: int) -> int:
    if not 0 <= index <= highest:
        raise OpExecError(f"There is no {kind} {index}: only -1 and 0 to {highest} are possible")
    return index


def with_item(items: Sequence[I], index: int, item: I) -> list[I]:
    """Return the list with an item put before that of this number, or at the end."""
    return [*items[:index], item, *items[index:]]


def without_item(items: Sequence[I], index: int) -> list[I]:
    """Return the list without the item of this number."""
    return [*items[:index], *items[index + 1 :]]


def replaced(items: Sequence[I], index: int, item: I) -> list[I]:
    """Return the list with the item of this number replaced."""
    return [*items[:index], item, *items[index + 1 :]]


def check_names(kind: Kind, items: Iterable[Named]) -> None:
    """Refuse names that are numbers, or that an item has or is called by its uuid already.

    Raises:
        OpPrereqError: there are such.
    """
    check_given_names(kind, ((item.name, item.uuid) for item in items))


def check_given_names(kind: Kind, called: Iterable[tuple[object, str | None]]) -> None:
    """Refuse the same of names and uuids; new items have none of the latter yet.

    Raises:
        OpPrereqError: there are such.
    """
    used: set[object] = set()
    for name, uuid in called:
        if uuid is not None:
            used.add(uuid)
        if name is None:
            continue
        if not isinstance(name, str) or number(name) is not None:
            raise OpPrereqError(f"A {kind} cannot have a number as its name: '{name}'", ECode.INVAL)
        if name.lower() == _NONE:
            continue
        if name in used:
            raise OpPrereqError(f"{kind} name '{name}' already used", ECode.NOTUNIQUE)
        used.add(name)
