"""What every configuration object has in common: a frozen form, and a way to and from documents.

A *document* is what JSON or msgpack gives: dicts, lists, text, numbers. An object is read from it
strictly (unknown keys, missing keys and wrong types are refused) and written back with exactly the
keys the reference writes, in its order:

* a field without default is always there ("required");
* a field with a default other than None is filled in when missing and always written ("default");
* a field that may be None is left out when it is None ("optional, left out");
* a field named in `OMITTED_WHEN_EMPTY` is left out when it is empty ("not written when equal").

Keys of mappings are written in order; mappings by hypervisor in the reference's own order.

Source: Ganeti 3.0.2 src/Ganeti/Objects.hs and src/Ganeti/Objects/ (fields, presence, order).
"""

import re
from collections.abc import Callable, Mapping
from typing import ClassVar, Final, Literal, TypeVar

import msgspec

from masterd.errors import ConfigurationError

Hypervisor = Literal["kvm", "xen-pvm", "chroot", "xen-hvm", "lxc", "fake"]

#: Order in which the reference writes mappings by hypervisor.
HYPERVISORS: Final[tuple[Hypervisor, ...]] = ("kvm", "xen-pvm", "chroot", "xen-hvm", "lxc", "fake")
_HYPERVISOR_RANK: Final[Mapping[str, int]] = {name: rank for rank, name in enumerate(HYPERVISORS)}

#: Parameters whose names and values the hypervisor, OS or storage provider defines.
FreeParams = Mapping[str, object]

O_co = TypeVar("O_co", bound="ConfigObject", covariant=True)


class ConfigObject(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A piece of configuration. A change is a new object (`msgspec.structs.replace`)."""

    #: Names of fields that are not written while they are empty.
    OMITTED_WHEN_EMPTY: ClassVar[frozenset[str]] = frozenset()


def read(kind: type[O_co], document: object, where: str) -> O_co:
    """Make an object of class `kind` out of a document.

    Args:
        where: Path of the document inside the whole, for messages: "nodes.<uuid>".

    Raises:
        ConfigurationError: the document is not of that form; the message names the path.
    """
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError:
        whole = _without_zero_fractions(document)
    try:
        return msgspec.convert(whole, kind)
    except msgspec.ValidationError as error:
        raise ConfigurationError(_explain(str(error), where)) from error


def write(value: ConfigObject, number: Callable[[float], object] = float) -> dict[str, object]:
    """Return the document of an object, keys in the reference's order.

    Args:
        number: What to put in the place of a float.
    """
    document: dict[str, object] = {}
    omitted_when_empty = value.OMITTED_WHEN_EMPTY
    for name, key in zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True):
        field = getattr(value, name)
        if field is None or (name in omitted_when_empty and not field):
            continue
        document[key] = _plain(field, number)
    return document


def _without_zero_fractions(value: object) -> object:
    """Return a document with 5 in the place of 5.0; the reference's Python parts write those."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_without_zero_fractions(item) for item in value]
    if isinstance(value, dict):
        return {key: _without_zero_fractions(item) for key, item in value.items()}
    return value


def _plain(value: object, number: Callable[[float], object]) -> object:
    """Return the document form of any value found in an object."""
    kind = type(value)
    if kind is str or kind is bool or kind is int or value is None:
        return value
    if isinstance(value, float):
        return number(value)
    if isinstance(value, ConfigObject):
        return write(value, number)
    if isinstance(value, tuple | list):
        return [_plain(item, number) for item in value]
    if isinstance(value, dict):
        return {key: _plain(value[key], number) for key in _ordered(value)}
    raise TypeError(f"A configuration object holds a {kind.__name__}: {value!r}")


def _ordered(mapping: Mapping[str, object]) -> list[str]:
    if mapping.keys() <= _HYPERVISOR_RANK.keys():
        return sorted(mapping, key=_HYPERVISOR_RANK.__getitem__)
    return sorted(mapping)


_UNKNOWN_KEY: Final = re.compile(r"Object contains unknown field `(?P<key>.*)`")
_MISSING_KEY: Final = re.compile(r"Object missing required field `(?P<key>.*)`")


def _explain(message: str, where: str) -> str:
    """Turn the converter's message into "path: what is wrong"."""
    text, _, path = message.partition(" - at `$")
    place = where + path.rstrip("`")
    if match := _UNKNOWN_KEY.fullmatch(text):
        return f"{place}: unknown key '{match['key']}'"
    if match := _MISSING_KEY.fullmatch(text):
        return f"{place}: missing key '{match['key']}'"
    return f"{place}: {text[:1].lower()}{text[1:]}"
