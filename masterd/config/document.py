"""A `config.data` document, taken apart into objects and put together again.

The document is one JSON object: `version`, `cluster`, a mapping by uuid for each other kind, and
the times and serial number of the whole. Reading is strict and tells everything that is wrong at
once, because an administrator who must repair a file wants the whole list.

Source: Ganeti 3.0.2 src/Ganeti/Objects.hs, ConfigData.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeVar

from masterd.config import rules
from masterd.config.kinds import CLUSTER, KINDS, Configured, Kind
from masterd.config.objects import write
from masterd.config.snapshot import ConfigSnapshot, Objects
from masterd.constants import CONFIG_VERSIONS
from masterd.errors import ConfigurationError

T = TypeVar("T")

_SECTIONS: Final = tuple(kind.section for kind in KINDS)
_HEADER: Final[Mapping[str, tuple[type, ...]]] = {
    "version": (int,),
    "serial_no": (int,),
    "ctime": (int, float),
    "mtime": (int, float),
}
_REQUIRED: Final = ("version", "serial_no", CLUSTER.section, *_SECTIONS)


class DocumentError(ConfigurationError):
    """A document is not a configuration. `problems` lists what is wrong, each with its path."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(f"The configuration cannot be used: {rules.in_short(problems)}")
        self.problems = problems


def split(document: object) -> ConfigSnapshot:
    """Read a whole document.

    Raises:
        DocumentError: it is not a configuration of this version; names every problem with its path.
    """
    if not isinstance(document, dict):
        raise DocumentError([f"config: expected an object, got {type(document).__name__}"])
    problems = _header_problems(document)
    cluster = _attempt(problems, lambda: CLUSTER.read(document.get("cluster"), "cluster"))
    objects = {
        kind: Objects(_section(kind, document.get(kind.section), problems)) for kind in KINDS
    }
    if problems or cluster is None:
        raise DocumentError(problems)
    return ConfigSnapshot.of(
        version=document["version"],
        ctime=float(document.get("ctime", 0)),
        mtime=float(document.get("mtime", 0)),
        serial_no=document["serial_no"],
        cluster=cluster,
        objects=objects,
    )


def problems(document: object) -> list[str]:
    """Return why a document cannot be read, each with its path; empty when it can."""
    try:
        split(document)
    except DocumentError as error:
        return error.problems
    return []


def join(snapshot: ConfigSnapshot, number: Callable[[float], object] = float) -> dict[str, object]:
    """Return the whole document, keys in the reference's order.

    Args:
        number: What to put in the place of a float.
    """
    document: dict[str, object] = {
        "version": snapshot.version,
        "cluster": write(snapshot.cluster, number),
    }
    for kind in KINDS:
        objects = snapshot.objects(kind)
        document[kind.section] = {uuid: write(objects[uuid], number) for uuid in sorted(objects)}
    document["ctime"] = number(snapshot.ctime)
    document["mtime"] = number(snapshot.mtime)
    document["serial_no"] = snapshot.serial_no
    return document


def rows(snapshot: ConfigSnapshot) -> Iterator[tuple[Kind[Configured], str, dict[str, object]]]:
    """Yield every object as `(kind, uuid, document)`, the cluster first."""
    yield CLUSTER, snapshot.cluster.uuid, write(snapshot.cluster)
    for kind in KINDS:
        objects = snapshot.objects(kind)
        for uuid in sorted(objects):
            yield kind, uuid, write(objects[uuid])


def _header_problems(document: dict[str, object]) -> list[str]:
    problems = [f"config: missing key '{key}'" for key in _REQUIRED if key not in document]
    problems += [
        f"config: unknown key '{key}'"
        for key in document
        if key not in _HEADER and key != "cluster" and key not in _SECTIONS
    ]
    for key, types in _HEADER.items():
        if key in document and type(document[key]) not in types:
            problems.append(f"{key}: expected a number, got {type(document[key]).__name__}")
    version = document.get("version")
    if type(version) is int and version not in CONFIG_VERSIONS:
        wanted = " or ".join(map(str, CONFIG_VERSIONS))
        problems.append(f"version: expected {wanted}, got {version}")
    return problems


def _section(kind: Kind[Configured], section: object, problems: list[str]) -> dict[str, Configured]:
    """Read the objects of one kind, adding what is wrong to `problems`."""
    if section is None:
        return {}
    if not isinstance(section, dict):
        problems.append(f"{kind.section}: expected an object, got {type(section).__name__}")
        return {}
    objects: dict[str, Configured] = {}
    names: dict[str, str] = {}
    for uuid, document in section.items():
        where = f"{kind.section}.{uuid}"
        value = _attempt(problems, lambda d=document, w=where: kind.read(d, w))  # type: ignore[misc]  # bound now, called at once
        if value is None:
            continue
        if value.uuid != uuid:
            problems.append(f"{where}: says its uuid is '{value.uuid}'")
        name = getattr(value, "name", None) if kind.has_name else None
        if name is not None and names.setdefault(name, uuid) != uuid:
            problems.append(f"{where}: has the name '{name}' of {names[name]}")
        objects[uuid] = value
    return objects


def _attempt(problems: list[str], make: Callable[[], T]) -> T | None:
    try:
        return make()
    except ConfigurationError as error:
        problems.append(error.message)
        return None
