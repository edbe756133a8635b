"""Another template for all disks of an instance (OP_INSTANCE_SET_PARAMS with disk_template).

Source: Ganeti 3.0.2 lib/cmdlib/instance_set_params.py (conversions: checks, order, texts).
"""

from dataclasses import dataclass

from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ECode, OpPrereqError
from masterd.lu.instance.guest import Guest
from masterd.lu.instance.modified import Row
from masterd.opcodes.instance_params import OpInstanceSetParams
from masterd.work.work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """How the disks get another template."""


def normal(work: Work, config: ConfigSnapshot, op: OpInstanceSetParams) -> OpInstanceSetParams:
    """Return a request for another template in full: allocator, file driver, no idle nodes.

    Asked before anything is locked, and only where `disk_template` is given.

    Raises:
        OpPrereqError: it cannot be carried out anywhere.
    """
    raise OpPrereqError("Disks cannot be converted yet", ECode.INVAL)


def nodes_to_lock(
    config: ConfigSnapshot, op: OpInstanceSetParams, own: frozenset[str]
) -> frozenset[str]:
    """Return the uuids of the nodes to lock, where those of the instance are `own`. Pure.

    Raises:
        OpPrereqError: a node is named that there is not.
    """
    return own


def check(work: Work, config: ConfigSnapshot, guest: Guest, op: OpInstanceSetParams) -> Conversion:
    """Check that the disks can get another template. Switches.

    Raises:
        OpPrereqError: they cannot.
    """
    return Conversion()


def execute(work: Work, guest: Guest, op: OpInstanceSetParams, plan: Conversion) -> list[Row]:
    """Take the disks down, and give them another template; return rows of the result. Switches.

    It gives locks of nodes back as soon as it can.

    Raises:
        OpExecError: it failed.
    """
    return []
