"""What nodes answer to each call: the form of the payload, looked at before anybody uses it.

A node of another version, or one that is broken, fails its call with that, as one that says so.
The forms say no more than who reads an answer relies on, so that what a node adds does no harm.

Source: Ganeti 3.0.2 lib/rpc_defs.py, lib/backend.py, lib/server/noded.py.
"""

from collections.abc import Mapping
from typing import Any, Final, TypedDict

import msgspec


class Volume(TypedDict):
    """A logical volume; `size` is MiB, `dev` the physical volume and where on it."""

    name: str
    size: str | float
    dev: str
    vg: str


#: Calls whose answer is null, or of a form that depends on more than the call, or not looked at.
FREE: Final = frozenset(
    {
        "accept_instance",
        "blockdev_addchildren",
        "blockdev_assemble",
        "blockdev_close",
        "blockdev_convert",
        "blockdev_create",
        "blockdev_grow",
        "blockdev_image",
        "blockdev_open",
        "blockdev_remove",
        "blockdev_removechildren",
        "blockdev_rename",
        "blockdev_setinfo",
        "blockdev_shutdown",
        "blockdev_snapshot",
        "blockdev_wipe",
        "bridges_exist",
        "drbd_attach_net",
        "drbd_disconnect_net",
        "etc_hosts_modify",
        "export_remove",
        "file_storage_dir_create",
        "file_storage_dir_remove",
        "file_storage_dir_rename",
        "finalize_export",
        "hotplug_device",
        "hotplug_supported",
        "hypervisor_validate_params",
        "impexp_abort",
        "impexp_cleanup",
        "instance_balloon_memory",
        "instance_finalize_migration_dst",
        "instance_finalize_migration_src",
        "instance_metadata_modify",
        "instance_migratable",
        "instance_migrate",
        "instance_os_add",
        "instance_reboot",
        "instance_run_rename",
        "instance_shutdown",
        "instance_start",
        "jobqueue_purge",
        "jobqueue_set_drain_flag",
        "jobqueue_update",
        "migration_info",
        "node_activate_master_ip",
        "node_change_master_netmask",
        "node_configure_ovs",
        "node_deactivate_master_ip",
        "node_demote_from_mc",
        "node_leave_cluster",
        "node_start_master_daemons",
        "node_stop_master",
        "resize_disk",
        "run_oob",
        "set_watcher_pause",
        "storage_execute",
        "storage_modify",
        "test_delay",
        "upload_file",
        "upload_file_single",
        "write_ssconf_files",
        "x509_cert_remove",
    }
)

#: Forms of all other answers, as types that `msgspec` checks.
FORMS: Final[Mapping[str, Any]] = {
    "all_instances_info": dict[str, dict[str, Any]],
    "bdev_sizes": dict[str, float],
    "blockdev_find": dict[str, Any] | None,
    "blockdev_getdimensions": list[Any],
    "blockdev_getmirrorstatus": list[dict[str, Any] | None],
    "blockdev_getmirrorstatus_multi": list[tuple[bool, Any]],
    "blockdev_pause_resume_sync": list[tuple[bool, str | None]],
    "drbd_helper": str,
    "drbd_needs_activation": list[str],
    "drbd_wait_sync": tuple[bool, float],
    "export_info": str,
    "export_list": list[str],
    "export_start": str,
    "extstorage_diagnose": list[tuple[str, str, bool, str, Any]],
    "get_file_info": tuple[bool, Any],
    "get_watcher_pause": float | None,
    "hooks_runner": list[tuple[str, int, str | None]],
    "iallocator_runner": str,
    "impexp_status": list[dict[str, Any] | None],
    "import_start": str,
    "instance_console_info": dict[str, dict[str, Any]],
    "instance_get_migration_status": dict[str, Any],
    "instance_info": dict[str, Any],
    "instance_list": list[str],
    "jobqueue_rename": list[Any],
    "lv_list": dict[str, tuple[str | float, bool, bool]],
    "master_node_name": str,
    "node_crypto_tokens": list[tuple[Any, Any]],
    "node_ensure_daemon": bool,
    "node_has_ip_address": bool,
    "node_info": tuple[str, list[Any] | None, list[Any] | None],
    "node_powercycle": str,
    "node_ssh_key_add": list[Any],
    "node_ssh_key_remove": list[Any],
    "node_ssh_keys_renew": list[Any],
    "node_verify": dict[str, Any],
    "node_verify_light": dict[str, Any],
    "node_volumes": list[Volume],
    "os_diagnose": list[tuple[str, str, bool, str, Any, Any, Any, bool]],
    "os_export": str,
    "os_validate": bool,
    "restricted_command": str,
    "storage_list": list[list[Any]],
    "version": int,
    "vg_list": dict[str, float],
    "x509_cert_create": tuple[str, str],
}


def problem(call: str, payload: object) -> str | None:
    """Return why an answer is none to a call; None where it is one."""
    form = FORMS.get(call)
    if form is None:
        return None
    try:
        msgspec.convert(payload, form)
    except msgspec.ValidationError as error:
        return str(error)
    return None
