"""Parameters in a client's words, made the values that the configuration holds. Pure.

Clients send what was typed: `"1"`, `"yes"`, `"default"`. What has no meaning is refused with
TypeEnforcementError, as the reference does it.

Source: Ganeti 3.0.2 lib/utils ForceDictType (rules, texts); constants *_PARAMETER_TYPES,
DISK_DT_DEFAULTS.
"""

import math
import re
from collections.abc import Mapping
from enum import Enum, auto
from typing import Final, TypeVar, cast

from masterd.config.objects import HYPERVISORS, ConfigObject, FreeParams, Hypervisor, read
from masterd.config.params import DiskTemplate
from masterd.errors import ConfigurationError, ECode, OpPrereqError, TypeEnforcementError

Given = TypeVar("Given", bound=ConfigObject)


def given(kind: type[Given], params: Mapping[str, object], where: str, text: str = "{}") -> Given:
    """Return the object of the configuration that a client's parameters make.

    Args:
        where: what the parameters are called, for the message.
        text: the message, around what is wrong.

    Raises:
        OpPrereqError: they make none; that is wrong input, and no fault of the configuration.
    """
    try:
        return read(kind, dict(params), where)
    except ConfigurationError as error:
        raise OpPrereqError(text.format(error), ECode.INVAL) from error


class Type(Enum):
    """What values a parameter takes."""

    BOOL = auto()
    FLOAT = auto()
    INT = auto()
    #: MiB; text may have a unit. Rounded up to a multiple of 4.
    SIZE = auto()
    TEXT = auto()
    #: Text or nothing.
    MAYBE_TEXT = auto()


Types = Mapping[str, Type]

#: Asks for what the layer above says.
DEFAULT: Final = "default"

NODE: Final[Types] = {
    "cpu_speed": Type.FLOAT,
    "exclusive_storage": Type.BOOL,
    "oob_program": Type.TEXT,
    "ovs": Type.BOOL,
    "ovs_link": Type.MAYBE_TEXT,
    "ovs_name": Type.MAYBE_TEXT,
    "spindle_count": Type.INT,
    "ssh_port": Type.INT,
}
BACKEND: Final[Types] = {
    "always_failover": Type.BOOL,
    "auto_balance": Type.BOOL,
    "maxmem": Type.SIZE,
    "minmem": Type.SIZE,
    "spindle_use": Type.INT,
    "vcpus": Type.INT,
}
INTERFACE: Final[Types] = dict.fromkeys(("link", "mode", "vlan"), Type.TEXT)
HYPERVISOR_STATE: Final[Types] = dict.fromkeys(
    ("cpu_node", "cpu_total", "mem_hv", "mem_node", "mem_total"), Type.INT
)
DISK_STATE: Final[Types] = dict.fromkeys(("disk_overhead", "disk_reserved", "disk_total"), Type.INT)
#: Sizes of instances.
SPEC: Final[Types] = dict.fromkeys(
    ("cpu-count", "disk-count", "disk-size", "memory-size", "nic-count", "spindle-use"), Type.INT
)
#: Parameters of disks by template.
DISK_BY_TEMPLATE: Final[Mapping[DiskTemplate, Types]] = {
    "blockdev": {},
    "diskless": {},
    "drbd": {
        "c-delay-target": Type.INT,
        "c-fill-target": Type.INT,
        "c-max-rate": Type.INT,
        "c-min-rate": Type.INT,
        "c-plan-ahead": Type.INT,
        "data-stripes": Type.INT,
        "disk-barriers": Type.TEXT,
        "disk-custom": Type.TEXT,
        "dynamic-resync": Type.BOOL,
        "meta-barriers": Type.BOOL,
        "meta-stripes": Type.INT,
        "metavg": Type.TEXT,
        "net-custom": Type.TEXT,
        "protocol": Type.TEXT,
        "resync-rate": Type.INT,
    },
    "ext": {"access": Type.TEXT},
    "file": {},
    "gluster": {
        "access": Type.TEXT,
        "host": Type.TEXT,
        "port": Type.INT,
        "volume": Type.TEXT,
    },
    "plain": {"stripes": Type.INT},
    "rbd": {"access": Type.TEXT, "pool": Type.TEXT},
    "sharedfile": {},
}
#: Parameters of disks of whatever template.
DISK: Final[Types] = {
    name: kind for types in DISK_BY_TEMPLATE.values() for name, kind in types.items()
}


def typed(values: object, types: Types) -> dict[str, object]:
    """Return parameters with their values made what their types say.

    Raises:
        TypeEnforcementError: they are no mapping, one is unknown, or has a value of no meaning.
    """
    if not isinstance(values, Mapping):
        raise TypeEnforcementError(f"Expected dictionary, got '{values}'")
    return {str(name): _typed(str(name), value, types) for name, value in values.items()}


def updated(old: Mapping[str, object], changes: object, types: Types) -> dict[str, object]:
    """Return parameters after changes; "default" takes one away.

    Raises:
        TypeEnforcementError: as `typed` says.
    """
    if not isinstance(changes, Mapping):
        raise TypeEnforcementError(f"Expected dictionary, got '{changes}'")
    gone = {name for name, value in changes.items() if value == DEFAULT}
    kept = {name: value for name, value in old.items() if name not in gone}
    return typed({**kept, **{n: v for n, v in changes.items() if n not in gone}}, types)


def _typed(name: str, value: object, types: Types) -> object:
    match types.get(name):
        case Type.TEXT | Type.MAYBE_TEXT as kind:
            if isinstance(value, str) or (value is None and kind is Type.MAYBE_TEXT):
                return value
            if value is False:
                return ""
            raise TypeEnforcementError(f"'{name}' (value {value}) is not a valid string")
        case Type.BOOL:
            return _truth(name, value)
        case Type.SIZE:
            return _size_mib(name, value)
        case Type.INT | Type.FLOAT as kind:
            number, word = (int, "integer") if kind is Type.INT else (float, "float")
            try:
                return kept(number(cast(str, value)))  # whatever it is, it says so itself
            except (ValueError, TypeError, OverflowError):
                raise TypeEnforcementError(
                    f"'{name}' (value {value}) is not a valid {word}"
                ) from None
    raise TypeEnforcementError(f"Unknown parameter '{name}'")


N = TypeVar("N", int, float)


def kept(number: N) -> N:
    """Return a number that can be kept: of 64 bits, as everything else.

    Raises:
        ValueError: it is none.
    """
    if isinstance(number, int) and not -(2**63) <= number < 2**63:
        raise ValueError
    return number


_SIZE: Final = re.compile(r"([.\d]+)\s*([a-zA-Z]+)?")
_UNITS_MIB: Final = {"m": 1, "g": 1024, "t": 1024 * 1024}


def _size_mib(name: str, value: object) -> int:
    found = _SIZE.fullmatch(str(value))
    unit = "m" if found is None else (found[2] or "m").lower()
    try:
        if found is None:
            raise ValueError
        exact_mib = float(found[1]) * _UNITS_MIB[re.sub("(?<=[mgt])i?b$", "", unit)]
        return kept(math.ceil(exact_mib / 4) * 4)
    except (KeyError, OverflowError, ValueError):
        raise TypeEnforcementError(f"'{name}' (value {value}) is not a valid size") from None


def _truth(name: str, value: object) -> bool:
    if not isinstance(value, str) or not value:
        return bool(value)
    words = {"true": True, "false": False}
    if value.lower() not in words:
        raise TypeEnforcementError(f"'{name}' (value {value}) is not a valid boolean")
    return words[value.lower()]


# --- what a node is assumed to have, whatever it says itself ------------------------------------


def hypervisor_state(
    old: Mapping[Hypervisor, FreeParams], changes: Mapping[str, object]
) -> dict[Hypervisor, FreeParams]:
    """Return the static state of hypervisors after changes.

    Raises:
        OpPrereqError: one names no hypervisor.
        TypeEnforcementError: as `typed` says.
    """
    unknown = sorted(changes.keys() - frozenset(HYPERVISORS))
    if unknown:
        raise OpPrereqError(
            f"Invalid hypervisor(s) in hypervisor state: {', '.join(unknown)}", ECode.INVAL
        )
    known = {name: changes[name] for name in HYPERVISORS if name in changes}
    return {
        **old,
        **{
            name: updated(old.get(name, {}), values, HYPERVISOR_STATE)
            for name, values in known.items()
        },
    }


def disk_state(
    old: Mapping[DiskTemplate, FreeParams], changes: Mapping[str, object]
) -> dict[DiskTemplate, FreeParams]:
    """Return the static state of storage after changes; only volume groups have one.

    Raises:
        OpPrereqError: one names another type of storage.
        TypeEnforcementError: as `typed` says.
    """
    unknown = sorted(changes.keys() - {"plain"})
    if unknown:
        raise OpPrereqError(
            f"Invalid storage type(s) in disk state: {', '.join(unknown)}", ECode.INVAL
        )
    volumes = changes.get("plain")
    if not isinstance(volumes, Mapping):
        raise TypeEnforcementError(f"Expected dictionary, got '{volumes}'")
    before = old.get("plain", {})
    after = {
        str(name): updated(_mapping(before.get(str(name))), values, DISK_STATE)
        for name, values in volumes.items()
    }
    return {"plain": {**before, **after}}


#: What a cluster assumes where it is not told. Source: constants HVST_DEFAULTS, DS_DEFAULTS.
_HYPERVISOR_STATE: Final = {**dict.fromkeys(HYPERVISOR_STATE, 0), "cpu_node": 1, "cpu_total": 1}
_DISK_STATE: Final = dict.fromkeys(DISK_STATE, 0)


def whole_hypervisor_state(
    old: Mapping[Hypervisor, FreeParams], changes: Mapping[str, object]
) -> dict[Hypervisor, FreeParams]:
    """Return a cluster's static state of hypervisors after changes; see `hypervisor_state`."""
    changed = hypervisor_state(old, changes)
    return {name: {**_HYPERVISOR_STATE, **values} for name, values in changed.items()}


def whole_disk_state(
    old: Mapping[DiskTemplate, FreeParams], changes: Mapping[str, object]
) -> dict[DiskTemplate, FreeParams]:
    """Return a cluster's static state of storage after changes; see `disk_state`."""
    return {
        template: {name: {**_DISK_STATE, **_mapping(values)} for name, values in by_name.items()}
        for template, by_name in disk_state(old, changes).items()
    }


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
