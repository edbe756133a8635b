"""The 108 node calls of Ganeti 3.0.2, in alphabetical order, and the one that 3.1 adds.

Arguments are written `name` or `name:encoding`. `_one` rows are sent to one node at a time, `_many`
rows to several at once. Rows that only read, or that write a whole file or flag, are repeatable.

Answers are short, but for those of `_LISTINGS`. `master_node_name` is asked from offline nodes too,
because the vote at start counts every node; the timeouts are those of the Python callers.

Source: Ganeti 3.0.2 lib/rpc_defs.py, src/Ganeti/Rpc.hs; 3.1.0~rc2 as built in Debian's
backports for 12, ganeti/rpc_defs.py.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from masterd.errors import ProgrammerError
from masterd.limits import RPC_ANSWER_BYTES_MAX, RPC_LISTING_BYTES_MAX
from masterd.rpc.call import (
    FAST,
    FOUR_HOURS,
    NORMAL,
    ONE_DAY,
    SLOW,
    URGENT,
    Argument,
    Call,
    PerNode,
    TimeoutFunction,
)

#: Calls whose answers grow with what a node has, or hold what a script wrote.
_LISTINGS: Final = frozenset(
    {
        "all_instances_info",
        "bdev_sizes",
        "blockdev_getdimensions",
        "blockdev_getmirrorstatus",
        "blockdev_getmirrorstatus_multi",
        "export_list",
        "extstorage_diagnose",
        "hooks_runner",
        "iallocator_runner",
        "impexp_status",
        "instance_console_info",
        "instance_list",
        "lv_list",
        "node_info",
        "node_verify",
        "node_verify_light",
        "node_volumes",
        "os_diagnose",
        "restricted_command",
        "run_oob",
        "storage_list",
    }
)

#: Calls that may be sent again, yet change a node: they write something whole.
_WRITTEN_WHOLE: Final = frozenset(
    {
        "jobqueue_set_drain_flag",
        "jobqueue_update",
        "set_watcher_pause",
        "upload_file",
        "upload_file_single",
        "write_ssconf_files",
    }
)

#: Calls that are not sent again, since they take long or count, yet change nothing.
_ONLY_WAITED_FOR: Final = frozenset({"drbd_wait_sync", "iallocator_runner", "test_delay"})

#: Seconds a node gets for the delay itself being late.
_DELAY_MARGIN_S: Final = 5


def _test_delay_timeout(values: Sequence[object]) -> int:
    """Return the delay and a margin. Source: rpc_defs.py, _TestDelayTimeout."""
    duration = values[0]
    if not isinstance(duration, int | float):
        raise ProgrammerError(f"The duration of a delay is not a number: {duration!r}")
    return int(duration + _DELAY_MARGIN_S)


def _own_disks(node_uuid: str, values: list[object]) -> list[object]:
    """Send a node its own entry only. Source: rpc_defs.py."""
    by_node = values[0]
    if not isinstance(by_node, Mapping) or node_uuid not in by_node:
        raise ProgrammerError(f"No disks are given for node {node_uuid}")
    return [by_node[node_uuid]]


def _own_instances(node_uuid: str, values: list[object]) -> list[object]:
    """Send a node its own instances only."""
    by_node = values[0]
    if not isinstance(by_node, Mapping) or node_uuid not in by_node:
        raise ProgrammerError(f"No instances are given for node {node_uuid}")
    return [by_node[node_uuid]]


def _own_storage_units(node_uuid: str, values: list[object]) -> list[object]:
    """Send a node its own storage units if they differ by node. Source: rpc_defs.py."""
    units, hypervisors = values
    if not isinstance(units, Mapping):
        return values
    if node_uuid not in units:
        raise ProgrammerError(f"No storage units are given for node {node_uuid}")
    return [units[node_uuid], hypervisors]


def _row(
    name: str,
    timeout: int | TimeoutFunction,
    arguments: tuple[str, ...],
    *,
    single: bool,
    accept_offline: bool = False,
    per_node: PerNode | None = None,
    whole_body: bool = False,
    repeatable: bool = False,
) -> Call:
    parsed = tuple(
        Argument(argument, encoding or None)
        for argument, _, encoding in (text.partition(":") for text in arguments)
    )
    return Call(
        name,
        timeout,
        parsed,
        single,
        accept_offline,
        per_node,
        whole_body,
        repeatable,
        RPC_LISTING_BYTES_MAX if name in _LISTINGS else RPC_ANSWER_BYTES_MAX,
        name not in _ONLY_WAITED_FOR and (not repeatable or name in _WRITTEN_WHOLE),
    )


def _one(
    name: str,
    timeout: int | TimeoutFunction,
    *arguments: str,
    accept_offline: bool = False,
    repeatable: bool = False,
) -> Call:
    return _row(
        name,
        timeout,
        arguments,
        single=True,
        accept_offline=accept_offline,
        repeatable=repeatable,
    )


def _many(
    name: str,
    timeout: int | TimeoutFunction,
    *arguments: str,
    accept_offline: bool = False,
    per_node: PerNode | None = None,
    whole_body: bool = False,
    repeatable: bool = False,
) -> Call:
    return _row(
        name,
        timeout,
        arguments,
        single=False,
        accept_offline=accept_offline,
        per_node=per_node,
        whole_body=whole_body,
        repeatable=repeatable,
    )


_ROWS: Final = (
    _one("accept_instance", NORMAL, "instance:inst_dict", "info", "target"),
    _many("all_instances_info", URGENT, "hypervisor_list", "all_hvparams", repeatable=True),
    _many("bdev_sizes", URGENT, "devices", repeatable=True),
    _one("blockdev_addchildren", NORMAL, "bdev:single_disk_dict_dp", "ndevs:disks_dict_dp"),
    _one(
        "blockdev_assemble",
        NORMAL,
        "disk:single_disk_dict_dp",
        "instance:inst_dict",
        "on_primary",
        "idx",
    ),
    _one("blockdev_close", NORMAL, "instance_name", "disks:disks_dict_dp"),
    _one("blockdev_convert", SLOW, "bdev_src:single_disk_dict_dp", "bdev_dest:single_disk_dict_dp"),
    _one(
        "blockdev_create",
        NORMAL,
        "bdev:single_disk_dict_dp",
        "size",
        "owner",
        "on_primary",
        "info",
        "exclusive_storage",
    ),
    _one("blockdev_find", NORMAL, "disk:single_disk_dict_dp", repeatable=True),
    _one("blockdev_getdimensions", NORMAL, "disks:multi_disks_dict_dp", repeatable=True),
    _one("blockdev_getmirrorstatus", NORMAL, "disks:disks_dict_dp", repeatable=True),
    _many(
        "blockdev_getmirrorstatus_multi",
        NORMAL,
        "node_disks:node_to_disk_dict_dp",
        repeatable=True,
        per_node=_own_disks,
    ),
    _one(
        "blockdev_grow",
        NORMAL,
        "cf_bdev:single_disk_dict_dp",
        "amount",
        "dryrun",
        "backingstore",
        "es_flag",
    ),
    _one("blockdev_image", SLOW, "bdev:single_disk_dict_dp", "image", "size"),
    _one("blockdev_open", NORMAL, "instance_name", "disks:disks_dict_dp", "exclusive"),
    _one("blockdev_pause_resume_sync", NORMAL, "disks:disks_dict_dp", "pause"),
    _one("blockdev_remove", NORMAL, "bdev:single_disk_dict_dp"),
    _one("blockdev_removechildren", NORMAL, "bdev:single_disk_dict_dp", "ndevs:disks_dict_dp"),
    _one("blockdev_rename", NORMAL, "devlist:blockdev_rename"),
    _one("blockdev_setinfo", NORMAL, "disk:single_disk_dict_dp", "info"),
    _one("blockdev_shutdown", NORMAL, "disk:single_disk_dict_dp"),
    _one("blockdev_snapshot", NORMAL, "cf_bdev:single_disk_dict_dp", "snap_name", "snap_size"),
    _one("blockdev_wipe", SLOW, "bdev:single_disk_dict_dp", "offset", "size"),
    _one("bridges_exist", URGENT, "bridges_list", repeatable=True),
    _many("drbd_attach_net", NORMAL, "disks:disks_dict_dp", "multimaster"),
    _many("drbd_disconnect_net", NORMAL, "disks:disks_dict_dp"),
    _many("drbd_helper", URGENT, repeatable=True),
    _one("drbd_needs_activation", NORMAL, "disks:multi_disks_dict_dp", repeatable=True),
    _many("drbd_wait_sync", SLOW, "disks:disks_dict_dp"),
    _one("etc_hosts_modify", NORMAL, "mode", "name", "ip"),
    _one("export_info", FAST, "path", repeatable=True),
    _many("export_list", FAST, repeatable=True),
    _one("export_remove", FAST, "export"),
    _one(
        "export_start",
        NORMAL,
        "opts:object_dict",
        "host",
        "port",
        "instance:inst_dict",
        "component",
        "source:impexp_io",
    ),
    _many("extstorage_diagnose", FAST, repeatable=True),
    _one("file_storage_dir_create", FAST, "file_storage_dir"),
    _one("file_storage_dir_remove", FAST, "file_storage_dir"),
    _one("file_storage_dir_rename", FAST, "old_file_storage_dir", "new_file_storage_dir"),
    _one("finalize_export", NORMAL, "instance:inst_dict", "snap_disks:finalize_export_disks"),
    _one("get_file_info", FAST, "file_path", repeatable=True),
    _one("get_watcher_pause", URGENT, repeatable=True),
    _many("hooks_runner", NORMAL, "hpath", "phase", "env"),
    _one(
        "hotplug_device",
        NORMAL,
        "instance:inst_dict",
        "action",
        "dev_type",
        "device:device_dict",
        "extra",
        "seq",
    ),
    _one("hotplug_supported", NORMAL, "instance:inst_dict", repeatable=True),
    _many("hypervisor_validate_params", NORMAL, "hvname", "hvfull", repeatable=True),
    _one("iallocator_runner", NORMAL, "name", "idata", "default_iallocator_params"),
    _one("impexp_abort", NORMAL, "name"),
    _one("impexp_cleanup", NORMAL, "name"),
    _one("impexp_status", FAST, "names", repeatable=True),
    _one(
        "import_start",
        NORMAL,
        "opts:object_dict",
        "instance:inst_dict",
        "component",
        "dest:impexp_io",
    ),
    _one("instance_balloon_memory", NORMAL, "instance:inst_dict", "memory"),
    _many(
        "instance_console_info",
        URGENT,
        "by_node",
        repeatable=True,
        whole_body=True,
        per_node=_own_instances,
    ),
    _one("instance_finalize_migration_dst", NORMAL, "instance:inst_dict", "info", "success"),
    _one("instance_finalize_migration_src", SLOW, "instance:inst_dict", "success", "live"),
    _one("instance_get_migration_status", SLOW, "instance:inst_dict", repeatable=True),
    _one("instance_info", URGENT, "instance", "hname", "hvparams", repeatable=True),
    _many("instance_list", URGENT, "hypervisor_list", "hvparams", repeatable=True),
    _one("instance_metadata_modify", URGENT, "instance"),
    _one("instance_migratable", NORMAL, "instance:inst_dict", repeatable=True),
    _one("instance_migrate", SLOW, "cluster_name", "instance:inst_dict", "target", "live"),
    _one("instance_os_add", ONE_DAY, "instance_osp:inst_dict_osp_dp", "reinstall", "debug"),
    _one("instance_reboot", NORMAL, "inst:inst_dict", "reboot_type", "shutdown_timeout", "reason"),
    _one("instance_run_rename", SLOW, "instance:inst_dict", "old_name", "debug"),
    _one("instance_shutdown", NORMAL, "instance:inst_dict", "timeout", "reason"),
    _one(
        "instance_start",
        NORMAL,
        "instance_hvp_bep:inst_dict_hvp_bep_dp",
        "startup_paused",
        "reason",
    ),
    _one("jobqueue_purge", NORMAL),
    _many("jobqueue_rename", URGENT, "rename"),
    _many("jobqueue_set_drain_flag", URGENT, "flag", repeatable=True),
    _many("jobqueue_update", URGENT, "file_name", "content:compress", repeatable=True),
    _many("lv_list", URGENT, "vg_name", repeatable=True),
    _many("master_node_name", URGENT, repeatable=True, accept_offline=True),
    _one("migration_info", NORMAL, "instance:inst_dict", repeatable=True),
    _one("node_activate_master_ip", FAST, "master_params:object_dict", "use_external_mip_script"),
    _one(
        "node_change_master_netmask", FAST, "old_netmask", "netmask", "master_ip", "master_netdev"
    ),
    _one("node_configure_ovs", NORMAL, "ovs_name", "ovs_link"),
    _one("node_crypto_tokens", SLOW, "token_request"),
    _one("node_deactivate_master_ip", FAST, "master_params:object_dict", "use_external_mip_script"),
    _one("node_demote_from_mc", FAST),
    _many("node_ensure_daemon", URGENT, "daemon", "run"),
    _one("node_has_ip_address", FAST, "address", repeatable=True),
    _many(
        "node_info",
        URGENT,
        "storage_units",
        "hv_specs",
        repeatable=True,
        per_node=_own_storage_units,
    ),
    _one("node_leave_cluster", NORMAL, "modify_ssh_setup"),
    _one("node_powercycle", NORMAL, "hypervisor", "hvparams", accept_offline=True),
    _many(
        "node_ssh_key_add",
        FAST,
        "node_uuid",
        "node_name",
        "potential_master_candidates",
        "to_authorized_keys",
        "to_public_keys",
        "get_public_keys",
    ),
    _many(
        "node_ssh_key_remove",
        FAST,
        "node_uuid",
        "node_name",
        "master_candidate_uuids",
        "potential_master_candidates",
        "from_authorized_keys",
        "from_public_keys",
        "clear_authorized_keys",
        "clear_public_keys",
        "readd",
    ),
    _many(
        "node_ssh_keys_renew",
        FOUR_HOURS,
        "node_uuids",
        "node_names",
        "master_candidate_uuids",
        "potential_master_candidates",
        "old_key_type",
        "new_key_type",
        "new_key_bits",
    ),
    _one("node_start_master_daemons", FAST, "no_voting"),
    _one("node_stop_master", FAST),
    _many("node_verify", NORMAL, "checkdict", "cluster_name", "all_hvparams", repeatable=True),
    _many("node_verify_light", NORMAL, "checkdict", "cluster_name", "hvparams", repeatable=True),
    _many("node_volumes", FAST, repeatable=True),
    _many("os_diagnose", FAST, repeatable=True),
    _one("os_export", FAST, "instance:inst_dict", "override_env"),
    _many(
        "os_validate",
        FAST,
        "required",
        "name",
        "checks",
        "params",
        "force_variant",
        repeatable=True,
    ),
    _many("restricted_command", SLOW, "cmd"),
    _one("run_oob", NORMAL, "oob_program", "command", "remote_node", "timeout"),
    _many("set_watcher_pause", URGENT, "until", repeatable=True),
    _one("storage_execute", NORMAL, "su_name", "su_args", "name", "op"),
    _many("storage_list", NORMAL, "su_name", "su_args", "name", "fields", repeatable=True),
    _one("storage_modify", NORMAL, "su_name", "su_args", "name", "changes"),
    _many("test_delay", _test_delay_timeout, "duration"),
    _many("upload_file", NORMAL, "file_name:file_details", repeatable=True),
    _many(
        "upload_file_single",
        NORMAL,
        "file_name",
        "content:compress",
        "mode",
        "uid",
        "gid",
        "atime",
        "mtime",
        repeatable=True,
    ),
    _many("version", URGENT, repeatable=True, accept_offline=True),
    _many("vg_list", URGENT, repeatable=True),
    _many("write_ssconf_files", NORMAL, "values", repeatable=True),
    _one("x509_cert_create", NORMAL, "validity"),
    _one("x509_cert_remove", NORMAL, "name"),
)

#: What nodes can be asked, by the name of the call.
Calls = Mapping[str, Call]

#: The calls of 3.0.
CALLS: Final[Calls] = MappingProxyType({row.name: row for row in _ROWS})

#: Told to the hypervisor of a running instance: a disk has grown, to so many bytes.
_RESIZE_DISK: Final = _one("resize_disk", NORMAL, "instance:inst_dict", "disk", "new_size")

#: The calls of 3.1.
CALLS_3_1: Final[Calls] = MappingProxyType({**CALLS, _RESIZE_DISK.name: _RESIZE_DISK})


def find(name: str, calls: Calls = CALLS) -> Call:
    """Return the row of call `name`.

    Raises:
        ProgrammerError: there is no such call.
    """
    call = calls.get(name)
    if call is None:
        raise ProgrammerError(f"There is no node call '{name}'")
    return call
