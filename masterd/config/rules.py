"""What must hold for one object of the configuration by itself. Pure.

Each function returns texts that say what is wrong, without naming the object; an empty list is a
sound one. Types and keys were checked when the object was read.

Source: Ganeti 3.0.2 lib/config (_UnlockedVerifyConfig), lib/objects.py (CheckParameterSyntax of NIC
and InstancePolicy), wconfd (its own part of the verification).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from exporter import carried
from masterd.config import address_pool
from masterd.config.cluster import Cluster
from masterd.config.kinds import AnyDisk, AnyInstance, Configured
from masterd.config.network import Network
from masterd.config.node import Node, NodeGroup
from masterd.config.objects import write
from masterd.config.params import (
    InstancePolicy,
    InstanceSpec,
    NicParams,
    PartialInstancePolicy,
    fill,
)
from masterd.errors import ECode, OpPrereqError
from masterd.limits import CONFIG_PROBLEMS_TOLD_MAX

#: Name of the parameter set that a cluster's `beparams` and `nicparams` must have.
DEFAULT: Final = "default"

#: Disk templates whose disks are reached in one of the ways of `_ACCESS_MODES`.
_HAVE_ACCESS: Final = ("rbd", "ext", "gluster")
_ACCESS_MODES: Final = ("kernelspace", "userspace")

_UUID: Final = re.compile(r"[a-f0-9]{8}(?:-[a-f0-9]{4}){3}-[a-f0-9]{12}")


def cluster(value: Cluster) -> list[str]:
    """Check the cluster."""
    found: list[str] = []
    if not value.enabled_hypervisors:
        found.append("no hypervisor is enabled")
    found += [
        f"hypervisor {name} is enabled, but has no parameters"
        for name in value.enabled_hypervisors
        if name not in value.hvparams
    ]
    if not value.enabled_disk_templates:
        found.append("no disk template is enabled")
    for name, sets in (("beparams", value.beparams), ("nicparams", value.nicparams)):
        if DEFAULT not in sets:
            found.append(f"{name} has no set '{DEFAULT}'")
    if DEFAULT in value.nicparams:
        found += [f"nicparams: {each}" for each in _nic(value.nicparams[DEFAULT])]
    for template in _HAVE_ACCESS:
        access = value.diskparams.get(template, {}).get("access", _ACCESS_MODES[0])
        if access not in _ACCESS_MODES:
            modes = " or ".join(_ACCESS_MODES)
            found.append(f"diskparams of {template}: access is '{access}', not {modes}")
    found += [f"ipolicy: {each}" for each in _policy(value.ipolicy, standard=value.ipolicy.std)]
    return found


def texts(value: Configured) -> list[str]:
    """Check that whatever an object says can go back to Ganeti's own daemons."""
    return uncarried(write(value))


def uncarried(document: object) -> list[str]:
    """Check the same of what is about to become an object, or a part of one."""
    return [carried.told(place) for place in carried.beyond_ascii(document)]


def refuse_uncarried(document: object) -> None:
    """Refuse texts of a request, before nodes have done anything for what cannot be recorded.

    Raises:
        OpPrereqError: something in it cannot go back to Ganeti's own daemons.
    """
    problems = uncarried(document)
    if problems:
        raise OpPrereqError(in_short(problems), ECode.INVAL)


def in_short(problems: Sequence[str]) -> str:
    """Return problems as one text, which names so many of them as somebody may want to read."""
    told = list(problems[:CONFIG_PROBLEMS_TOLD_MAX])
    if len(problems) > len(told):
        told.append(f"and {len(problems) - len(told)} more")
    return "; ".join(told)


def node(value: Node) -> list[str]:
    """Check a node."""
    found: list[str] = []
    roles = {
        "master candidate": value.master_candidate,
        "drained": value.drained,
        "offline": value.offline,
    }
    held = [name for name, holds in roles.items() if holds]
    if len(held) > 1:
        found.append(f"is {' and '.join(held)} at the same time")
    if value.ndparams.exclusive_storage is not None:
        found.append("sets exclusive_storage, which is a matter of groups and of the cluster")
    return found


def group(value: NodeGroup, cluster: Cluster) -> list[str]:
    """Check a node group, its policy filled from the cluster's."""
    found: list[str] = []
    if _UUID.fullmatch(value.name.lower()):
        found.append("has a name that reads like a uuid")
    policy = fill(cluster.ipolicy, _without_standard(value.ipolicy))
    found += [f"ipolicy: {each}" for each in _policy(policy, standard=None)]
    return found


def instance(value: AnyInstance, cluster: Cluster) -> list[str]:
    """Check an instance; its disks and where it lives are relations to other objects."""
    base = cluster.nicparams.get(DEFAULT)
    if base is None:
        return []  # told of the cluster
    return [
        f"NIC {index}: {each}"
        for index, nic in enumerate(value.nics)
        for each in _nic(fill(base, nic.nicparams))
    ]


def disk_names(disks: Iterable[AnyDisk | None]) -> list[str]:
    """Check that an instance's disks are named by their places; None for one that is not there."""
    return [
        f"disk {index} is named '{disk.iv_name}' instead of 'disk/{index}'"
        for index, disk in enumerate(disks)
        if disk is not None and disk.iv_name != f"disk/{index}"
    ]


def network(value: Network) -> list[str]:
    """Check a network: its addresses, and that its pools have a place for each of them."""
    return address_pool.problems(value)


def _nic(params: NicParams) -> Iterator[str]:
    if params.mode == "bridged" and not params.link:
        yield "mode 'bridged' needs a link"


def _policy(policy: InstancePolicy, *, standard: InstanceSpec | None) -> Iterator[str]:
    """Yield what is wrong with a policy; a group's standard size counts for nothing."""
    if not policy.minmax:
        yield "has no range of sizes"
    admitted = False
    for index, sizes in enumerate(policy.minmax):
        least, most = _numbers(sizes.min), _numbers(sizes.max)
        for name in least:
            if least[name] > most[name]:
                yield f"range {index}: {name} is {least[name]} at least and {most[name]} at most"
        if standard is not None:
            size = _numbers(standard)
            admitted |= all(least[name] <= size[name] <= most[name] for name in size)
    if standard is not None and policy.minmax and not admitted:
        yield "the standard size lies in no range"
    if not policy.disk_templates:
        yield "admits no disk template"


def _numbers(spec: InstanceSpec) -> Mapping[str, int]:
    return {
        key: getattr(spec, name)
        for name, key in zip(spec.__struct_fields__, spec.__struct_encode_fields__, strict=True)
    }


def _without_standard(policy: PartialInstancePolicy) -> PartialInstancePolicy:
    return PartialInstancePolicy(
        minmax=policy.minmax,
        spindle_ratio=policy.spindle_ratio,
        vcpu_ratio=policy.vcpu_ratio,
        disk_templates=policy.disk_templates,
    )
