"""OP_TAGS_GET, OP_TAGS_SET, OP_TAGS_DEL, OP_TAGS_SEARCH, for all kinds of objects.

Source: Ganeti 3.0.2 lib/cmdlib/tags.py, lib/objects.py TaggableObject (rules, texts).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from masterd.config import tags as tag_rules
from masterd.config.kinds import CLUSTER, GROUP, INSTANCE, NETWORK, NODE, Kind, Taggable
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ECode, OpExecError, OpPrereqError, TagError
from masterd.limits import QUERY_PATTERN_CHARS_MAX
from masterd.lock.levels import LockLevel, LockMode, LockRequest
from masterd.lu import names
from masterd.lu.base import LogicalUnit
from masterd.opcodes.tags import OpTagsDel, OpTagsGet, OpTagsSearch, OpTagsSet


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

    def expand_names(self) -> dict[LockLevel, LockRequest]:
        target = find_target(self.config, self.op.kind, self.op.name)
        if target.level is None or not self.locks_target():
            return {}
        return {target.level: LockRequest(frozenset({target.lock_name}), self.MODE)}

    def check_prereq(self) -> Target:
        target = find_target(self.config, self.op.kind, self.op.name)
        if (
            target.level is not None
            and self.locks_target()
            and target.lock_name not in self.owned(target.level)
        ):
            raise OpPrereqError(
                f"'{self.op.name}' became another {self.op.kind} while the job waited for its lock",
                ECode.STATE,
            )
        return target


class LUTagsGet(_TagsUnit[OpTagsGet]):
    """Returns an object's tags, sorted; locks it only with `use_locking`."""

    MODE = LockMode.SHARED

    def locks_target(self) -> bool:
        return self.op.use_locking

    def execute(self, plan: Target) -> list[str]:
        return sorted(plan.object.tags)


class LUTagsSet(_TagsUnit[OpTagsSet]):
    """Adds tags to an object; those it has already stay."""

    def check_prereq(self) -> Target:
        target = super().check_prereq()
        for tag in self.op.tags:
            tag_rules.check(tag)
        return target

    def execute(self, plan: Target) -> None:
        uuid, tags = plan.object.uuid, self.op.tags
        try:
            self.context.config.update(lambda draft: draft.add_tags(plan.kind, uuid, tags))
        except TagError as error:
            raise OpExecError(f"Error while setting tag: {error.message}") from error


class LUTagsDel(_TagsUnit[OpTagsDel]):
    """Removes tags from an object, which must have them all."""

    def check_prereq(self) -> Target:
        target = super().check_prereq()
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
            self.context.config.update(lambda draft: draft.remove_tags(plan.kind, uuid, tags))
        except TagError as error:
            # The cluster is not locked: another job may have removed the tag meanwhile.
            raise OpExecError(f"Error while removing tag: {error.message}") from error


class LUTagsSearch(LogicalUnit[OpTagsSearch, re.Pattern[str]]):
    """Returns `[path, tag]` for every tag of any object that a regular expression is found in.

    Paths are `/cluster`, `/instances/NAME`, `/nodes/NAME`, `/nodegroup/NAME`, `/network/NAME`.
    """

    def check_prereq(self) -> re.Pattern[str]:
        pattern = self.op.pattern
        if len(pattern) > QUERY_PATTERN_CHARS_MAX:
            raise OpPrereqError(
                f"Search pattern is longer than {QUERY_PATTERN_CHARS_MAX} characters", ECode.INVAL
            )
        try:
            return re.compile(pattern)
        except (re.error, RecursionError, OverflowError) as error:
            raise OpPrereqError(
                f"Invalid search pattern '{pattern}': {error}", ECode.INVAL
            ) from error

    def execute(self, plan: re.Pattern[str]) -> list[list[str]]:
        return [
            [path, tag]
            for path, tags in _tagged(self.config)
            for tag in sorted(tags)
            if plan.search(tag)
        ]


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
