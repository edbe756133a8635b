"""What a migration left that did not end well is put in order: where the guest runs, it belongs.

Source: Ganeti 3.0.2 lib/cmdlib/instance_migration.py, _ExecCleanup (order, texts).
"""

from contextlib import suppress
from typing import Any

from masterd.config.node import Node
from masterd.errors import OpExecError
from masterd.instance import migration as rules
from masterd.instance.migration import Mirroring
from masterd.lu.moves import migration
from masterd.lu.moves.both_ends import BothEnds, record_primary
from masterd.lu.moves.switch import Switch
from masterd.node import instances
from masterd.work.work import Work


def run(work: Work, plan: Switch) -> None:
    """Find out where the instance runs, and have that node alone use its disks. Switches.

    Raises:
        OpExecError: it runs at both nodes, or nowhere; or a node failed.
    """
    work.say(f"Migrating instance {plan.instance.name}")
    places = _places(work, plan)
    if _at_both(plan, places):
        _abort(work, plan)
        places = _places(work, plan)
    if _at_both(plan, places):
        raise OpExecError(
            "Instance seems to be running on two nodes, or the hypervisor is confused; you will"
            " have to ensure manually that it runs only on one and restart this operation"
        )
    here, other = _where(work, plan, places)
    ends = BothEnds(work, plan)
    ends.close(other)
    if plan.mirroring is Mirroring.INSIDE:
        with suppress(OpExecError):
            # Copies that are not connected cannot become the same before they are.
            ends.wait_same()
        ends.settle()
    else:
        ends.open(here, exclusive=True)
    work.say("* done")


def _places(work: Work, plan: Switch) -> list[Node]:
    """Return the nodes on which the instance runs, of all that are not offline. Switches.

    Raises:
        RpcError: one does not tell.
    """
    work.say(
        "* checking where the instance actually runs (if this hangs, the hypervisor might be in a"
        " bad state)"
    )
    config = work.config.snapshot()
    asked = [node for node in config.nodes.values() if not node.offline]
    hypervisor = plan.instance.hypervisor or ""
    answers = instances.names(work.rpc, asked, [hypervisor], config.cluster.hvparams)
    wanted = rules.names_under_way(plan.instance.name or "")
    found = []
    for node in asked:
        answers[node.uuid].raise_(f"Can't contact node {node.name}")
        told: Any = answers[node.uuid].payload
        if wanted & set(told):
            found.append(node)
    work.say(f"* instance running on: {','.join(node.name for node in found)}")
    return found


def _at_both(plan: Switch, places: list[Node]) -> bool:
    return {node.uuid for node in plan.ends} <= {node.uuid for node in places}


def _abort(work: Work, plan: Switch) -> None:
    """Have both nodes end a migration that was interrupted. Switches.

    Raises:
        OpExecError: one of them failed.
    """
    work.say("Trying to cleanup after failed migration")
    source = plan.source
    result = instances.migration_info(work.rpc, work.config.snapshot(), source, plan.instance)
    result.raise_(f"Failed fetching source migration information from {source.name}")
    failed = migration.abort(work, plan, result.payload)
    if failed:
        raise OpExecError(f"Instance migration cleanup failed: {', '.join(failed)}")


def _where(work: Work, plan: Switch, places: list[Node]) -> tuple[Node, Node]:
    """Return where the instance runs, as it is recorded by now, and the other node. Switches.

    Raises:
        OpExecError: it runs nowhere, or where it cannot have its disks.
    """
    uuids = {node.uuid for node in places}
    source, target = plan.ends
    if source.uuid in uuids:
        work.say(f"* instance confirmed to be running on its primary node ({source.name})")
        return source, target
    if target.uuid not in uuids:
        target = _elsewhere(work, plan, places)
    work.say(f"* instance running on secondary node ({target.name}), updating config")
    record_primary(work.config, plan.instance.uuid, target)
    return target, source


def _elsewhere(work: Work, plan: Switch, places: list[Node]) -> Node:
    """Return the one other node on which the instance runs.

    Raises:
        OpExecError: there is none, or its disks are not there.
    """
    if len(places) != 1:
        raise OpExecError(
            "Instance does not seem to be running at all; in this case it's safer to repair by"
            " running 'gnt-instance stop' to ensure disk shutdown, and then restarting it"
        )
    (found,) = places
    if plan.mirroring is Mirroring.INSIDE:
        raise OpExecError(
            f"Instance {plan.instance.name} runs on node {found.name}, which has no copy of its"
            " disks; it has to be stopped there by hand"
        )
    work.say(f"* instance running on unexpected node ({found.name})")
    return found
