"""Parameters of disks by template, as clients change them. Pure.

Source: Ganeti 3.0.2 lib/cmdlib/common.py, lib/utils VerifyDictOptions; constants DISK_DT_*.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from masterd.config import typed
from masterd.config.kinds import AnyInstance
from masterd.config.objects import FreeParams
from masterd.config.params import DiskTemplate
from masterd.config.relations import relations
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ECode, OpPrereqError

#: How a hypervisor reaches a disk. Source: constants DISK_VALID_ACCESS_MODES, DTS_HAVE_ACCESS.
_ACCESS_MODES: Final = ("kernelspace", "userspace")
_HAVE_ACCESS: Final = frozenset({"ext", "gluster", "rbd"})
_REACHES_FROM_USERSPACE: Final = "kvm"

DiskParams = Mapping[DiskTemplate, FreeParams]


def changed(old: DiskParams, changes: Mapping[DiskTemplate, Any]) -> DiskParams:
    """Return a group's parameters of disks after changes, by template; "default" takes one away.

    Raises:
        OpPrereqError: a template does not have a parameter.
        TypeEnforcementError: no template has it, or a value is none for its type.
    """
    made = {
        template: typed.updated(old.get(template, {}), changes[template], typed.DISK)
        for template in typed.DISK_BY_TEMPLATE
        if template in changes
    }
    return {**old, **_supported(made)}


def changed_whole(old: DiskParams, changes: Mapping[DiskTemplate, Any]) -> DiskParams:
    """Return the cluster's parameters of disks after changes, by template.

    Raises:
        OpPrereqError: a template does not have a parameter.
        TypeEnforcementError: no template has it, or a value is none for its type.
    """
    made = {
        template: {**old.get(template, {}), **typed.typed(changes[template], typed.DISK)}
        for template in typed.DISK_BY_TEMPLATE
        if template in changes
    }
    return {**old, **_supported(made)}


def _supported(made: DiskParams) -> DiskParams:
    unsupported = [
        f"{template}.{name}"
        for template, params in made.items()
        for name in sorted(params.keys() - typed.DISK_BY_TEMPLATE[template].keys())
    ]
    if unsupported:
        raise OpPrereqError(
            "While verify diskparams options: Provided option keys not supported:"
            f" {', '.join(unsupported)}",
            ECode.INVAL,
        )
    return made


def check_access_mode(template: str, params: FreeParams, code: ECode | None = None) -> None:
    """Make sure that disks are reached in a way there is.

    Raises:
        OpPrereqError: they are not.
    """
    mode = params.get("access", _ACCESS_MODES[0])
    if mode not in _ACCESS_MODES:
        raise OpPrereqError(
            f"Invalid value of '{template}:access': '{mode}' (expected one of"
            f" {', '.join(_ACCESS_MODES)})",
            code,
        )


def check_access(
    instances: Iterable[AnyInstance],
    config: ConfigSnapshot,
    params: DiskParams,
    code: ECode | None = ECode.INVAL,
) -> None:
    """Refuse a way to disks that the hypervisor of one of the instances does not have.

    Raises:
        OpPrereqError: there is such an instance.
    """
    disks = config.derived(relations).disks
    userspace = {
        template
        for template in _HAVE_ACCESS & params.keys()
        if params[template].get("access", _ACCESS_MODES[0]) != _ACCESS_MODES[0]  # type: ignore[index]  # a key
    }
    for instance in instances if userspace else ():
        used = userspace & {str(disk.dev_type) for disk in disks.get(instance.uuid, ())}
        if used and instance.hypervisor != _REACHES_FROM_USERSPACE:
            raise OpPrereqError(
                f"While verify diskparams options: Instance {instance.name}: cannot use"
                f" '{_ACCESS_MODES[1]}' access setting with {instance.hypervisor} hypervisor and"
                f" {', '.join(sorted(used))} disk type.",
                code,
            )
