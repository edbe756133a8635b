"""Devices that are changed while an instance runs, where its hypervisor can do that.

What fails is told of and changes nothing else: the device is there when the instance starts anew.

Source: Ganeti 3.0.2 lib/cmdlib/instance_set_params.py (_CheckHotplug, _HotplugDevice: order,
texts, rows of the result).
"""

from masterd.config.instance import Nic
from masterd.config.kinds import AnyDisk
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ECode
from masterd.lu.instance.guest import Guest
from masterd.node import instances
from masterd.node.instances import HotplugAction
from masterd.opcodes.instance_params import OpInstanceSetParams
from masterd.rpc.result import RpcResult
from masterd.work.work import Work


def is_wanted(work: Work, config: ConfigSnapshot, guest: Guest, op: OpInstanceSetParams) -> bool:
    """Tell whether devices are to be changed while the instance runs. Switches.

    Raises:
        OpPrereqError: they must, and its node cannot.
    """
    if not (op.hotplug or op.hotplug_if_possible):
        return False
    result = instances.can_hotplug(work.rpc, config, guest.node, guest.instance)
    if result.ok:
        return True
    if op.hotplug:
        result.raise_("Hotplug is not possible", prereq=True, code=ECode.STATE)
    work.say.warning(str(result.error))
    work.say.info("Modification will take place without hotplugging.")
    return False


def nic(
    work: Work, config: ConfigSnapshot, guest: Guest, action: HotplugAction, of: Nic, index: int
) -> str:
    """Change a network interface; return what the result tells of that. Switches."""
    work.say.info("Trying to hotplug device...")
    result = instances.hotplug_nic(
        work.rpc, config, guest.node, guest.instance, action, of, extra=None, index=index
    )
    return _told(work, result)


def disk(
    work: Work,
    config: ConfigSnapshot,
    guest: Guest,
    action: HotplugAction,
    of: AnyDisk,
    index: int,
    *,
    extra: object = None,
) -> str:
    """Change a disk; return what the result tells of that. Switches.

    Args:
        extra: path and uri of the device of a disk that is added.
    """
    work.say.info("Trying to hotplug device...")
    result = instances.hotplug_disk(
        work.rpc, config, guest.node, guest.instance, action, of, extra=extra, index=index
    )
    return _told(work, result)


def _told(work: Work, result: RpcResult) -> str:
    if result.ok:
        work.say.info("Hotplug done.")
        return "hotplug:done"
    work.say.warning(f"Could not hotplug device: {result.error}")
    work.say.info("Continuing execution..")
    return "hotplug:failed"
