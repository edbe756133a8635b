"""What objects use of each other and of scarce things: uuids, addresses, ports, minors.

The texts of uses are those of the store's index (`store/config_uses.py`), so that what is asked of
a snapshot, of a draft and of the store is the same question.
"""

from typing import Final

from masterd.config.kinds import BY_NAME, Configured, Kind, kind_of
from masterd.config.objects import write
from store import config_uses

#: What an exclusive relation's things are called in messages.
_WORDS: Final = {
    config_uses.DISK: "disk",
    config_uses.MAC: "MAC address",
    config_uses.MINOR: "DRBD minor",
    config_uses.PORT: "TCP port",
}


def uses(value: Configured | None) -> frozenset[str]:
    """Return what an object uses; no object uses nothing."""
    return frozenset() if value is None else config_uses.uses(kind_of(value).name, write(value))


def repeated(value: Configured) -> list[str]:
    """Return what an object uses twice that can be used once only."""
    return config_uses.repeated(kind_of(value).name, write(value))


def use_of(kind: Kind[Configured], uuid: str) -> str | None:
    """Return the use of an object by another; None for kinds that nothing uses."""
    for relation, kind_name in config_uses.KIND_USED.items():
        if kind_name == kind.name:
            return config_uses.use(relation, uuid)
    return None


def used_object(use: str) -> tuple[Kind[Configured], str] | None:
    """Return kind and uuid of what is used, None when it is no object."""
    relation, _, what = use.partition("/")
    kind_name = config_uses.KIND_USED.get(relation)
    return None if kind_name is None else (BY_NAME[kind_name], what)


def is_exclusive(use: str) -> bool:
    """Tell whether it can have one user only."""
    return use.partition("/")[0] in config_uses.EXCLUSIVE


def port_of(use: str) -> int | None:
    """Return the TCP port that is used, None when it is something else."""
    relation, _, what = use.partition("/")
    return int(what) if relation == config_uses.PORT else None


def told(use: str) -> str:
    """Return what is used in words, for messages."""
    relation, _, what = use.partition("/")
    if relation == config_uses.PORT:
        what = str(int(what))
    if relation == config_uses.MINOR:
        node, _, minor = what.rpartition("/")
        what = f"{minor} of node {node}"
    return f"{_WORDS[relation]} {what}"
