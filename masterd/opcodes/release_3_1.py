"""What Ganeti 3.1 asks in another way than 3.0: ten opcodes.

`CATALOGUE_3_1` is that of 3.0 with these. To a logical unit each is the one of 3.0: what is gone
keeps its default.

Source: Ganeti 3.1.0~rc2 as built in Debian's backports for 12, ganeti/opcodes.py; 3.1.0
src/Ganeti/OpCodes.hs.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

import masterd.opcodes  # noqa: F401  # the catalogue of 3.0 must be complete
from masterd.opcodes.base import CATALOGUE_3_0, OpCode, declare
from masterd.opcodes.cluster_verify import (
    OpClusterVerify,
    OpClusterVerifyDisks,
    OpClusterVerifyGroup,
    OpGroupVerifyDisks,
)
from masterd.opcodes.instance_create import OpInstanceCreate, OpInstanceMultiAlloc, create_check
from masterd.opcodes.instance_life import OpInstanceRename
from masterd.opcodes.instance_params import OpInstanceSetParams
from masterd.opcodes.params import NonEmptyString, OptionalVerification31
from masterd.opcodes.test import OpTestDelay


@declare
@dataclass(frozen=True, kw_only=True, slots=True)
class OpClusterVerify31(OpClusterVerify):
    """Submit jobs that check the configuration and every group."""

    skip_checks: frozenset[OptionalVerification31] = frozenset()  # type: ignore[assignment]  # one word more


@declare
@dataclass(frozen=True, kw_only=True, slots=True)
class OpClusterVerifyGroup31(OpClusterVerifyGroup):
    """Check the nodes and instances of a group against the configuration."""

    skip_checks: frozenset[OptionalVerification31] = frozenset()  # type: ignore[assignment]  # one word more


@declare
@dataclass(frozen=True, kw_only=True, slots=True)
class OpClusterVerifyDisks31(OpClusterVerifyDisks):
    """Submit jobs that check the disks of every group."""

    #: Whether nodes and instances locked by others are waited for, not left out.
    is_strict: bool = True


@declare
@dataclass(frozen=True, kw_only=True, slots=True)
class OpGroupVerifyDisks31(OpGroupVerifyDisks):
    """Find volumes of a group that are missing or inactive, and nodes that do not answer."""

    #: Whether nodes and instances locked by others are waited for, not left out.
    is_strict: bool = True


@declare
@dataclass(frozen=True, kw_only=True, slots=True)
class OpInstanceCreate31(OpInstanceCreate):
    """Create an instance; nobody looks whether its name and address are free, unless told to."""

    ip_check: bool = False
    name_check: bool = False


_CREATE: Final = create_check(CATALOGUE_3_0.changed(OpInstanceCreate31).load)


@declare
@dataclass(frozen=True, kw_only=True, slots=True)
class OpInstanceMultiAlloc31(OpInstanceMultiAlloc):
    """Submit jobs that create several instances, placed together."""

    instances: tuple[Annotated[OpInstanceCreate, _CREATE], ...] = ()


@declare
@dataclass(frozen=True, kw_only=True, slots=True)
class OpInstanceRename31(OpInstanceRename):
    """Give a stopped instance another name; nobody looks whether it is free, unless told to."""

    ip_check: bool = False
    name_check: bool = False


@declare
@dataclass(frozen=True, kw_only=True, slots=True)
class OpInstanceSetParams31(OpInstanceSetParams):
    """Change an instance; devices are hotplugged wherever the hypervisor can."""

    GONE: ClassVar[frozenset[str]] = frozenset({"hotplug_if_possible"})

    hotplug: bool = True


@declare
@dataclass(frozen=True, kw_only=True, slots=True)
class OpNetworkRename(OpCode):
    """Give a network another name."""

    OP_ID: ClassVar[str] = "OP_NETWORK_RENAME"
    RESULT: ClassVar[object] = NonEmptyString

    network_name: NonEmptyString
    new_name: NonEmptyString


@declare
@dataclass(frozen=True, kw_only=True, slots=True)
class OpTestDelay31(OpTestDelay):
    """Do nothing for a while; its summary counts in nanoseconds."""

    def summary(self) -> str:
        """Return what lists show, such as `TEST_DELAY(100000000 ns)`."""
        return f"TEST_DELAY({round(self.duration * 1e9)} ns)"


#: The opcodes of 3.1.
CATALOGUE_3_1: Final = CATALOGUE_3_0.changed(
    OpClusterVerify31,
    OpClusterVerifyDisks31,
    OpClusterVerifyGroup31,
    OpGroupVerifyDisks31,
    OpInstanceCreate31,
    OpInstanceMultiAlloc31,
    OpInstanceRename31,
    OpInstanceSetParams31,
    OpNetworkRename,
    OpTestDelay31,
)
