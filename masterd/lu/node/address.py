"""The address of a node in the network for replication: may it be that one? All checks ask nodes.

Source: Ganeti 3.0.2 lib/cmdlib/node.py (checks, texts).
"""

import ipaddress
from collections.abc import Sequence

from masterd.config.kinds import AnyInstance
from masterd.config.node import Node
from masterd.config.relations import relations
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ECode, OpExecError, OpPrereqError
from masterd.instance.view import InstanceView
from masterd.node import instances, verify
from masterd.node.target import Where
from masterd.query.instance_row import is_shut_down
from masterd.rpc.runner import NODED_PORT
from masterd.work.work import Work

_DOWN = "down"


def check_form(address: str) -> None:
    """Refuse what is no IPv4 address."""
    try:
        ipaddress.IPv4Address(address)
    except ValueError as error:
        raise OpPrereqError(
            f"Secondary IP ({address}) needs to be a valid IPv4 address", ECode.INVAL
        ) from error


def mirrored_on(config: ConfigSnapshot, node: Node) -> list[AnyInstance]:
    """Return the instances of a node that mirror their disks over that network."""
    found = config.derived(relations)
    there = (*found.primary_of.get(node.uuid, ()), *found.secondary_of.get(node.uuid, ()))
    return [
        each
        for each in there
        if any(disk.dev_type == "drbd" for disk in found.disks.get(each.uuid, ()))
    ]


def check_change(
    work: Work, config: ConfigSnapshot, node: Node, address: str, *, force: bool
) -> None:
    """Refuse another address for a node that has one. Switches.

    Raises:
        OpPrereqError: the cluster does not have this kind of address, instances use the old one,
            or the node is not to be found at the new one.
    """
    _check_homes(work, config, node, address, force=force)
    affected = mirrored_on(config, node)
    if node.offline:
        if affected:
            told = ", ".join(str(each.name) for each in affected)
            raise OpPrereqError(
                "Cannot change secondary IP address: offline node has instances"
                f" ({told}) configured to use it",
                ECode.STATE,
            )
        return
    _check_down(work, config, affected)
    check_has(work, node, address)
    if node.uuid != config.cluster.master_node:
        check_reachable(work, address, config.master.secondary_ip)


def check_has(work: Work, node: Where, address: str, *, prereq: bool = True) -> None:
    """Make sure that a node has an address. Switches.

    Raises:
        OpPrereqError: it has not.
        OpExecError: likewise, where it is not `prereq`.
    """
    result = verify.has_address(work.rpc, node, address)
    text = f"Failure checking secondary ip on node {node.name}"
    result.raise_(text, prereq=prereq, code=ECode.ENVIRON)
    if not result.payload:
        told = f"Node {node.name} does not have the secondary ip {address}"
        raise OpPrereqError(told, ECode.ENVIRON) if prereq else OpExecError(told)


def check_reachable(work: Work, address: str, source: str) -> None:
    """Make sure that a host is there, asked from an address of the master. Switches."""
    if not work.probe.is_there(address, NODED_PORT, listening=False, source=source):
        raise OpPrereqError(
            f"Nobody answers at the secondary ip {address}, port {NODED_PORT}", ECode.ENVIRON
        )


def _check_homes(
    work: Work, config: ConfigSnapshot, node: Node, address: str, *, force: bool
) -> None:
    """Refuse what makes a cluster with that network one without, or the other way round."""
    master = config.master
    has_other = master.secondary_ip != master.primary_ip
    if (address != node.primary_ip) is has_other:
        return
    by_force = force and node.uuid == master.uuid
    if by_force and has_other:
        work.say.warning(
            "Transitioning from multi-homed to single-homed cluster; secondary IP addresses will"
            " have to be removed"
        )
    elif by_force:
        work.say.warning(
            "Transitioning from single-homed to multi-homed cluster; all nodes will require a"
            " secondary IP address"
        )
    elif has_other:
        raise OpPrereqError(
            "Cannot set the secondary IP to be the same as the primary IP on a multi-homed"
            " cluster, unless the --force option is passed, and the target node is the master",
            ECode.INVAL,
        )
    else:
        raise OpPrereqError(
            "Changing the secondary ip on a single-homed cluster requires the --force option to be"
            " passed, and the target node to be the master",
            ECode.INVAL,
        )


def _check_down(work: Work, config: ConfigSnapshot, affected: Sequence[AnyInstance]) -> None:
    """Refuse instances that run, or shall run. Switches."""
    for instance in affected:
        if instance.admin_state != _DOWN:
            raise OpPrereqError(
                f"Instance '{instance.name}' is marked to be {instance.admin_state}, cannot change"
                " secondary ip",
                ECode.STATE,
            )
        view = InstanceView(config, instance)
        if view.primary is None or view.primary.offline:
            work.say.warning("Primary node offline, ignoring check that instance is down")
            continue
        result = instances.info(
            work.rpc, config, view.primary, instance, hvparams=view.whole_hv_params
        )
        result.raise_(
            f"Can't retrieve instance information for instance '{instance.name}'",
            prereq=True,
            code=ECode.ENVIRON,
        )
        told = result.payload
        if isinstance(told, dict) and "state" in told and not is_shut_down(told["state"]):
            raise OpPrereqError(
                f"Instance {instance.name} is running, cannot change secondary ip", ECode.STATE
            )
