"""Whether nodes have what an instance needs, told by themselves. All functions switch.

Source: Ganeti 3.0.2 lib/cmdlib/instance_utils.py, instance_storage.py and common.py (calls, texts).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from masterd.config.instance import Nic
from masterd.config.node import Node
from masterd.config.objects import FreeParams
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ECode, OpPrereqError
from masterd.instance import params
from masterd.node import hooks, storage, verify
from masterd.work.work import Work

_BRIDGED: Final = "bridged"
_VOLUME_GROUP: Final = "lvm-vg"
_VOLUMES: Final = "lvm-pv"
#: Source: constants OS_VALIDATE_PARAMETERS.
_OF_PARAMETERS: Final = ("parameters",)


def bridges(work: Work, config: ConfigSnapshot, node: Node, nics: Iterable[Nic]) -> None:
    """Ask a node whether it has the bridges that network interfaces need.

    Raises:
        OpPrereqError: it has not, or does not answer.
    """
    filled = [params.nic(config.cluster, nic.nicparams) for nic in nics]
    links = [nic.link for nic in filled if nic.mode == _BRIDGED]
    if links:
        verify.bridges(work.rpc, node, links).raise_(
            f"Error checking bridges on destination node '{node.name}'",
            prereq=True,
            code=ECode.ENVIRON,
        )


def memory(
    work: Work, node: Node, hypervisor: tuple[str, FreeParams], wanted_mib: int, what_for: str
) -> int:
    """Ask a node whether it has so much free memory; return how many MiB it has.

    Args:
        hypervisor: its name and parameters.
        what_for: is told where there is too little.

    Raises:
        OpPrereqError: it has not, or does not tell.
    """
    result = storage.info(work.rpc, (node,), None, (hypervisor,))[node.uuid]
    result.raise_(f"Can't get data from node {node.name}", prereq=True, code=ECode.ENVIRON)
    told: Any = result.payload
    hypervisors = told[2] or [{}]
    free_mib = hypervisors[0].get("memory_free")
    if not isinstance(free_mib, int):
        raise OpPrereqError(
            f"Can't compute free memory on node {node.name}, result was '{free_mib}'",
            ECode.ENVIRON,
        )
    if wanted_mib > free_mib:
        raise OpPrereqError(
            f"Not enough memory on node {node.name} for {what_for}: needed {wanted_mib} MiB,"
            f" available {free_mib} MiB",
            ECode.NORES,
        )
    return free_mib


def processors(
    work: Work, nodes: Sequence[Node], hypervisor: tuple[str, FreeParams], wanted: int
) -> None:
    """Ask nodes whether they have so many processors.

    Args:
        hypervisor: its name and parameters.

    Raises:
        OpPrereqError: one has not, or does not tell.
    """
    answers = storage.info(work.rpc, nodes, None, (hypervisor,))
    for node in nodes:
        result = answers[node.uuid]
        result.raise_(
            f"Cannot get current information from node {node.name}",
            prereq=True,
            code=ECode.ENVIRON,
        )
        told: Any = result.payload
        total = told[2][0].get("cpu_total")
        if not isinstance(total, int):
            raise OpPrereqError(
                f"Can't compute the number of physical CPUs on node {node.name}, result was"
                f" '{total}'",
                ECode.ENVIRON,
            )
        if wanted > total:
            raise OpPrereqError(
                f"Node {node.name} has {total} physical CPUs, but {wanted} are required",
                ECode.NORES,
            )


def hypervisor_params(
    work: Work, nodes: Iterable[Node], hypervisor: str, filled: FreeParams
) -> None:
    """Have nodes look at parameters of a hypervisor, but for those that run no instances.

    Raises:
        RpcError: one says that they are wrong.
    """
    places = [node for node in nodes if node.vm_capable]
    answers = storage.validate_hypervisor(work.rpc, places, hypervisor, filled)
    for result in answers.values():
        if not result.offline:
            result.raise_(f"Hypervisor parameter validation failed on node {result.node_name}")


def os_params(
    work: Work, nodes: Iterable[Node], name: str, filled: FreeParams, *, force_variant: bool
) -> None:
    """Have an operating system look at its parameters, on nodes that run instances.

    Raises:
        RpcError: a node has it not, or it says that they are wrong.
    """
    places = [node for node in nodes if node.vm_capable]
    answers = hooks.validate_os(
        work.rpc,
        places,
        name,
        required=True,
        checks=_OF_PARAMETERS,
        params=filled,
        force_variant=force_variant,
    )
    for result in answers.values():
        result.raise_(f"OS Parameters validation failed on node {result.node_name}")
        if not result.payload:
            work.say.info(f"OS {name} not found on node {result.node_name}, validation skipped")


def room(
    work: Work, config: ConfigSnapshot, nodes: Sequence[Node], wanted: Mapping[str, int]
) -> None:
    """Ask nodes whether their volume groups have so many MiB free.

    Raises:
        OpPrereqError: one has not, or does not tell.
    """
    for group, wanted_mib in wanted.items():
        units = {node.uuid: _units(config, node, group) for node in nodes}
        hypervisor = config.cluster.enabled_hypervisors[0]
        spec = (hypervisor, config.cluster.hvparams.get(hypervisor, {}))
        answers = storage.info(work.rpc, nodes, units, (spec,))
        for node in nodes:
            result = answers[node.uuid]
            result.raise_(
                f"Cannot get current information from node {node.name}",
                prereq=True,
                code=ECode.ENVIRON,
            )
            _check_room(node, group, wanted_mib, result.payload)


def _units(config: ConfigSnapshot, node: Node, group: str) -> list[storage.Unit]:
    """Return what a node is asked: with whole disks given away their number counts, too."""
    exclusive = config.node_params(node).exclusive_storage
    kinds = (_VOLUME_GROUP, _VOLUMES) if exclusive else (_VOLUME_GROUP,)
    return [(kind, group, [exclusive]) for kind in kinds]


def _check_room(node: Node, group: str, wanted_mib: int, payload: Any) -> None:
    units = payload[1] or []
    told = next((unit for unit in units if unit.get("type") == _VOLUME_GROUP), None)
    if told is None:
        raise OpPrereqError("Can't retrieve storage information for LVM", ECode.ENVIRON)
    free_mib = told.get("storage_free")
    if not isinstance(free_mib, int):
        raise OpPrereqError(
            f"Can't compute free disk space on node {node.name} for vg {group}, result was"
            f" '{free_mib}'",
            ECode.ENVIRON,
        )
    if wanted_mib > free_mib:
        raise OpPrereqError(
            f"Not enough disk space on target node {node.name} vg {group}: required {wanted_mib}"
            f" MiB, available {free_mib} MiB",
            ECode.NORES,
        )
