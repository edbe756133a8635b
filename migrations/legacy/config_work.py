"""What the steps that bring a `config.data` to a newer form work with.

A *document* is parsed JSON. A step is a function of a document that returns a document: it copies
what it changes and never writes into what it was given. What a step has to say besides goes into
`Work`: reasons why the whole cannot be taken over, and notes on what an administrator should know.
"""

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

#: A parsed `config.data`, or an object of it.
Document = dict[str, Any]

#: Returns a uuid that nothing has yet.
NewUuid = Callable[[], str]


@dataclass(slots=True)
class Work:
    """What goes on beside the document while its steps are taken.

    Attributes:
        new_uuid: Names objects that had no uuid.
        reasons: Why the document cannot be brought to the wanted form, each with its path.
        notes: What was left out or mended, each with its path.
    """

    new_uuid: NewUuid
    reasons: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


Step = Callable[[Document, Work], Document]


class ConfigFormError(Exception):
    """A document cannot be brought to the wanted form. `reasons` says why, each with its path."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


@dataclass(frozen=True, slots=True)
class Converted:
    """A document in the wanted form.

    Attributes:
        document: The document; it shares parts with the one it was made of.
        notes: What was left out or mended, each with its path.
    """

    document: Document
    notes: tuple[str, ...] = ()


def no_uuid() -> str:
    """Stand in for a source of uuids where no step makes any."""
    raise AssertionError("this way makes no objects")


def changed(
    document: Document, section: str, change: Callable[[str, Document], Document]
) -> Document:
    """Return a document with every object of a section replaced by `change(key, object)`."""
    objects = document.get(section) or {}
    return {**document, section: {key: change(key, value) for key, value in objects.items()}}


def with_cluster(document: Document, **values: object) -> Document:
    """Return a document whose cluster object has these values."""
    return {**document, "cluster": {**document["cluster"], **values}}


def without(value: Mapping[str, Any], *keys: str) -> Document:
    """Return a copy of an object without some of its keys."""
    return {key: item for key, item in value.items() if key not in keys}


def filled(value: Document, defaults: Mapping[str, object]) -> Document:
    """Return an object with defaults for what it lacks or has as null; they come last."""
    missing = {
        key: copy.deepcopy(default) for key, default in defaults.items() if value.get(key) is None
    }
    return {**value, **missing} if missing else value


def embedded_disks(document: Document) -> bool:
    """Say whether disks stand inside their instances, as up to Ganeti 2.11."""
    return document.get("disks") is None


def with_disks(document: Document, change: Callable[[str, Document], Document]) -> Document:
    """Return a document with every disk replaced by `change(path, disk)`, wherever it stands.

    Children are left to `change`; see `with_children`.
    """
    if not embedded_disks(document):
        return changed(document, "disks", lambda key, disk: change(f"disks.{key}", disk))

    def instance(key: str, value: Document) -> Document:
        path = f"instances.{key}.disks"
        disks = value.get("disks") or []
        return {**value, "disks": [change(f"{path}.{n}", disk) for n, disk in enumerate(disks)]}

    return changed(document, "instances", instance)


def with_children(disk: Document, change: Callable[[Document], Document]) -> Document:
    """Return a disk with its children, if it has any, replaced by `change(child)`."""
    if not disk.get("children"):
        return disk
    return {**disk, "children": [change(child) for child in disk["children"]]}


def all_disks(document: Document) -> Iterator[Document]:
    """Yield every disk, but no children."""
    if not embedded_disks(document):
        yield from document["disks"].values()
        return
    for instance in document["instances"].values():
        yield from instance.get("disks") or ()


#: Disk templates of Ganeti 3.0.
TEMPLATES: Final = ("blockdev", "diskless", "drbd", "ext", "file", "gluster", "plain", "rbd",
                    "sharedfile")  # fmt: skip
