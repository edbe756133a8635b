"""A unit whose needs grow and shrink while it waits works only with what it needs by then."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Final

import gevent
from gevent import Greenlet
from hypothesis import given, settings
from hypothesis import strategies as st

from masterd.config.kinds import NODE
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ECode, OpPrereqError
from masterd.limits import LU_LOCK_TRIES_MAX
from masterd.lock.levels import LockLevel, LockMode, LockRequest
from masterd.opcodes.test import OpTestDummy
from masterd.work.base import Locks, LogicalUnit
from masterd.work.processor import Processor
from tests.lu_support import PATIENCE_S, Run, World, make_world

#: Levels at which the unit locks nodes, and the tags that say which.
TAGS: Final = {LockLevel.NODE: "node", LockLevel.NODE_RES: "res"}
NODES: Final = 4
OTHERS: Final = (7, 8, 9)


def needed(config: ConfigSnapshot) -> dict[LockLevel, frozenset[str]]:
    """Return the uuids of the nodes that the configuration says to lock."""
    return {
        level: frozenset(node.uuid for node in config.nodes.values() if tag in node.tags)
        for level, tag in TAGS.items()
    }


class Needy(LogicalUnit[OpTestDummy, None]):
    """Locks the nodes that are tagged; what it holds when it works is written down."""

    held: ClassVar[list[dict[LockLevel, frozenset[str]]]]
    needed: ClassVar[list[dict[LockLevel, frozenset[str]]]]

    def needs(self, config: ConfigSnapshot) -> Locks:
        return {
            level: LockRequest(names, LockMode.EXCLUSIVE) for level, names in needed(config).items()
        }

    def check(self, config: ConfigSnapshot) -> None:
        self.held.append({level: self.work.locks.names(level) for level in TAGS})
        self.needed.append(needed(config))

    def execute(self, plan: None) -> None: ...


NODE_NUMBERS: Final = st.integers(0, NODES - 1)
LEVELS: Final = st.sampled_from(sorted(TAGS))
STEPS: Final = st.lists(
    st.one_of(
        st.tuples(st.just("tag"), LEVELS, NODE_NUMBERS),
        st.tuples(st.just("untag"), LEVELS, NODE_NUMBERS),
        st.tuples(st.just("take"), st.sampled_from(OTHERS), LEVELS, NODE_NUMBERS),
        st.tuples(st.just("free"), st.sampled_from(OTHERS)),
    ),
    max_size=25,
)


def step(world: World, todo: Sequence[object], others: list[Greenlet]) -> bool:
    """Take a step; return whether it changed the configuration."""
    uuids = [node.uuid for node in world.config.snapshot().nodes.sorted()]
    match todo:
        case ["tag" | "untag" as verb, LockLevel() as level, int(number)]:
            before = world.config.snapshot()
            node = before.nodes[uuids[number]]
            tags = {*node.tags, TAGS[level]} if verb == "tag" else {*node.tags} - {TAGS[level]}
            world.config.update(lambda draft: draft.set_tags(NODE, node.uuid, tags))
            return world.config.snapshot() is not before
        case ["take", int(owner), LockLevel() as level, int(number)]:
            if owner not in world.locks.owners():
                request = LockRequest(frozenset({uuids[number]}))
                others.append(gevent.spawn(world.locks.acquire, owner, level, request, 0))
                gevent.idle()
        case ["free", int(owner)]:
            if world.locks.wait(owner) is None:
                world.locks.release(owner)
    return False


@settings(max_examples=60, deadline=None)
@given(STEPS, STEPS)
def test_a_unit_never_works_with_less_than_it_needs(
    before: list[tuple[object, ...]], after: list[tuple[object, ...]]
) -> None:
    held: list[dict[LockLevel, frozenset[str]]] = []
    wanted: list[dict[LockLevel, frozenset[str]]] = []
    kind = type("Needy", (Needy,), {"held": held, "needed": wanted})
    with tempfile.TemporaryDirectory() as base:
        world = make_world(Path(base))
        others: list[Greenlet] = []
        for todo in before:
            step(world, todo, others)
        gevent.idle()
        run = Run()
        processor = Processor(world.context, find=lambda _op_id: kind)
        job = gevent.spawn(processor.run, OpTestDummy(), run)
        changes = 0
        for todo in after:
            gevent.idle()
            changes += not job.ready() and step(world, todo, others)
        with gevent.Timeout(PATIENCE_S):
            while not all(each.ready() for each in (job, *others)):
                for owner in OTHERS:
                    step(world, ("free", owner), others)
                gevent.idle()
        try:
            job.get(timeout=PATIENCE_S)
        except OpPrereqError as error:
            assert error.args[1] == ECode.STATE
            assert changes >= LU_LOCK_TRIES_MAX
            assert held == []
        else:
            assert len(held) == 1
            for level, names in wanted[0].items():
                assert names <= held[0][level]
        for owner in OTHERS:
            world.locks.release(owner)
        world.close()
