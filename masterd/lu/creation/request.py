"""What OP_INSTANCE_CREATE asks for, brought into one form before anything is looked at.

Source: Ganeti 3.0.2 lib/cmdlib/instance_create.py, CheckArguments (rules, texts); prereqs.json.
"""

import re
from dataclasses import replace
from typing import Final, cast

from masterd.config import images
from masterd.config.params import DiskTemplate
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ECode, OpPrereqError
from masterd.instance import list_changes, new_disks
from masterd.instance import nics as nic_rules
from masterd.lu.moves import evacuation
from masterd.opcodes.instance_create import OpInstanceCreate
from masterd.opcodes.params import DiskParameters, NicParameters
from masterd.work.feedback import Feedback

#: The mode of instances that get an operating system, or an image, rather than data of others.
_INSTALLED: Final = "create"
_EXPORTED: Final = "import"
_FILE_DRIVER: Final = "loop"
#: The NIC by which an instance is talked to is called so, and by the instance's name.
#: One without a tag, with those beside it that have one; only those; one alone.
_VLAN: Final = re.compile(r"[.:]\d+(:\d+)*|\d+")


def normal(op: OpInstanceCreate, config: ConfigSnapshot, say: Feedback) -> OpInstanceCreate:
    """Return a request with everything filled in that follows from it and the cluster.

    Raises:
        OpPrereqError: it contradicts itself, or the cluster does not admit it.
        TypeEnforcementError: a parameter of a disk or a NIC has a value of no meaning.
    """
    nics = [*op.nics, *_communication(op, config)]
    typed_nics = tuple(nic_rules.given(nic) for nic in nics)
    list_changes.check_given_names("NIC", ((nic.get("name"), None) for nic in typed_nics))
    typed_nics = tuple(_with_vlan(nic) for nic in typed_nics)
    list_changes.check_given_names("disk", ((disk.get("name"), None) for disk in op.disks))
    template = _template(op.disk_template, config)
    disks = tuple(_disk(disk, template) for disk in op.disks)
    if new_disks.adopts(disks, template):
        if op.iallocator is not None:
            raise OpPrereqError("Disk adoption not allowed with an iallocator script", ECode.INVAL)
        if op.mode == _EXPORTED:
            raise OpPrereqError("Disk adoption not allowed for instance import", ECode.INVAL)
    in_files = template in new_disks.IN_FILES
    made = replace(
        op,
        nics=typed_nics,
        disks=disks,
        disk_template=template,
        file_driver=op.file_driver or (_FILE_DRIVER if in_files else None),
        iallocator=evacuation.allocator_or_node(config, op.iallocator, op.pnode),
    )
    made = _with_secondary(made, template, say)
    if made.opportunistic_locking and made.iallocator is None:
        raise OpPrereqError(
            "Opportunistic locking is only available in combination with an instance allocator",
            ECode.INVAL,
        )
    if op.mode == _INSTALLED:
        _check_os(made, config)
    else:
        _say_what_counts_not(made, say)
    return made


def _communication(op: OpInstanceCreate, config: ConfigSnapshot) -> list[NicParameters]:
    """Return the NIC by which the instance is talked to, where it is wanted and not given."""
    name = nic_rules.communication_name(op.instance_name)
    if not op.instance_communication or any(nic.get("name") == name for nic in op.nics):
        return []
    return [nic_rules.communication(config.cluster, op.instance_name)]


def _disk(disk: DiskParameters, template: str) -> DiskParameters:
    # All types of its parameters are those of texts or whole numbers.
    return cast(DiskParameters, new_disks.typed_params(disk, template))


def _with_vlan(nic: NicParameters) -> NicParameters:
    """Return a NIC with its VLAN as switches are told it; a number alone is one without a tag."""
    vlan = nic.get("vlan")
    if not vlan:
        return nic
    if _VLAN.fullmatch(vlan) is None:
        raise OpPrereqError(f"Specified VLAN parameter is invalid : {vlan}", ECode.INVAL)
    return {**nic, "vlan": f".{vlan}"} if vlan.isdigit() else nic


def _template(wanted: DiskTemplate | None, config: ConfigSnapshot) -> DiskTemplate:
    enabled = config.cluster.enabled_disk_templates
    template = wanted or enabled[0]
    if template not in enabled:
        raise OpPrereqError(
            f"Disk template '{template}' is not enabled in cluster. Enabled disk templates are:"
            f" {','.join(enabled)}"
        )
    return template


def _with_secondary(op: OpInstanceCreate, template: str, say: Feedback) -> OpInstanceCreate:
    if op.pnode is None:
        return op
    if template in new_disks.MIRRORED_INSIDE:
        if op.snode is None:
            raise OpPrereqError("The networked disk templates need a mirror node", ECode.INVAL)
    elif op.snode:
        say.warning("Secondary node will be ignored on non-mirrored disk template")
        return replace(op, snode=None, snode_uuid=None)
    return op


def _say_what_counts_not(op: OpInstanceCreate, say: Feedback) -> None:
    if op.mode == _EXPORTED and op.no_install:
        say.info("No-installation mode has no effect during import")
    if images.of_os(op.osparams) is not None:
        say.info("OS image has no effect during import")


def _check_os(op: OpInstanceCreate, config: ConfigSnapshot) -> None:
    image = images.of_os(op.osparams)
    images.check(image, "OS")
    if op.os_type is None and image is None:
        raise OpPrereqError("No guest OS or OS image specified", ECode.INVAL)
    if op.os_type in config.cluster.blacklisted_os:
        raise OpPrereqError(f"Guest OS '{op.os_type}' is not allowed for installation", ECode.STATE)
