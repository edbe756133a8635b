"""Whether nodes have the memory that an instance is to get, and whether it runs. All switch.

Source: Ganeti 3.0.2 lib/cmdlib/instance_set_params.py (_ProcessMem, CheckPrereq: calls, order,
texts); prereqs.json.
"""

from typing import Any, Final

from masterd.config.node import Node
from masterd.config.params import BeParams
from masterd.config.relations import nodes_of
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ECode, OpPrereqError
from masterd.lu.instance import guest, host_checks
from masterd.lu.instance.guest import Guest
from masterd.node import instances, storage
from masterd.opcodes.instance_params import OpInstanceSetParams
from masterd.rpc.result import RpcResult
from masterd.work.work import Work

_RUNTIME: Final = "Can't get instance runtime information"


def check_stopped(
    work: Work, config: ConfigSnapshot, found: Guest, op: OpInstanceSetParams
) -> list[str]:
    """Refuse to record another primary node of an instance that runs; return warnings. Switches.

    Raises:
        OpPrereqError: it does.
    """
    if op.pnode_uuid in (None, found.node.uuid) or op.force:
        return []
    told = guest.ask(work, config, found)
    if not told.ok:
        return [f"{_RUNTIME}: {told.error}"]
    if told.payload:
        raise OpPrereqError(f"Instance is still running on {found.node.name}", ECode.STATE)
    return []


def check_start(work: Work, config: ConfigSnapshot, found: Guest, be: BeParams) -> list[str]:
    """Refuse more memory than nodes have free for the instance; return warnings. Switches.

    Asked are its primary node, which may be silent, and where it is to be started elsewhere when
    that fails, its secondary ones, which may not.

    Args:
        be: its backend parameters from then on.

    Raises:
        OpPrereqError: it would not start, or not there.
    """
    secondaries = nodes_of(config, found.instance)[1:] if be.auto_balance else []
    told = guest.ask(work, config, found)
    spec = (found.instance.hypervisor, config.cluster.hvparams.get(found.instance.hypervisor, {}))
    answers = storage.info(work.rpc, (found.node, *secondaries), None, (spec,))
    warnings = _check_primary(found.node, answers[found.node.uuid], told, be)
    for node in secondaries:
        _check_secondary(node, answers[node.uuid], be)
    return warnings


def _check_primary(node: Node, answer: RpcResult, told: RpcResult, be: BeParams) -> list[str]:
    if not answer.ok:
        return [f"Can't get info from primary node {node.name}: {answer.error}"]
    free_mib = _free_mib(answer)
    if free_mib is None:
        return [f"Node data from primary node {node.name} doesn't contain free memory information"]
    if not told.ok:
        return [f"{_RUNTIME}: {told.error}"]
    state: Any = told.payload
    missing_mib = be.maxmem - (int(state["memory"]) if state else 0) - free_mib
    if missing_mib > 0:
        raise OpPrereqError(
            "This change will prevent the instance from starting, due to"
            f" {missing_mib} MB of memory missing on its primary node",
            ECode.NORES,
        )
    return []


def _check_secondary(node: Node, answer: RpcResult, be: BeParams) -> None:
    answer.raise_(f"Can't get info from secondary node {node.name}", prereq=True, code=ECode.STATE)
    free_mib = _free_mib(answer)
    if free_mib is None:
        raise OpPrereqError(
            f"Secondary node {node.name} didn't return free memory information", ECode.STATE
        )
    if be.maxmem > free_mib:
        raise OpPrereqError(
            "This change will prevent the instance from failover to its secondary node"
            f" {node.name}, due to not enough memory",
            ECode.STATE,
        )


def _free_mib(answer: RpcResult) -> int | None:
    """Return the free memory that a node tells of its hypervisor; None where it tells nothing."""
    told: Any = answer.payload
    free_mib = told[2][0].get("memory_free")
    return free_mib if isinstance(free_mib, int) else None


def check_balloon(
    work: Work,
    config: ConfigSnapshot,
    found: Guest,
    wanted_mib: int,
    be: BeParams,
    *,
    force: bool,
) -> None:
    """Refuse to give an instance at once what it may not have, or its node has not. Switches.

    Args:
        be: its backend parameters from then on.
        force: whether what it may not have counts not.

    Raises:
        OpPrereqError: it does not run, or what was said.
    """
    name, node = found.instance.name, found.node
    told = guest.ask(work, config, found)
    told.raise_(f"Error checking node {node.name}", prereq=True)
    state: Any = told.payload
    if not state:
        raise OpPrereqError(f"Instance {name} is not running", ECode.STATE)
    if not force and not be.minmem <= wanted_mib <= be.maxmem:
        raise OpPrereqError(
            f"Instance {name} must have memory between {be.minmem} and {be.maxmem} MB of memory"
            " unless --force is given",
            ECode.INVAL,
        )
    more_mib = wanted_mib - state["memory"]
    if more_mib > 0:
        hypervisor = found.instance.hypervisor
        spec = (hypervisor, config.cluster.hvparams.get(hypervisor, {}))
        what_for = f"ballooning memory for instance {name}"
        host_checks.memory(work, node, spec, more_mib, what_for)


def balloon(work: Work, config: ConfigSnapshot, found: Guest, wanted_mib: int) -> None:
    """Give a running instance more or less memory. Switches.

    Raises:
        RpcError: its node cannot.
    """
    result = instances.balloon(work.rpc, config, found.node, found.instance, memory_mib=wanted_mib)
    result.raise_("Cannot modify instance runtime memory")
