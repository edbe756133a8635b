"""Opcodes for tags."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from masterd.opcodes.base import OpCode, register
from masterd.opcodes.params import NonEmptyString, TagKind

#: Words for kinds in summaries.
_KIND_SHOWN: Final[Mapping[TagKind, str]] = {
    "cluster": "TagKindCluster",
    "instance": "TagKindInstance",
    "network": "TagKindNetwork",
    "node": "TagKindNode",
    "nodegroup": "TagKindGroup",
}


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpTagsGet(OpCode):
    """Return the tags of an object."""

    OP_ID: ClassVar[str] = "OP_TAGS_GET"
    RESULT: ClassVar[object] = tuple[NonEmptyString, ...]

    kind: TagKind
    #: Not for the cluster.
    name: str | None = None
    #: Whether locks are taken so that the answer is consistent.
    use_locking: bool = False

    def summary(self) -> str:
        """Return what lists show; luxid shows its own word for the kind."""
        return f"TAGS_GET({_KIND_SHOWN[self.kind]})"


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpTagsSearch(OpCode):
    """Return paths and tags of all objects that have a tag matching a pattern."""

    OP_ID: ClassVar[str] = "OP_TAGS_SEARCH"
    RESULT: ClassVar[object] = tuple[tuple[NonEmptyString, NonEmptyString], ...]
    SUMMARY_FIELD: ClassVar[str | None] = "pattern"

    #: A regular expression.
    pattern: NonEmptyString


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpTagsSet(OpCode):
    """Add tags to an object."""

    OP_ID: ClassVar[str] = "OP_TAGS_SET"
    RESULT: ClassVar[object] = None

    kind: TagKind
    tags: tuple[str, ...]
    #: Not for the cluster.
    name: str | None = None


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpTagsDel(OpCode):
    """Remove tags from an object."""

    OP_ID: ClassVar[str] = "OP_TAGS_DEL"
    RESULT: ClassVar[object] = None

    kind: TagKind
    tags: tuple[str, ...]
    #: Not for the cluster.
    name: str | None = None
