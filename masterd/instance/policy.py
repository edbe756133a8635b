"""Which instances a cluster or a group admits, and how a client changes that. Pure.

Source: Ganeti 3.0.2 lib/objects.py InstancePolicy, lib/cmdlib/common.py (GetUpdatedIPolicy,
ComputeIPolicySpecViolation); constants IPOLICY_*.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Final, get_args

import msgspec

from masterd.config import typed
from masterd.config.kinds import AnyInstance
from masterd.config.objects import write
from masterd.config.params import (
    DiskTemplate,
    InstancePolicy,
    InstanceSpec,
    PartialInstancePolicy,
    fill,
)
from masterd.config.relations import instances_of_group, nodes_of, relations
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ECode, OpPrereqError, TypeEnforcementError

_MINMAX: Final = "minmax"
_STD: Final = "std"
_TEMPLATES: Final = "disk-templates"
#: Ratios of virtual to physical.
_RATIOS: Final = ("spindle-ratio", "vcpu-ratio")
_KEYS: Final = frozenset({_MINMAX, _STD, _TEMPLATES, *_RATIOS})
_UNSET: Final[tuple[object, ...]] = (typed.DEFAULT, [typed.DEFAULT], (typed.DEFAULT,))


def filled(config: ConfigSnapshot, policy: PartialInstancePolicy) -> InstancePolicy:
    """Return a group's policy with what the cluster says where the group says nothing."""
    return filled_from(config.cluster.ipolicy, policy)


def filled_from(whole: InstancePolicy, policy: PartialInstancePolicy) -> InstancePolicy:
    """Return a group's policy with what this policy of a cluster says where it says nothing."""
    if policy.std is None:
        return fill(whole, policy)
    std = fill(whole.std, policy.std)
    return msgspec.structs.replace(fill(whole, policy), std=std)


def of_group(changes: Mapping[str, Any] | None) -> PartialInstancePolicy:
    """Return the policy of a new group, as a client gives it.

    Raises:
        OpPrereqError: it is no policy.
    """
    policy = dict(changes or {})
    if _MINMAX in policy:
        policy[_MINMAX] = _part(_MINMAX, policy[_MINMAX])
    return _read(_checked(policy))


def changed(old: PartialInstancePolicy, changes: Mapping[str, Any]) -> PartialInstancePolicy:
    """Return a group's policy after changes; what is "default" or empty goes away.

    Raises:
        OpPrereqError: the change has no meaning.
        TypeEnforcementError: a size is no number.
    """
    policy = write(old)
    for key, value in changes.items():
        _check_key(key)
        if _is_unset(value):
            policy.pop(key, None)
        elif key == _STD:
            raise OpPrereqError(f"{key} cannot appear in group instance specs", ECode.INVAL)
        else:
            policy[key] = _part(key, value)
    return _read(_checked(policy))


def changed_whole(old: InstancePolicy, changes: Mapping[str, Any]) -> InstancePolicy:
    """Return the cluster's policy after changes; a part of the standard size changes alone.

    Raises:
        OpPrereqError: the change has no meaning, or takes something away.
        TypeEnforcementError: a size is no number.
    """
    policy = write(old)
    for key, value in changes.items():
        _check_key(key)
        if _is_unset(value):
            raise OpPrereqError(
                f"Can't unset ipolicy attribute '{key}' on the cluster", ECode.INVAL
            )
        if key == _STD:
            policy[key] = {**write(old.std), **typed.typed(value, typed.SPEC)}
        else:
            policy[key] = _part(key, value)
    document = _checked(policy)
    if not any(_admits(both, document[_STD]) for both in document[_MINMAX]):
        raise OpPrereqError("Invalid instance policy: Invalid std specifications", ECode.INVAL)
    return typed.given(InstancePolicy, document, "ipolicy", "Invalid instance policy: {}")


def _check_key(key: str) -> None:
    if key not in _KEYS:
        raise OpPrereqError(f"Invalid key in new ipolicy: {key}", ECode.INVAL)


def _is_unset(value: object) -> bool:
    return not value or value in _UNSET


def _part(key: str, value: Any) -> Any:
    """Return what a part of a policy other than the standard size is changed to."""
    if key in _RATIOS:
        return _ratio(key, value)
    _check_form(key, value)
    if key == _MINMAX:
        return [
            {bound: typed.typed(spec, typed.SPEC) for bound, spec in both.items()} for both in value
        ]
    return list(value)


def _check_form(key: str, value: object) -> None:
    """Make sure that a part that is a list is one, of what it must be a list of.

    Raises:
        TypeEnforcementError: it is not.
    """
    kind, word = (Mapping, "dictionaries") if key == _MINMAX else (str, "strings")
    if not isinstance(value, list | tuple) or not all(isinstance(each, kind) for each in value):
        raise TypeEnforcementError(f"'{key}' is not a list of {word}: {value}")


def _admits(both: Mapping[str, Mapping[str, Any]], size: Mapping[str, Any]) -> bool:
    return all(both["min"][name] <= size[name] <= both["max"][name] for name in typed.SPEC)


def _ratio(key: str, value: object) -> float:
    try:
        return float(str(value))
    except ValueError as error:
        raise OpPrereqError(
            f"Invalid value for attribute '{key}': '{value}', error: {error}", ECode.INVAL
        ) from error


def _checked(policy: dict[str, Any]) -> dict[str, Any]:
    """Return a policy's document.

    Raises:
        OpPrereqError: it contradicts itself, or says nothing where it says something.
    """
    if _TEMPLATES in policy:
        _check_form(_TEMPLATES, policy[_TEMPLATES])
    problem = next(_problems(policy), None)
    if problem is not None:
        raise OpPrereqError(f"Invalid instance policy: {problem}", ECode.INVAL)
    return policy


def _problems(policy: Mapping[str, Any]) -> Any:
    unknown = sorted(policy.keys() - _KEYS)
    if unknown:
        yield f"Invalid keys in ipolicy: {', '.join(unknown)}"
    if _MINMAX in policy:
        if not policy[_MINMAX]:
            yield "Empty minmax specifications"
        for both in policy[_MINMAX]:
            yield from _range_problems(both)
    if _TEMPLATES in policy:
        if not policy[_TEMPLATES]:
            yield "Instance policy must contain at least one disk template"
        wrong = sorted(set(policy[_TEMPLATES]) - set(get_args(DiskTemplate)))
        if wrong:
            yield f"Invalid disk template(s) {', '.join(map(str, wrong))}"
    for key in _RATIOS:
        if key in policy and not _is_number(policy[key]):
            yield f"Invalid value for key '{key}': '{policy[key]}'"


def _range_problems(both: Mapping[str, Mapping[str, Any]]) -> Any:
    missing = sorted({"max", "min"} - both.keys())
    if missing:
        yield f"Missing instance specification: {', '.join(missing)}"
        return
    for bound in ("min", "max"):
        lacks = sorted(typed.SPEC.keys() - both[bound].keys())
        if lacks:
            yield f"Missing instance specs parameters for {bound}: {', '.join(lacks)}"
            return
    for name in sorted(typed.SPEC):
        low, high = both["min"][name], both["max"][name]
        if low > high:
            yield f"Invalid specification of min/max values for {name}: {low}/{high}"


def _is_number(value: object) -> bool:
    try:
        float(str(value))
    except ValueError:
        return False
    return True


def _read(policy: dict[str, Any]) -> PartialInstancePolicy:
    return typed.given(PartialInstancePolicy, policy, "ipolicy", "Invalid instance policy: {}")


def check_templates(policy: InstancePolicy, enabled: Sequence[str]) -> None:
    """Check that a filled policy admits disk templates only that are enabled.

    Raises:
        OpPrereqError: it admits others.
    """
    others = sorted(set(policy.disk_templates) - set(enabled))
    if others:
        raise OpPrereqError(
            "The following disk templates are allowed by the ipolicy, but not enabled on the"
            f" cluster: {', '.join(others)}",
            ECode.INVAL,
        )


def newly_violating(
    config: ConfigSnapshot, group_uuid: str, old: InstancePolicy, new: InstancePolicy
) -> list[str]:
    """Return the names of a group's instances that fit a filled policy, but not the new one."""
    return [
        str(instance.name)
        for instance in instances_of_group(config, group_uuid)
        if violations(config, new, instance) and not violations(config, old, instance)
    ]


def violations(config: ConfigSnapshot, policy: InstancePolicy, instance: AnyInstance) -> list[str]:
    """Return how an instance breaks a filled policy."""
    cluster = config.cluster
    params = fill(cluster.beparams["default"], instance.beparams)
    disks = config.derived(relations).disks.get(instance.uuid, ())
    found: list[str] = []
    spindles: int | None = params.spindle_use
    if _has_exclusive_storage(config, instance):
        counted = [disk.spindles for disk in disks]
        spindles = None if None in counted else sum(each or 0 for each in counted)
        if spindles is None:
            found.append(
                f"Number of spindles not configured for disks of instance {instance.name} while"
                " exclusive storage is enabled"
            )
    size = Size(
        params.maxmem,
        params.vcpus,
        len(instance.nics),
        spindles,
        [disk.size for disk in disks],
        {str(disk.dev_type) for disk in disks},
    )
    return found + broken(policy, size)


@dataclass(frozen=True, slots=True)
class Size:
    """What counts of an instance; memory and disks are MiB, None is not looked at."""

    memory_mib: int | None
    vcpus: int | None
    nics: int | None
    spindles: int | None
    disks_mib: Sequence[int | None]
    templates: AbstractSet[str]


def broken(policy: InstancePolicy, size: Size) -> list[str]:
    """Return how an instance of a size breaks a filled policy."""
    found: list[str] = []
    sizes: list[tuple[str, str, int | None]] = [
        ("memory-size", "", size.memory_mib),
        ("cpu-count", "", size.vcpus),
        ("nic-count", "", size.nics),
        ("spindle-use", "", size.spindles),
        *(("disk-size", f"/{index}", disk) for index, disk in enumerate(size.disks_mib)),
    ]
    if size.disks_mib:
        sizes.append(("disk-count", "", len(size.disks_mib)))
    forbidden = sorted((size.templates or {"diskless"}) - set(policy.disk_templates))
    if forbidden:
        found.append(
            f"Disk template {', '.join(forbidden)} is not allowed (allowed templates:"
            f" {', '.join(policy.disk_templates)})"
        )
    ranges = (
        [text for each in sizes if (text := _outside(both.min, both.max, *each))]
        for both in policy.minmax
    )
    return found + min(ranges, key=len, default=[])


def _outside(
    low: InstanceSpec, high: InstanceSpec, name: str, qualifier: str, value: int | None
) -> str | None:
    field = name.replace("-", "_")
    least, most = getattr(low, field), getattr(high, field)
    if value is None or least <= value <= most:
        return None
    return f"{name}{qualifier} value {value} is not in range [{least}, {most}]"


def _has_exclusive_storage(config: ConfigSnapshot, instance: AnyInstance) -> bool:
    """Tell whether a node of an instance gives whole disks away."""
    return any(config.node_params(node).exclusive_storage for node in nodes_of(config, instance))
