"""The guest goes from one node to the other, running or only stopped for the time of its way.

Both nodes may use its disks meanwhile. Until the guest runs at the target, what fails is taken
back: the guest stays where it is, and the target lets go of the disks. Afterwards nothing is.

Source: Ganeti 3.0.2 lib/cmdlib/instance_migration.py, _ExecMigration (order, pauses, texts).
"""

from typing import Any, Final, NoReturn

from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import OpExecError
from masterd.instance import disks
from masterd.instance import migration as rules
from masterd.instance.migration import Mirroring
from masterd.lu.disks import consistency
from masterd.lu.instance import guest
from masterd.lu.moves.both_ends import BothEnds, record_primary
from masterd.lu.moves.switch import Switch
from masterd.node import instances, storage
from masterd.rpc.result import RpcResult
from masterd.work.work import Work

#: Seconds between two looks at a migration, and between two reports.
_LOOK_S: Final = 1.0
_REPORT_S: Final = 10.0


def run(work: Work, plan: Switch) -> None:
    """Carry a migration out. Switches.

    Raises:
        OpExecError: it failed; the instance is recorded where it is to be looked for.
    """
    say, uuid, target = work.say, plan.instance.uuid, plan.target
    say(f"Migrating instance {plan.instance.name}")
    _check_versions(work, plan)
    _check_copies(work, plan)
    _make_fit(work, plan)
    result = instances.migration_info(
        work.rpc, work.config.snapshot(), plan.source, guest.now(work.config, uuid)
    )
    source = plan.source.name
    result.raise_(f"Failed fetching source migration information from {source}")
    ends = BothEnds(work, plan)
    with ends.left_told():
        ends.close(target)
        if plan.mirroring is Mirroring.INSIDE:
            ends.become(dual=True)
            ends.wait_same()
        ends.open(plan.source, exclusive=False)
        ends.open(target, exclusive=False)
    _transfer(work, plan, result.payload)
    with ends.left_told():
        _finish(work, plan, result.payload)
        # Not before: as long as it has not ended on both nodes, it is looked for at the source.
        record_primary(work.config, uuid, target)
        ends.close(plan.source)
        if plan.mirroring is Mirroring.INSIDE:
            ends.wait_same()
            ends.settle()
        else:
            ends.open(target, exclusive=True)
    ends.unmap(plan.source)
    say("* done")


# --- before ---------------------------------------------------------------------------------------


def _check_versions(work: Work, plan: Switch) -> None:
    """Look whether the hypervisors of both nodes suit each other. Switches.

    Raises:
        OpExecError: they do not.
    """
    hypervisor = guest.now(work.config, plan.instance.uuid).hypervisor
    params = work.config.snapshot().cluster.hvparams.get(hypervisor, {})
    answers = storage.info(work.rpc, plan.ends, None, ((hypervisor, params),))
    for result in answers.values():
        result.raise_(f"Unable to retrieve node information from node '{result.node_name}'")
    source, target = (_version(answers[node.uuid]) for node in plan.ends)
    if None in (source, target) or source == target:
        return
    work.say(
        f"* warning: hypervisor version mismatch between source ({source}) and target ({target})"
        " node"
    )
    told = f"  migrating from hypervisor version {source} to {target}"
    if rules.versions_suit(hypervisor, source, target):
        work.say(f"{told} should be safe")
        return
    work.say(f"{told} is likely unsupported")
    if not plan.leave.for_versions:
        raise OpExecError(
            f"Unsupported migration between hypervisor versions ({source} to {target})"
        )
    work.say("  continuing anyway (told to ignore version mismatch)")


def _version(result: RpcResult) -> object:
    told: Any = result.payload
    return told[2][0].get("hv_version")


def _check_copies(work: Work, plan: Switch) -> None:
    """Look whether the target has whole copies of the disks. Switches.

    Raises:
        OpExecError: it has not.
    """
    work.say("* checking disk consistency between source and target")
    config = work.config.snapshot()
    for index, disk in enumerate(disks.of(config, plan.instance)):
        if not consistency.is_whole(work, config, plan.instance, disk, plan.target):
            raise OpExecError(
                f"Disk {index} is degraded or not fully synchronized on target node, aborting"
                " migration"
            )


def _make_fit(work: Work, plan: Switch) -> None:
    """Leave the guest no more memory than the target has. Switches.

    Raises:
        OpExecError: that is not to be done, or could not be.
    """
    free_mib, used_mib = plan.free_mib, plan.used_mib
    if used_mib <= free_mib:
        return
    if not plan.leave.to_shrink:
        raise OpExecError(
            "Memory ballooning not allowed and not enough free memory to fit instance"
            f" {plan.instance.name} on target node {plan.target.name} (have {free_mib} MiB, need"
            f" {used_mib} MiB)"
        )
    work.say(f"* setting instance memory to {free_mib}")
    result = instances.balloon(
        work.rpc, work.config.snapshot(), plan.source, plan.instance, memory_mib=free_mib
    )
    result.raise_("Cannot modify instance runtime memory")


# --- on the way -----------------------------------------------------------------------------------


def _transfer(work: Work, plan: Switch, info: object) -> None:
    """Send the guest over. Switches.

    Raises:
        OpExecError: it could not be sent; it stays where it is.
    """
    say, target, source = work.say, plan.target, plan.source
    config, address = work.config.snapshot(), target.secondary_ip
    say(f"* preparing {target.name} to accept the instance")
    result = instances.accept(work.rpc, config, target, plan.instance, info=info, address=address)
    if not result.ok:
        _give_up(work, plan, info, "pre-migrate", result.error)
    say(f"* migrating instance to {target.name}")
    result = instances.migrate(
        work.rpc, config, source, plan.instance, address=address, live=plan.live
    )
    if not result.ok:
        _give_up(work, plan, info, "migrate", result.error)
    say("* starting memory transfer")
    _watch(work, plan, config, info)
    say("* memory transfer complete")


def _watch(work: Work, plan: Switch, config: ConfigSnapshot, info: object) -> None:
    """Look at the transfer until it is done. Switches.

    How long that takes is up to the guest and the hypervisor's limits: there is no other bound.
    """
    reported_s = work.clock.monotonic_s()
    while True:
        result = instances.migration_status(work.rpc, config, plan.source, plan.instance)
        told: Any = result.payload
        if not result.ok or rules.has_failed(told):
            _give_up(work, plan, info, "migrate", result.error or "hypervisor returned failure")
        if rules.is_postcopy(told):
            work.say("* memory transfer has switched to postcopy")
        if not rules.is_under_way(told):
            return
        percent, now_s = rules.percent(told), work.clock.monotonic_s()
        if percent is not None and now_s - reported_s >= _REPORT_S:
            work.say(f"* memory transfer progress: {percent:.2f} %")
            reported_s = now_s
        work.sleep(_LOOK_S)


def _give_up(work: Work, plan: Switch, info: object, verb: str, why: str | None) -> NoReturn:
    """Take back what was begun, and end the opcode. Switches."""
    work.say(f"Could not {verb} the instance, aborting: {why}")
    abort(work, plan, info)
    _revert(work, plan)
    raise OpExecError(f"Could not {verb} instance {plan.instance.name}: {why}")


def abort(work: Work, plan: Switch, info: object) -> list[str]:
    """Have both nodes end a migration that failed; return what went wrong with that. Switches."""
    config, instance = work.config.snapshot(), plan.instance
    results = (
        instances.finish_at_target(
            work.rpc, config, plan.target, instance, info=info, success=False
        ),
        instances.finish_at_source(
            work.rpc, config, plan.source, instance, success=False, live=plan.live
        ),
    )
    for result in results:
        result.warn(f"Aborting migration failed on node {result.node_name}", work.say.warning)
    return [f"{result.node_name}: {result.error}" for result in results if not result.ok]


def _revert(work: Work, plan: Switch) -> None:
    """Have the source alone use the disks again. Switches.

    Raises:
        OpExecError: the target does not let go of them.
    """
    ends = BothEnds(work, plan)
    with ends.left_told():
        ends.close(plan.target)
        ends.unmap(plan.target)
        if plan.mirroring is Mirroring.OUTSIDE:
            ends.open(plan.source, exclusive=True)
            return
    try:
        ends.settle()
    except OpExecError as error:
        ends.tell_left(error)


def _finish(work: Work, plan: Switch, info: object) -> None:
    """Have both nodes end the migration, which are one step. Switches.

    Raises:
        OpExecError: one of them failed.
    """
    config, instance = work.config.snapshot(), plan.instance
    results = (
        instances.finish_at_source(
            work.rpc, config, plan.source, instance, success=True, live=plan.live
        ),
        instances.finish_at_target(
            work.rpc, config, plan.target, instance, info=info, success=True
        ),
    )
    failed = [f"{result.node_name}: {result.error}" for result in results if not result.ok]
    if failed:
        raise OpExecError(f"Could not finalize instance migration: {' '.join(failed)}")
