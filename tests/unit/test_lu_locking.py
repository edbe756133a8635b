"""Locks that a unit needs: asked for again once all are held, until they are the right ones."""

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import gevent
import msgspec
import pytest

from masterd.config.kinds import NODE
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ECode, OpPrereqError, TooFewLocks
from masterd.limits import LU_LOCK_TRIES_MAX
from masterd.lock.levels import ALL, LockLevel, LockMode, LockRequest
from masterd.lu import names
from masterd.opcodes.test import OpTestDummy
from masterd.work.base import Description, Locks, LogicalUnit
from masterd.work.processor import Processor
from tests.lu_support import PATIENCE_S, Run, World, make_world

Held = dict[LockLevel, frozenset[str]]


class Unit(LogicalUnit[OpTestDummy, Held]):
    """Needs what `wanted` says of a configuration; its plan is what it held."""

    wanted: ClassVar[Callable[[ConfigSnapshot], Locks]]
    seen: ClassVar[list[Held]]

    def needs(self, config: ConfigSnapshot) -> Locks:
        return type(self).wanted(config)

    def check(self, config: ConfigSnapshot) -> Held:
        return {level: self.work.locks.names(level) for level in LockLevel}

    def describe(self, plan: Held) -> Description:
        return ["Look at the locks"]

    def execute(self, plan: Held) -> None:
        self.seen.append(plan)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def unit(wanted: Callable[[ConfigSnapshot], Locks]) -> type[Unit]:
    return type("Told", (Unit,), {"wanted": staticmethod(wanted), "seen": []})


def carry_out(world: World, kind: type[Unit], op: OpTestDummy | None = None) -> None:
    run = Run()
    Processor(world.context, find=lambda _op_id: kind).run(op or OpTestDummy(), run)
    assert run.running == 1


def tagged_nodes(config: ConfigSnapshot) -> Locks:
    tagged = frozenset(node.uuid for node in config.nodes.values() if "wanted" in node.tags)
    return {LockLevel.NODE: LockRequest(tagged, LockMode.SHARED)}


def test_what_became_needed_while_a_job_waited_is_locked_too(world: World) -> None:
    first, second = world.config.snapshot().nodes.sorted()[:2]

    def tag(uuid: str) -> None:
        world.config.update(lambda draft: draft.add_tags(NODE, uuid, ("wanted",)))

    tag(first.uuid)
    world.locks.acquire(9, LockLevel.NODE, LockRequest(frozenset({first.uuid})), 0)
    kind = unit(tagged_nodes)
    job = gevent.spawn(carry_out, world, kind)
    gevent.idle()
    assert world.locks.stats.waiting == 1
    tag(second.uuid)
    world.locks.release(9)
    job.get(timeout=PATIENCE_S)
    assert [held[LockLevel.NODE] for held in kind.seen] == [{first.uuid, second.uuid}]
    world.close()


def group_by_name(config: ConfigSnapshot) -> Locks:
    return {LockLevel.NODEGROUP: LockRequest(frozenset({names.group(config, "default").uuid}))}


def test_what_became_needed_while_the_job_became_running_is_locked_too(world: World) -> None:
    first, second = world.config.snapshot().nodes.sorted()[:2]

    def tag(uuid: str) -> None:
        world.config.update(lambda draft: draft.add_tags(NODE, uuid, ("wanted",)))

    tag(first.uuid)
    kind, run = unit(tagged_nodes), Run()
    run.at_locks_held = lambda: tag(second.uuid)
    Processor(world.context, find=lambda _op_id: kind).run(OpTestDummy(), run)
    assert [held[LockLevel.NODE] for held in kind.seen] == [{first.uuid, second.uuid}]
    assert run.running == 1
    world.close()


def test_an_object_that_went_away_while_a_job_waited_is_named_as_unknown(world: World) -> None:
    group = names.group(world.config.snapshot(), "default")
    world.locks.acquire(9, LockLevel.NODEGROUP, LockRequest(ALL), 0)
    kind = unit(group_by_name)
    job = gevent.spawn(carry_out, world, kind)
    gevent.idle()
    renamed = msgspec.structs.replace(group, name="other")
    world.config.update(lambda draft: draft.put(renamed))
    world.locks.release(9)
    with pytest.raises(OpPrereqError) as caught:
        job.get(timeout=PATIENCE_S)
    assert caught.value.args[1] == ECode.NOENT
    assert kind.seen == []
    world.close()


def test_needs_that_grow_each_time_are_refused_in_the_end(world: World) -> None:
    wanted: list[str] = []

    def more(_config: ConfigSnapshot) -> Locks:
        wanted.append(f"instance{len(wanted)}")
        return {LockLevel.INSTANCE: LockRequest(frozenset(wanted))}

    with pytest.raises(OpPrereqError, match=f"changed {LU_LOCK_TRIES_MAX} times") as caught:
        carry_out(world, unit(more))
    assert caught.value.args[1] == ECode.STATE
    world.close()


def test_shared_locks_do_not_do_where_exclusive_ones_became_needed(world: World) -> None:
    modes = iter([LockMode.SHARED] * 5)

    def stricter(_config: ConfigSnapshot) -> Locks:
        mode = next(modes, LockMode.EXCLUSIVE)
        return {LockLevel.INSTANCE: LockRequest(frozenset({"inst"}), mode)}

    held: list[LockMode] = []
    run, kind = Run(), unit(stricter)
    run.at_locks_held = lambda: held.extend(
        mode for lock, mode in world.locks.held(1).items() if lock.level is LockLevel.INSTANCE
    )
    Processor(world.context, find=lambda _op_id: kind).run(OpTestDummy(), run)
    assert held == [LockMode.EXCLUSIVE]
    world.close()


def test_a_whole_level_that_is_locked_is_told_as_the_names_there_are(world: World) -> None:
    levels = set(LockLevel) - {LockLevel.CLUSTER, LockLevel.CONFIG}
    kind = unit(lambda _config: {level: LockRequest(ALL) for level in levels})
    carry_out(world, kind)
    config, held = world.config.snapshot(), kind.seen[0]
    assert held[LockLevel.NODE] == held[LockLevel.NODE_RES] == frozenset(config.nodes)
    assert held[LockLevel.NODEGROUP] == frozenset(config.nodegroups)
    assert held[LockLevel.NETWORK] == frozenset(config.networks)
    assert held[LockLevel.INSTANCE] == {each.name for each in config.instances.values()}
    world.close()


def test_what_is_free_is_taken_without_waiting(world: World) -> None:
    free, taken = world.config.snapshot().nodes.sorted()[:2]
    world.locks.acquire(9, LockLevel.NODE, LockRequest(frozenset({taken.uuid})), 0)
    both = frozenset({free.uuid, taken.uuid})
    kind = unit(lambda _config: {LockLevel.NODE: LockRequest(both, at_least=1)})
    carry_out(world, kind)
    assert kind.seen[0][LockLevel.NODE] == {free.uuid}
    world.locks.release(9)
    world.close()


def test_without_luck_a_job_goes_on_as_the_unit_that_wants_all(world: World) -> None:
    nodes = frozenset(node.uuid for node in world.config.snapshot().nodes.sorted()[:2])
    patient = unit(lambda _config: {LockLevel.NODE: LockRequest(nodes)})

    class Hasty(Unit):
        def without_luck(self) -> Unit:
            return patient(self.op, self.work)

    Hasty.wanted = staticmethod(lambda _config: {LockLevel.NODE: LockRequest(nodes, at_least=2)})
    Hasty.seen = []
    world.locks.acquire(9, LockLevel.NODE, LockRequest(frozenset({min(nodes)})), 0)
    job = gevent.spawn(carry_out, world, Hasty)
    gevent.idle()
    assert world.locks.stats.waiting == 1
    world.locks.release(9)
    job.get(timeout=PATIENCE_S)
    assert Hasty.seen == []
    assert [held[LockLevel.NODE] for held in patient.seen] == [nodes]
    world.close()


def test_a_check_that_finds_too_few_locks_lets_the_job_wait_for_all(world: World) -> None:
    nodes = frozenset(node.uuid for node in world.config.snapshot().nodes.sorted()[:2])
    patient = unit(lambda _config: {LockLevel.NODE: LockRequest(nodes)})

    class Hopeful(Unit):
        def check(self, config: ConfigSnapshot) -> Held:
            raise TooFewLocks("no node has room")

        def without_luck(self) -> Unit:
            return patient(self.op, self.work)

    Hopeful.wanted = staticmethod(lambda _config: {LockLevel.NODE: LockRequest(nodes, at_least=1)})
    Hopeful.seen = []
    world.locks.acquire(9, LockLevel.NODE, LockRequest(frozenset({min(nodes)})), 0)
    job = gevent.spawn(carry_out, world, Hopeful)
    gevent.idle()
    assert world.locks.stats.waiting == 1
    world.locks.release(9)
    job.get(timeout=PATIENCE_S)
    assert [held[LockLevel.NODE] for held in patient.seen] == [nodes]
    world.close()


def test_too_little_free_and_no_other_way_is_refused(world: World) -> None:
    nodes = frozenset(world.config.snapshot().nodes)
    world.locks.acquire(9, LockLevel.NODE, LockRequest(ALL), 0)
    kind = unit(lambda _config: {LockLevel.NODE: LockRequest(nodes, at_least=1)})
    with pytest.raises(OpPrereqError) as caught:
        carry_out(world, kind)
    assert caught.value.args[1] == ECode.TEMP_NORES
    world.locks.release(9)
    world.close()


def test_a_dry_run_says_what_would_be_done(world: World) -> None:
    run, kind = Run(), unit(lambda _config: {})
    Processor(world.context, find=lambda _op_id: kind).run(OpTestDummy(dry_run=True), run)
    assert run.messages()[0] == " - INFO: Look at the locks"
    assert kind.seen == []
    world.close()
