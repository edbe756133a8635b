"""Checks read off type annotations, so that a parameter's type and its check are one thing.

    bool int float str object None       Boolean Integer Float String Anything None
    Literal["a", "b"]                    OneOf a, b
    A | B, A | None                      A or B, None or A
    tuple[A, ...]                        List of A
    frozenset[A]                         Set of A
    tuple[A, B]                          Tuple of (A, B)
    Annotated[tuple[A, B], COUNTED]      (Length 2) and (Item 0 is A, item 1 is B)
    dict[K, V]                           Dictionary with keys of K and values of V
    a TypedDict                          Dictionary containing none but the required keys ...
    Secret                               Private Anything
    Annotated[T, check]                  `check`, which must keep values as T

`COUNTED` is the reference's older way to say the same as a tuple; it only matters to the words.
"""

from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints
from typing import is_typeddict as is_typed_dict

from masterd.opcodes import checks
from masterd.opcodes.checks import Check
from masterd.opcodes.secrets import Secret


class Counted:
    """Marks a tuple that is described by its length and its items."""


COUNTED: Final = Counted()

_SINGLE: Final[dict[object, Check]] = {
    None: checks.NONE,
    NoneType: checks.NONE,
    object: checks.ANYTHING,
    bool: checks.BOOLEAN,
    int: checks.INTEGER,
    float: checks.FLOAT,
    str: checks.STRING,
    Secret: checks.private(checks.ANYTHING),
}


# Annotations are objects of many private classes; `Any` is what the typing module itself says.
def check_for(annotation: Any) -> Check:
    """Return the check for values of a type.

    Raises:
        TypeError: the annotation is none of the forms above.
    """
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is None:
        if is_typed_dict(annotation):
            hints = get_type_hints(annotation, include_extras=True)
            return checks.strict_dict({name: check_for(hint) for name, hint in hints.items()})
        if annotation in _SINGLE:
            return _SINGLE[annotation]
    elif origin is Annotated:
        return _annotated(arguments[0], arguments[1:])
    elif origin is Literal:
        return checks.one_of(*arguments)
    elif origin is Union or origin is UnionType:
        return _union(arguments)
    elif origin is frozenset:
        return checks.set_of(check_for(arguments[0]))
    elif origin is dict:
        return checks.dict_of(check_for(arguments[0]), check_for(arguments[1]))
    elif origin is tuple:
        if arguments[1:] == (Ellipsis,):
            return checks.list_of(check_for(arguments[0]))
        return checks.tuple_of(*map(check_for, arguments))
    raise TypeError(f"no check for {annotation!r}")


def _annotated(inner: Any, metadata: tuple[object, ...]) -> Check:
    if COUNTED in metadata:
        members = get_args(inner)
        return checks.all_of(checks.length(len(members)), checks.items(*map(check_for, members)))
    for item in metadata:
        if isinstance(item, Check):
            return item
    raise TypeError(f"no check among {metadata!r}")


def _union(arguments: tuple[Any, ...]) -> Check:
    others = [argument for argument in arguments if argument is not NoneType]
    inner = check_for(others[0]) if len(others) == 1 else None
    if len(others) == len(arguments):
        return checks.any_of(*map(check_for, others))
    return checks.optional(inner or checks.any_of(*map(check_for, others)))
