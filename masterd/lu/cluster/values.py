"""What the cluster object says after OP_CLUSTER_SET_PARAMS, and what of that makes no sense. Pure.

Source: Ganeti 3.0.2 lib/cmdlib/cluster, LUClusterSetParams (rules, texts); lib/uidpool.py;
lib/objects.py (SimpleFill*, NIC.CheckParameterSyntax).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, get_args

import msgspec

from masterd.config import hypervisor_rules, typed
from masterd.config.cluster import Cluster, DataCollector
from masterd.config.hypervisor_rules import Rules
from masterd.config.objects import HYPERVISORS, FreeParams, Hypervisor, write
from masterd.config.params import BeParams, NdParams, NicMode, NicParams
from masterd.errors import ConfigurationError, ECode, HypervisorError, OpPrereqError
from masterd.instance import disk_params, policy
from masterd.lu.network.life import mac_prefix_of
from masterd.opcodes.cluster_params import OpClusterSetParams
from masterd.opcodes.secrets import Secret

_DEFAULT: Final = "default"
#: Parameters that simply take the place of what was there, whatever they are.
_AS_GIVEN: Final = (
    "candidate_pool_size", "default_iallocator", "default_iallocator_params", "file_storage_dir",
    "gluster_storage_dir", "instance_communication_network", "maintain_node_health",
    "max_running_jobs", "max_tracked_jobs", "modify_etc_hosts", "prealloc_wipe_disks",
    "reserved_lvs", "shared_file_storage_dir", "use_external_mip_script", "zeroing_image",
    "compression_tools", "enabled_hypervisors", "enabled_user_shutdown",
)  # fmt: skip
#: And only if they are not empty.
_IF_NOT_EMPTY: Final = (
    "enabled_disk_templates",
    "install_image",
    "master_netdev",
    "master_netmask",
)


def changed(cluster: Cluster, op: OpClusterSetParams, rules: Rules) -> Cluster:
    """Return the cluster after the change; what is not told stays.

    Raises:
        ConfigurationError: network interfaces cannot be connected like that.
        HypervisorError: a hypervisor cannot be what its parameters say.
        OpPrereqError: something else cannot be.
        TypeEnforcementError: a parameter is unknown, or its value none for its type.
    """
    given = {name: getattr(op, name) for name in (*_AS_GIVEN, *_IF_NOT_EMPTY)}
    fields: dict[str, Any] = {name: each for name, each in given.items() if each is not None}
    fields = {name: each for name, each in fields.items() if each or name not in _IF_NOT_EMPTY}
    for name, value in (
        ("volume_group_name", op.vg_name),
        ("drbd_usermode_helper", op.drbd_helper),
    ):
        if value is not None:
            fields[name] = value or None
    if op.mac_prefix:
        fields["mac_prefix"] = mac_prefix_of(op.mac_prefix)
    fields |= _layers(cluster, op)
    fields |= _of_hypervisors(cluster, op, rules)
    fields |= _lists(cluster, op)
    after = msgspec.structs.replace(cluster, **fields)
    try:
        msgspec.msgpack.encode(after)
    except OverflowError as error:
        raise OpPrereqError("A number has more than 64 bits", ECode.INVAL) from error
    return after


def names_of_changes(before: Cluster, after: Cluster) -> list[str]:
    """Return the names of the fields that a change changes."""
    return [
        name for name in before.__struct_fields__ if getattr(before, name) != getattr(after, name)
    ]


# --- what nodes and instances inherit -----------------------------------------------------------


def _layers(cluster: Cluster, op: OpClusterSetParams) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if op.beparams:
        params = typed.typed(_both_sizes(op.beparams), typed.BACKEND)
        whole = {**write(cluster.beparams[_DEFAULT]), **params}
        fields["beparams"] = {
            **cluster.beparams, _DEFAULT: typed.given(BeParams, whole, "beparams")
        }  # fmt: skip
    if op.ndparams:
        whole = {**write(cluster.ndparams), **typed.typed(op.ndparams, typed.NODE)}
        fields["ndparams"] = typed.given(NdParams, whole, "ndparams")
    if op.hv_state:
        fields["hv_state_static"] = typed.whole_hypervisor_state(
            cluster.hv_state_static, op.hv_state
        )
    if op.disk_state:
        fields["disk_state_static"] = typed.whole_disk_state(
            cluster.disk_state_static, op.disk_state
        )
    if op.ipolicy:
        fields["ipolicy"] = policy.changed_whole(cluster.ipolicy, op.ipolicy)
    if op.nicparams:
        fields["nicparams"] = {**cluster.nicparams, _DEFAULT: _interfaces(cluster, op.nicparams)}
    if op.diskparams:
        fields["diskparams"] = disk_params.changed_whole(cluster.diskparams, op.diskparams)
    return fields


def _both_sizes(params: FreeParams) -> FreeParams:
    """Return backend parameters with older clients' one size of memory for both of them."""
    if "memory" not in params:
        return params
    rest = {name: value for name, value in params.items() if name != "memory"}
    return {**rest, "maxmem": params["memory"], "minmem": params["memory"]}


def _interfaces(cluster: Cluster, params: Mapping[Any, object]) -> NicParams:
    whole = {**write(cluster.nicparams[_DEFAULT]), **typed.typed(params, typed.INTERFACE)}
    if whole["mode"] not in get_args(NicMode):
        raise ConfigurationError(f"Invalid NIC mode '{whole['mode']}'")
    if whole["mode"] == "bridged" and not whole["link"]:
        raise ConfigurationError("Missing bridged NIC link")
    return typed.given(NicParams, whole, "nicparams")


# --- hypervisors and operating systems ----------------------------------------------------------


def _of_hypervisors(cluster: Cluster, op: OpClusterSetParams, rules: Rules) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    params = hypervisor_params(cluster, op, rules)
    if params != cluster.hvparams:
        fields["hvparams"] = params
    if op.os_hvp:
        fields["os_hvp"] = os_hypervisor_params(cluster, op.os_hvp, params, rules)
    for name, changes in (
        ("osparams", op.osparams),
        ("osparams_private_cluster", _shown(op.osparams_private_cluster)),
    ):
        if changes:
            fields[name] = _os_params(getattr(cluster, name), changes)
    return fields


def touched_hypervisors(op: OpClusterSetParams) -> list[Hypervisor]:
    """Return the hypervisors that a change is about, in the order in which they are written."""
    touched = {*(op.hvparams or {}), *(op.enabled_hypervisors or ())}
    return [name for name in HYPERVISORS if name in touched]


def hypervisor_params(
    cluster: Cluster, op: OpClusterSetParams, rules: Rules
) -> dict[Hypervisor, FreeParams]:
    """Return the parameters of all hypervisors after a change.

    Raises:
        HypervisorError: a hypervisor is unknown, or cannot be what its parameters say.
        TypeEnforcementError: a parameter is unknown, or its value none for its type.
    """
    unknown = sorted((op.hvparams or {}).keys() - frozenset(HYPERVISORS))
    if unknown:
        raise HypervisorError(f"Unknown hypervisor type '{unknown[0]}'")
    made: dict[Hypervisor, FreeParams] = {**cluster.hvparams}
    for name in touched_hypervisors(op):
        changes = (op.hvparams or {}).get(name, {})
        whole = {**made.get(name, {}), **changes}
        made[name] = _sound(rules, name, hypervisor_rules.typed_params(rules, whole))
    return made


def os_hypervisor_params(
    cluster: Cluster,
    changes: Mapping[str, Mapping[str, Any]],
    params: Mapping[Hypervisor, FreeParams],
    rules: Rules,
) -> dict[str, dict[Hypervisor, FreeParams]]:
    """Return the hypervisor parameters of operating systems after a change.

    A hypervisor with None loses those it had; an operating system without any is left out.

    Args:
        params: those of the cluster, which they go on top of.

    Raises:
        HypervisorError: a hypervisor is unknown, or cannot be what its parameters say.
        TypeEnforcementError: a parameter is unknown, or its value none for its type.
    """
    made: dict[str, dict[Any, FreeParams]] = {
        name: dict(each) for name, each in cluster.os_hvp.items()
    }
    for name, by_hypervisor in changes.items():
        of_os = made.setdefault(name, {})
        for hypervisor, values in by_hypervisor.items():
            if values is None and name in cluster.os_hvp:
                of_os.pop(hypervisor, None)
            else:
                typed_values = hypervisor_rules.typed_params(rules, values)
                of_os[hypervisor] = {**of_os.get(hypervisor, {}), **typed_values}
    for by_hypervisor in made.values():
        for hypervisor, values in by_hypervisor.items():
            if hypervisor not in HYPERVISORS:
                raise HypervisorError(f"Unknown hypervisor type '{hypervisor}'")
            _sound(rules, hypervisor, {**params.get(hypervisor, {}), **values})
    return {name: each for name, each in made.items() if each}


def _sound(rules: Rules, name: Hypervisor, params: dict[str, object]) -> dict[str, object]:
    wrong = hypervisor_rules.problems(rules, name, params)
    if wrong:
        raise HypervisorError(f"Hypervisor {name}: {'; '.join(wrong)}")
    return params


def _shown(changes: Mapping[str, Mapping[str, Secret]] | None) -> Mapping[str, Mapping[str, Any]]:
    """Return private parameters in the open, as the configuration keeps them."""
    return {
        name: {key: value.reveal() for key, value in params.items()}
        for name, params in (changes or {}).items()
    }


def _os_params(
    old: Mapping[str, Mapping[str, str]], changes: Mapping[str, Mapping[str, Any]]
) -> dict[str, Mapping[str, str]]:
    """Return parameters of operating systems after a change; None or "default" takes one away."""
    made: dict[str, Mapping[str, str]] = {**old}
    for name, values in changes.items():
        kept = {**made.get(name, {}), **values}
        made[name] = {key: value for key, value in kept.items() if value not in (None, _DEFAULT)}
        for key, value in made[name].items():
            if not isinstance(value, str):
                raise OpPrereqError(f"Parameter '{key}' of OS {name} is not text", ECode.INVAL)
        if not made[name]:
            del made[name]
    return made


# --- lists --------------------------------------------------------------------------------------


def _lists(cluster: Cluster, op: OpClusterSetParams) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if op.uid_pool is not None or op.add_uids or op.remove_uids:
        fields["uid_pool"] = _user_ids(cluster, op)
    if op.hidden_os:
        fields["hidden_os"] = listed(cluster.hidden_os, op.hidden_os)[0]
    if op.blacklisted_os:
        fields["blacklisted_os"] = listed(cluster.blacklisted_os, op.blacklisted_os)[0]
    if op.enabled_data_collectors or op.data_collector_interval:
        fields["data_collectors"] = _collectors(cluster, op)
    return fields


def _user_ids(cluster: Cluster, op: OpClusterSetParams) -> tuple[tuple[int, int], ...]:
    pool = list(cluster.uid_pool)
    if op.add_uids is not None:
        pool = sorted({*pool, *op.add_uids})
    for each in op.remove_uids or ():
        if each not in pool:
            raise OpPrereqError(
                f"User-id range to be removed is not found in the current user-id pool: {each}",
                ECode.INVAL,
            )
        pool.remove(each)
    return tuple(pool) if op.uid_pool is None else op.uid_pool


def listed(
    old: Sequence[str], changes: Sequence[tuple[str, str]]
) -> tuple[tuple[str, ...], list[tuple[str, str]]]:
    """Return a list of operating systems after changes, and the changes that it had already."""
    made, needless = list(old), []
    for how, name in changes:
        if (how == "add") == (name in made):
            needless.append((how, name))
        elif how == "add":
            made.append(name)
        else:
            made.remove(name)
    return tuple(made), needless


def _collectors(cluster: Cluster, op: OpClusterSetParams) -> dict[str, DataCollector]:
    made = {**cluster.data_collectors}
    active, intervals = op.enabled_data_collectors or {}, op.data_collector_interval or {}
    unknown = sorted({*active, *intervals} - made.keys())
    if unknown:
        raise OpPrereqError(f"Unknown data collector '{unknown[0]}'", ECode.INVAL)
    for name, whether in active.items():
        made[name] = msgspec.structs.replace(made[name], active=whether)
    for name, interval in intervals.items():
        made[name] = msgspec.structs.replace(made[name], interval=interval)
    return made
