"""The parameters of a new instance: its own, and filled from what the cluster says.

Source: Ganeti 3.0.2 lib/cmdlib/instance_create.py and instance_utils.py (ComputeFullBeParams,
_RevertToDefaults: checks, order, texts).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from masterd.config import hypervisor_rules, typed
from masterd.config.objects import FreeParams, Hypervisor, write
from masterd.config.params import BeParams, PartialBeParams, PartialNicParams
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ECode, OpPrereqError
from masterd.instance import params
from masterd.lu.instance import guest
from masterd.opcodes.instance_create import OpInstanceCreate
from masterd.opcodes.params import NicParameter, NicParameters
from masterd.work.work import Work

_AUTO: Final = "auto"
#: Parameters of a NIC that the cluster has a default for.
_OF_NICS: Final = ("mode", "link", "vlan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What an instance is to have.

    Attributes:
        hv, be, os, os_private: what is kept as its own.
        os_secret: what is told to scripts and not kept.
        hv_whole, be_whole, os_whole: filled; the latter has what is secret, too.
    """

    hypervisor: Hypervisor
    hv: FreeParams
    hv_whole: FreeParams
    be: PartialBeParams
    be_whole: BeParams
    os: Mapping[str, str]
    os_private: Mapping[str, str] = field(repr=False)
    os_secret: Mapping[str, str] = field(repr=False)
    os_whole: FreeParams = field(repr=False)


def wanted(work: Work, config: ConfigSnapshot, op: OpInstanceCreate) -> Parameters:
    """Return the parameters that a request asks for.

    Raises:
        OpPrereqError: the cluster has not the hypervisor, or one may only be told for all.
        HypervisorError: it cannot run with these.
        TypeEnforcementError: one is unknown, or has a value of no meaning.
    """
    cluster = config.cluster
    hypervisor = op.hypervisor or cluster.enabled_hypervisors[0]
    if hypervisor not in cluster.enabled_hypervisors:
        raise OpPrereqError(
            f"Selected hypervisor ({hypervisor}) not enabled in the cluster"
            f" ({','.join(cluster.enabled_hypervisors)})",
            ECode.STATE,
        )
    hv = hypervisor_rules.typed_params(work.dialect.hypervisor_rules, op.hvparams)
    hv_whole = params.hypervisor(cluster, hypervisor, op.os_type, hv)
    guest.check_hypervisor_rules(work, hypervisor, hv_whole)
    params.check_own_hypervisor(hv)
    be = backend(config, op.beparams)
    public = params.os_texts("osparams", op.osparams)
    private = params.os_texts("osparams_private", params.revealed(op.osparams_private))
    secret = params.os_texts("osparams_secret", params.revealed(op.osparams_secret))
    os_whole = params.os_whole(cluster, op.os_type, public=public, private=private, secret=secret)
    made = Parameters(
        hypervisor=hypervisor,
        hv=hv,
        hv_whole=hv_whole,
        be=be,
        be_whole=params.backend(cluster, be),
        os=public,
        os_private=private,
        os_secret=secret,
        os_whole=os_whole,
    )
    return _as_the_cluster(config, op, made) if op.identify_defaults else made


def backend(config: ConfigSnapshot, given: Mapping[Any, object]) -> PartialBeParams:
    """Return backend parameters that a request gives; "auto" stands for what the cluster says.

    Raises:
        TypeEnforcementError: one is unknown, or has a value of no meaning.
    """
    default = write(config.cluster.beparams["default"])
    named = {
        name: default.get(str(name), value) if value == _AUTO else value
        for name, value in given.items()
    }
    return typed.given(PartialBeParams, params.given_backend(named), "beparams")


# --- what is left to the cluster ------------------------------------------------------------------


def _as_the_cluster(config: ConfigSnapshot, op: OpInstanceCreate, made: Parameters) -> Parameters:
    """Return parameters without those that say what the cluster says anyway."""
    cluster = config.cluster
    hv = params.hypervisor(cluster, made.hypervisor, op.os_type, {})
    be = write(cluster.beparams["default"])
    public = params.os_whole(cluster, op.os_type, public={})
    private = params.os_whole(cluster, op.os_type, public={}, private={})
    return replace(
        made,
        hv=_differing(made.hv, hv),
        be=typed.given(PartialBeParams, _differing(write(made.be), be), "beparams"),
        os={n: v for n, v in made.os.items() if public.get(n) != v},
        os_private={n: v for n, v in made.os_private.items() if private.get(n) != v},
    )


def _differing(own: FreeParams, default: FreeParams) -> dict[str, object]:
    return {
        name: value for name, value in own.items() if name not in default or default[name] != value
    }


def nic_as_the_cluster(
    config: ConfigSnapshot, nic: Mapping[NicParameter, str | None]
) -> NicParameters:
    """Return a NIC as asked for without what the cluster says of all NICs anyway."""
    default = params.nic(config.cluster, PartialNicParams())
    return {
        name: value
        for name, value in nic.items()
        if name not in _OF_NICS or value != getattr(default, name)
    }
