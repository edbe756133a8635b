"""The parameters of instances, filled from the cluster's. Pure.

Source: Ganeti 3.0.2 lib/objects.py (SimpleFillHV, SimpleFillBE, SimpleFillNIC, SimpleFillOS).
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from masterd.config import typed
from masterd.config.cluster import Cluster
from masterd.config.objects import FreeParams, Hypervisor
from masterd.config.params import (
    BeParams,
    NicParams,
    PartialBeParams,
    PartialNicParams,
    fill,
    fill_free,
)
from masterd.errors import ECode, OpPrereqError
from masterd.opcodes.secrets import Secret

#: Hypervisor parameters that belong to nodes, not to instances. Source: constants HVC_GLOBALS.
GLOBAL_HV_PARAMS: Final = frozenset(
    {"migration_bandwidth", "migration_mode", "migration_port", "xen_cmd"}
)
_DEFAULT: Final = "default"


def hypervisor(
    cluster: Cluster, name: Hypervisor | None, os_name: str | None, own: FreeParams
) -> dict[str, object]:
    """Return hypervisor parameters: the cluster's, the operating system's, its own.

    Global ones too, which belong to nodes (`GLOBAL_HV_PARAMS`).
    """
    if name is None:
        return dict(own)
    of_os = cluster.os_hvp.get(os_name or "", {}).get(name, {})
    return fill_free(cluster.hvparams.get(name, {}), of_os, own)


def check_own_hypervisor(own: Mapping[Any, object]) -> None:
    """Refuse hypervisor parameters of an instance that belong to nodes.

    Raises:
        OpPrereqError: there are such.
    """
    wrong = sorted(GLOBAL_HV_PARAMS & own.keys())
    if wrong:
        raise OpPrereqError(
            "The following hypervisor parameters are global and cannot be customized at instance"
            f" level, please modify them at cluster level: {', '.join(wrong)}",
            ECode.INVAL,
        )


def backend(cluster: Cluster, own: PartialBeParams) -> BeParams:
    """Return backend parameters."""
    return fill(cluster.beparams[_DEFAULT], own)


def given_backend(given: Mapping[Any, object]) -> dict[str, object]:
    """Return backend parameters as a client gives them; "memory" stands for both its bounds.

    Raises:
        TypeEnforcementError: one is unknown, or its value none for its type.
    """
    named = {str(name): value for name, value in given.items()}
    if "memory" in named:
        named["maxmem"] = named["minmem"] = named.pop("memory")
    return typed.typed(named, typed.BACKEND)


def nic(cluster: Cluster, own: PartialNicParams) -> NicParams:
    """Return a network interface's parameters."""
    return fill(cluster.nicparams[_DEFAULT], own)


def revealed(given: Mapping[Any, Secret] | None) -> dict[Any, object]:
    """Return private or secret parameters as they are."""
    return {name: value.reveal() for name, value in (given or {}).items()}


def os_texts(what: str, given: Mapping[Any, object]) -> dict[str, str]:
    """Return parameters of an operating system, which are texts.

    Raises:
        OpPrereqError: one is none; a value is not told, as it may be secret.
    """
    found = {}
    for name, value in given.items():
        if not isinstance(value, str):
            raise OpPrereqError(f"'{name}' of {what} is not a text", ECode.INVAL)
        found[str(name)] = value
    return found


def os_changed(what: str, old: Mapping[str, str], given: Mapping[Any, object]) -> dict[str, str]:
    """Return parameters of an operating system after changes; "default" takes one away.

    Raises:
        OpPrereqError: one is no text.
    """
    gone = {name for name, value in given.items() if value == typed.DEFAULT}
    whole = os_texts(what, {**old, **given})
    return {name: value for name, value in whole.items() if name not in gone}


def os_public(cluster: Cluster, os_name: str | None, own: Mapping[str, str]) -> dict[str, object]:
    """Return public parameters of an operating system.

    The cluster's for it and for its variant, and the instance's own.
    """
    return _of_os(cluster.osparams, os_name, own)


def os_whole(
    cluster: Cluster,
    os_name: str | None,
    *,
    public: Mapping[str, str],
    private: Mapping[str, str] | None = None,
    secret: Mapping[str, str] | None = None,
) -> dict[str, object]:
    """Return parameters of an operating system of every visibility, as its scripts get them.

    Args:
        private: None adds none, not even the cluster's.
        secret: There are no others.

    Raises:
        OpPrereqError: a parameter has values of more than one visibility.
    """
    parts: dict[str, Mapping[str, object]] = {
        "public": os_public(cluster, os_name, public),
        "private": (
            {} if private is None else _of_os(cluster.osparams_private_cluster, os_name, private)
        ),
        "secret": secret or {},
    }
    counts = Counter(name for part in parts.values() for name in part)
    repeated = {name for name, count in counts.items() if count > 1}
    if repeated:
        found = "; ".join(
            f"{kind}: {', '.join(sorted(repeated & part.keys())) or '(none)'}"
            for kind, part in parts.items()
        )
        raise OpPrereqError(f"OS parameters have values of several visibilities ({found})")
    return fill_free(*parts.values())


def _of_os(
    by_os: Mapping[str, Mapping[str, str]], os_name: str | None, own: Mapping[str, str]
) -> dict[str, object]:
    base = (os_name or "").partition("+")[0]
    return fill_free(by_os.get(base, {}), by_os.get(os_name or "", {}), own)
