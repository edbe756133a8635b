"""The parameters that an instance is to get instead of those it has.

Source: Ganeti 3.0.2 lib/cmdlib/instance_set_params.py (_ProcessHVParams, _ProcessBeParams,
_ValidateCpuParams, _ProcessOsParams: checks, order, texts); prereqs.json.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from masterd.config import hypervisor_rules, typed
from masterd.config.objects import FreeParams, write
from masterd.config.params import BeParams, PartialBeParams, fill_free
from masterd.config.relations import nodes_of
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ECode, OpPrereqError
from masterd.instance import params, processors
from masterd.instance.view import InstanceView
from masterd.lu.instance import guest, host_checks, modify_memory
from masterd.lu.instance.guest import Guest
from masterd.lu.instance.modified import Row
from masterd.opcodes.instance_params import OpInstanceSetParams
from masterd.work.work import Work

_CPU_MASK: Final = "cpu_mask"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What changes of the parameters.

    Attributes:
        hv, be, os, os_private: what is kept as the instance's own; None stays as it is.
        be_whole: filled; None where nothing of it changes.
    """

    hv: FreeParams | None = None
    be: PartialBeParams | None = None
    be_whole: BeParams | None = None
    os: Mapping[str, str] | None = None
    os_private: Mapping[str, str] | None = field(default=None, repr=False)

    @property
    def fields(self) -> dict[str, Any]:
        """Return what of an instance changes."""
        found = {
            "hvparams": self.hv,
            "beparams": self.be,
            "osparams": self.os,
            "osparams_private": self.os_private,
        }
        return {name: value for name, value in found.items() if value is not None}


def wanted(
    work: Work, config: ConfigSnapshot, found: Guest, op: OpInstanceSetParams
) -> tuple[Parameters, list[str]]:
    """Return the parameters that a request asks for, and warnings. Switches.

    Raises:
        OpPrereqError: the instance cannot have them.
        HypervisorError: it cannot run with these.
        TypeEnforcementError: one is unknown, or has a value of no meaning.
        RpcError: a node says that they are wrong.
    """
    view = InstanceView(config, found.instance)
    hv = _hypervisor(work, config, found, op)
    be = _backend(found, op)
    be_whole = view.be_params if be is None else params.backend(config.cluster, be)
    _check_processors(work, config, found, hv, be_whole)
    public, private = _os(work, config, found, op)
    warnings: list[str] = []
    if "maxmem" in op.beparams and not op.force and be_whole.maxmem > view.be_params.maxmem:
        warnings = modify_memory.check_start(work, config, found, be_whole)
    if op.runtime_mem:
        memory_mib, force = op.runtime_mem, op.force
        modify_memory.check_balloon(work, config, found, memory_mib, be_whole, force=force)
    changed = Parameters(
        hv=hv,
        be=be,
        be_whole=None if be is None else be_whole,
        os=public if op.osparams else None,
        os_private=private if op.osparams_private else None,
    )
    return changed, warnings


def rows(op: OpInstanceSetParams) -> list[Row]:
    """Return what the result tells: all that was asked for, what is private by name only."""
    told: list[Row] = [(f"hv/{name}", value) for name, value in op.hvparams.items()]
    told += [(f"be/{name}", value) for name, value in op.beparams.items()]
    told += [(f"os/{name}", value) for name, value in op.osparams.items()]
    hidden = op.osparams_private or {}
    return told + [(f"os_private/{name}", f"Private(?, descr={name!r})") for name in hidden]


def _hypervisor(
    work: Work, config: ConfigSnapshot, found: Guest, op: OpInstanceSetParams
) -> FreeParams | None:
    if not op.hvparams:
        return None
    instance = found.instance
    own = hypervisor_rules.typed_params(
        work.dialect.hypervisor_rules, _updated(instance.hvparams, op.hvparams)
    )
    filled = params.hypervisor(config.cluster, instance.hypervisor, instance.os, own)
    guest.check_hypervisor_params(work, config, instance, filled)
    return own


def _backend(found: Guest, op: OpInstanceSetParams) -> PartialBeParams | None:
    if not op.beparams:
        return None
    given = {name: typed.DEFAULT if value is None else value for name, value in op.beparams.items()}
    own = params.given_backend(_updated(write(found.instance.beparams), given))
    return typed.given(PartialBeParams, own, "beparams")


def _updated(old: Mapping[str, Any], changes: Mapping[Any, object]) -> dict[Any, Any]:
    """Return parameters after changes; "default" takes one away."""
    gone = {name for name, value in changes.items() if value == typed.DEFAULT}
    whole = {**old, **changes}
    return {name: value for name, value in whole.items() if name not in gone}


def _check_processors(
    work: Work, config: ConfigSnapshot, found: Guest, own: FreeParams | None, be: BeParams
) -> None:
    """Refuse processors that the virtual ones cannot run on. Switches.

    Args:
        own: new parameters of the hypervisor; nodes are asked where there are any.

    Raises:
        OpPrereqError: there are such.
    """
    instance = found.instance
    kept = instance.hvparams if own is None else own
    filled = params.hypervisor(config.cluster, instance.hypervisor, instance.os, kept)
    if _CPU_MASK not in filled:
        return
    mask = str(filled[_CPU_MASK])
    needed = processors.needed(mask)
    if len(needed) not in (0, 1, be.vcpus):
        raise OpPrereqError(
            f"Number of vCPUs [{be.vcpus}] does not match the CPU mask [{mask}]", ECode.INVAL
        )
    if own is not None and needed:
        spec = (instance.hypervisor, config.cluster.hvparams.get(instance.hypervisor, {}))
        nodes = nodes_of(config, instance)
        host_checks.processors(work, nodes, spec, max(needed))


def _os(
    work: Work, config: ConfigSnapshot, found: Guest, op: OpInstanceSetParams
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Return the parameters of the operating system, public and private ones. Switches."""
    instance, private = found.instance, params.revealed(op.osparams_private)
    if not (op.osparams or private):
        return {}, {}
    repeated = sorted(op.osparams.keys() & private.keys())
    if repeated:
        raise OpPrereqError(f"OS parameters repeated multiple times: {', '.join(repeated)}")
    own = params.os_texts("osparams", _updated(instance.osparams, op.osparams))
    own_private = params.os_texts("osparams_private", _updated(instance.osparams_private, private))
    name = op.os_name if op.os_name and not op.force else instance.os
    whole = fill_free(own, own_private)
    nodes, variant = nodes_of(config, instance), op.force_variant
    host_checks.os_params(work, nodes, name, whole, force_variant=variant)
    return own, own_private
