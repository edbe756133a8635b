"""OP_TAGS_GET, OP_TAGS_SET, OP_TAGS_DEL, OP_TAGS_SEARCH, for all kinds of objects.

Source: Ganeti 3.0.2 lib/cmdlib/tags.py, lib/objects.py TaggableObject (rules, texts).
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from masterd.config import tags as tag_rules
from masterd.config.kinds import CLUSTER, GROUP, INSTANCE, NETWORK, NODE, Kind, Taggable
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ECode, OpExecError, OpPrereqError, TagError
from masterd.filter.pattern import Pattern, PatternError
from masterd.limits import QUERY_PATTERN_CHARS_MAX
from masterd.lock.levels import LockLevel, LockMode, LockRequest
from masterd.lu import names
from masterd.opcodes.tags import OpTagsDel, OpTagsGet, OpTagsSearch, OpTagsSet
from masterd.work.base import Description, Locks, LogicalUnit


@dataclass(frozen=True, slots=True)
class Target:
    """The object whose tags are meant, and the lock on it; the cluster has none."""

    kind: Kind[Taggable]
    object: Taggable
    level: LockLevel | None = None
    lock_name: str = ""


def find_target(config: ConfigSnapshot, kind: str, name: str | None) -> Target:
    """Return the object that an opcode names.

    Raises:
        OpPrereqError: there is none.
    """
    match kind:
        case "cluster":
            return Target(CLUSTER, config.cluster)
        case "node":
            node = names.node(config, name)
            return Target(NODE, node, LockLevel.NODE, node.uuid)
        case "instance":
            instance = names.instance(config, name)
            assert instance.name is not None, "what was found by its name has one"
            return Target(INSTANCE, instance, LockLevel.INSTANCE, instance.name)
        case "nodegroup":
            group = names.group(config, name)
            return Target(GROUP, group, LockLevel.NODEGROUP, group.uuid)
        case "network":
            network = names.network(config, name)
            return Target(NETWORK, network, LockLevel.NETWORK, network.uuid)
    raise OpPrereqError(f"Wrong tag type requested ({kind})", ECode.INVAL)


_TagsOp = TypeVar("_TagsOp", OpTagsGet, OpTagsSet, OpTagsDel)


class _TagsUnit(LogicalUnit[_TagsOp, Target]):
    """What the three that name an object have in common."""

    MODE = LockMode.EXCLUSIVE

    def locks_target(self) -> bool:
        """Tell whether the object is locked while its tags are looked at."""
        return True

    def needs(self, config: ConfigSnapshot) -> Locks:
        target = find_target(config, self.op.kind, self.op.name)
        if target.level is None or not self.locks_target():
            return {}
        return {target.level: LockRequest(frozenset({target.lock_name}), self.MODE)}

    def check(self, config: ConfigSnapshot) -> Target:
        return find_target(config, self.op.kind, self.op.name)


class LUTagsGet(_TagsUnit[OpTagsGet]):
    """Returns an object's tags, sorted; locks it only with `use_locking`."""

    MODE = LockMode.SHARED

    def locks_target(self) -> bool:
        return self.op.use_locking

    def execute(self, plan: Target) -> list[str]:
        return sorted(plan.object.tags)


class LUTagsSet(_TagsUnit[OpTagsSet]):
    """Adds tags to an object; those it has already stay."""

    def check(self, config: ConfigSnapshot) -> Target:
        target = super().check(config)
        for tag in self.op.tags:
            tag_rules.check(tag)
        return target

    def execute(self, plan: Target) -> None:
        uuid, tags = plan.object.uuid, self.op.tags
        try:
            self.work.config.update(lambda draft: draft.add_tags(plan.kind, uuid, tags))
        except TagError as error:
            raise OpExecError(f"Error while setting tag: {error.message}") from error

    def describe(self, plan: Target) -> Description:
        return [f"Add tags {', '.join(sorted(self.op.tags))}"]


class LUTagsDel(_TagsUnit[OpTagsDel]):
    """Removes tags from an object, which must have them all."""

    def check(self, config: ConfigSnapshot) -> Target:
        target = super().check(config)
        for tag in self.op.tags:
            tag_rules.check(tag)
        missing = sorted(set(self.op.tags) - set(target.object.tags))
        if missing:
            told = ", ".join(f"'{tag}'" for tag in missing)
            raise OpPrereqError(f"Tag(s) {told} not found", ECode.NOENT)
        return target

    def execute(self, plan: Target) -> None:
        uuid, tags = plan.object.uuid, set(self.op.tags)
        try:
            self.work.config.update(lambda draft: draft.remove_tags(plan.kind, uuid, tags))
        except TagError as error:
            # The cluster is not locked: another job may have removed the tag meanwhile.
            raise OpExecError(f"Error while removing tag: {error.message}") from error

    def describe(self, plan: Target) -> Description:
        return [f"Remove tags {', '.join(sorted(self.op.tags))}"]


class LUTagsSearch(LogicalUnit[OpTagsSearch, Pattern]):
    """Returns `[path, tag]` for every tag of any object that a regular expression is found in.

    Paths are `/cluster`, `/instances/NAME`, `/nodes/NAME`, `/nodegroup/NAME`, `/network/NAME`.
    """

    def check(self, config: ConfigSnapshot) -> Pattern:
        try:
            return Pattern(self.op.pattern)
        except PatternError as error:
            raise OpPrereqError(
                f"Invalid search pattern '{self.op.pattern}': {_why(self.op.pattern, error)}",
                ECode.INVAL,
            ) from error

    def execute(self, plan: Pattern) -> list[list[str]]:
        config = self.work.config.snapshot()
        return self.work.in_thread(
            lambda: [
                [path, tag]
                for path, tags in _tagged(config)
                for tag in sorted(tags)
                if plan.search(tag)
            ]
        )


def _why(pattern: str, error: PatternError) -> str:
    """Return why a pattern is refused: in the reference's words, where it refuses it too."""
    told: Exception = error
    if len(pattern) <= QUERY_PATTERN_CHARS_MAX:
        # Reading a pattern costs little, only matching it may not; parentheses too deep are ours.
        with suppress(RecursionError, OverflowError):
            try:
                re.compile(pattern)
            except re.error as refused:
                told = refused
    return str(told)


def _tagged(config: ConfigSnapshot) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield path and tags of every object, each kind in the order of the names."""
    yield "/cluster", config.cluster.tags
    kinds = (
        ("instances", config.instances),
        ("nodes", config.nodes),
        ("nodegroup", config.nodegroups),
        ("network", config.networks),
    )
    for kind, objects in kinds:
        named = [(value.name or "", value.tags) for value in objects.values()]
        for name, tags in sorted(named):
            yield f"/{kind}/{name}", tags
