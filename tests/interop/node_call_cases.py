"""Every node call with arguments from a configuration.

As our verbs send it, and in the words in which Ganeti's library is asked for the same
(`test_node_calls.PROGRAM` reads them).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from masterd.config.instance import Instance
from masterd.config.kinds import AnyDisk
from masterd.config.node import Node
from masterd.config.snapshot import ConfigSnapshot
from masterd.node import (
    disks,
    files,
    hooks,
    imports,
    instances,
    membership,
    ssh,
    storage,
    verify,
)
from masterd.node.imports import FileEnd, RawEnd, ScriptEnd, Transfer
from masterd.node.target import Nodes
from masterd.rpc.files import read_details
from masterd.rpc.virtual_path import VirtualPaths

_TRAIL: Final = [["gnt:client", "because", 1_795_456_800_000_000_000]]
_INFO: Final = {"any": ["thing"]}
_LONG: Final = '{"text": "' + "long " * 200 + '"}'


@dataclass(frozen=True, slots=True)
class Case:
    """One call.

    Attributes:
        name: of the call.
        nodes: uuids of those that are told.
        args: for Ganeti's library.
        run: sends it.
    """

    name: str
    nodes: Sequence[str]
    args: Sequence[object]
    run: Callable[[Nodes], object]


@dataclass(frozen=True, slots=True)
class _At:
    """Cases of one instance on one node."""

    config: ConfigSnapshot
    instance: Instance
    node: Node

    def case(
        self, name: str, args: Sequence[object], verb: Any, /, *given: Any, **named: Any
    ) -> Case:
        """Return a case of a verb that takes a configuration, a node, and what is given."""
        return Case(
            name,
            [self.node.uuid],
            args,
            lambda nodes: verb(nodes, self.config, self.node, *given, **named),
        )


def of_instance(config: ConfigSnapshot, instance: Instance, node: Node) -> Iterator[Case]:
    """Yield the calls about an instance."""
    yield from _life(config, instance, node)
    yield from _migration(config, instance, node)
    yield from _nics(config, instance, node)
    yield from _transfers(config, instance, node)


def _life(config: ConfigSnapshot, instance: Instance, node: Node) -> Iterator[Case]:
    case, one = _At(config, instance, node).case, instance
    told = {"instance": one.uuid}
    hv, be = {"kernel_args": "other"}, {"maxmem": 4096}
    yield case(
        "instance_start",
        [[told, None, None], False, _TRAIL],
        instances.start,
        one,
        paused=False,
        reason=_TRAIL,
    )
    yield case(
        "instance_start",
        [[told, {"plain": hv}, {"plain": be}], True, _TRAIL],
        instances.start,
        one,
        paused=True,
        reason=_TRAIL,
        hvparams=hv,
        beparams=be,
    )
    yield case(
        "instance_shutdown",
        [told, 120, _TRAIL],
        instances.shut_down,
        one,
        timeout_s=120,
        reason=_TRAIL,
    )
    yield case(
        "instance_reboot",
        [told, "hard", 60, _TRAIL],
        instances.reboot,
        one,
        "hard",
        timeout_s=60,
        reason=_TRAIL,
    )
    yield case(
        "instance_os_add",
        [[told, None], False, 0],
        instances.install,
        one,
        reinstall=False,
        debug=0,
    )
    yield case(
        "instance_os_add",
        [[told, {"plain": {"size": "x", "key": "y"}}], True, 2],
        instances.install,
        one,
        reinstall=True,
        debug=2,
        osparams={"size": "x", "key": "y"},
    )
    yield case(
        "instance_run_rename",
        [told, "old.example.com", 1],
        instances.rename_inside,
        one,
        old_name="old.example.com",
        debug=1,
    )
    yield case("instance_balloon_memory", [told, 512], instances.balloon, one, memory_mib=512)
    yield case("hotplug_supported", [told], instances.can_hotplug, one)


def _migration(config: ConfigSnapshot, instance: Instance, node: Node) -> Iterator[Case]:
    case, one = _At(config, instance, node).case, instance
    told = {"instance": one.uuid}
    yield case("instance_migratable", [told], instances.can_migrate, one)
    yield case("migration_info", [told], instances.migration_info, one)
    yield case(
        "accept_instance",
        [told, {"plain": _INFO}, "192.0.2.7"],
        instances.accept,
        one,
        info=_INFO,
        address="192.0.2.7",
    )
    yield case(
        "instance_migrate",
        [config.cluster.cluster_name, told, "192.0.2.7", True],
        instances.migrate,
        one,
        address="192.0.2.7",
        live=True,
    )
    yield case("instance_get_migration_status", [told], instances.migration_status, one)
    yield case(
        "instance_finalize_migration_src",
        [told, True, False],
        instances.finish_at_source,
        one,
        success=True,
        live=False,
    )
    yield case(
        "instance_finalize_migration_dst",
        [told, {"plain": _INFO}, False],
        instances.finish_at_target,
        one,
        info=_INFO,
        success=False,
    )
    yield case(
        "instance_info",
        [one.name, one.hypervisor, {"hvparams": one.hypervisor}],
        instances.info,
        one,
    )


def _nics(config: ConfigSnapshot, instance: Instance, node: Node) -> Iterator[Case]:
    case, one = _At(config, instance, node).case, instance
    told = {"instance": one.uuid}
    for number, nic in enumerate(one.nics):
        yield case(
            "hotplug_device",
            [told, "hotadd", "nic", [{"nic": [one.uuid, number]}, told], None, number],
            instances.hotplug_nic,
            one,
            "hotadd",
            nic,
            extra=None,
            index=number,
        )


def _transfers(config: ConfigSnapshot, instance: Instance, node: Node) -> Iterator[Case]:
    case, one = _At(config, instance, node).case, instance
    told = {"instance": one.uuid}
    snapshots: list[AnyDisk | bool] = [False, *(config.disks[uuid] for uuid in one.disks)]
    yield case(
        "finalize_export",
        [told, [False, *({"disk": uuid} for uuid in one.disks)]],
        imports.finish_export,
        one,
        snapshots,
    )
    yield case("os_export", [told, {"plain": {"A": "b"}}], imports.export_os, one, {"A": "b"})
    how = Transfer(key_name="key", magic="m", compress="gzip", ipv6=False, connect_timeout_s=9)
    options = {
        "options": {
            "key_name": "key",
            "magic": "m",
            "compress": "gzip",
            "ipv6": False,
            "connect_timeout": 9,
        }
    }
    yield case(
        "import_start",
        [options, told, "disk0", ["file", ["/srv/x"]]],
        imports.start_import,
        one,
        "disk0",
        FileEnd("/srv/x"),
        how,
    )
    for end, words in _ends(config, one):
        yield case(
            "import_start",
            [options, told, "disk0", words],
            imports.start_import,
            one,
            "disk0",
            end,
            how,
        )
        yield case(
            "export_start",
            [options, "192.0.2.7", 5001, told, "disk0", words],
            imports.start_export,
            one,
            "disk0",
            end,
            how,
            host="192.0.2.7",
            port=5001,
        )


def _ends(config: ConfigSnapshot, one: Instance) -> Iterator[tuple[RawEnd | ScriptEnd, object]]:
    for number, uuid in enumerate(one.disks):
        disk, words = config.disks[uuid], [{"disk": uuid}, {"instance": one.uuid}]
        yield RawEnd(disk, one), ["raw", words]
        yield ScriptEnd(disk, one, number), ["script", [words, number]]


def of_disks(config: ConfigSnapshot, instance: Instance, node: Node) -> Iterator[Case]:
    """Yield the calls about all disks of an instance, on one node."""
    case, one = _At(config, instance, node).case, instance
    those = [config.disks[uuid] for uuid in one.disks]
    told = {"instance": one.uuid}
    all_ = [[{"disk": uuid} for uuid in one.disks], told]
    pairs = [[{"disk": uuid}, told] for uuid in one.disks]
    lists = [[[{"disk": uuid}], told] for uuid in one.disks]
    owned = [(disk, one) for disk in those]
    yield case("blockdev_open", [one.name, all_, True], disks.open_, one, those, exclusive=True)
    yield case("blockdev_close", [one.name, all_], disks.close, one, those)
    yield case("blockdev_pause_resume_sync", [all_, True], disks.pause_sync, one, those, pause=True)
    yield case("blockdev_getmirrorstatus", [all_], disks.mirror_status, one, those)
    yield case("blockdev_getdimensions", [lists], disks.dimensions, owned)
    yield case("drbd_needs_activation", [lists], disks.drbd_needing_activation, owned)
    both = [config.nodes[uuid] for uuid in dict.fromkeys((one.primary_node, node.uuid))]
    uuids = [each.uuid for each in both]
    yield Case(
        "drbd_disconnect_net",
        uuids,
        [all_],
        lambda nodes: disks.drbd_disconnect(nodes, config, both, one, those),
    )
    yield Case(
        "drbd_attach_net",
        uuids,
        [all_, True],
        lambda nodes: disks.drbd_attach(nodes, config, both, one, those, both_primary=True),
    )
    yield Case(
        "drbd_wait_sync",
        uuids,
        [all_],
        lambda nodes: disks.drbd_wait_sync(nodes, config, both, one, those),
    )
    by_node = dict.fromkeys(uuids, pairs)
    yield Case(
        "blockdev_getmirrorstatus_multi",
        uuids,
        [by_node],
        lambda nodes: disks.mirror_status_of_all(nodes, config, [(each, owned) for each in both]),
    )


def of_disk(config: ConfigSnapshot, instance: Instance, node: Node, number: int) -> Iterator[Case]:
    """Yield the calls about one disk of an instance, on one node."""
    at = _At(config, instance, node)
    case, one, disk = at.case, instance, config.disks[instance.disks[number]]
    told, words = {"instance": one.uuid}, {"disk": disk.uuid}
    pair, owned = [words, told], (disk, one)
    yield case(
        "blockdev_create",
        [pair, 128, one.name, True, "text", False],
        disks.create,
        owned,
        size=128,
        on_primary=True,
        info="text",
        exclusive_storage=False,
    )
    yield case("blockdev_remove", [pair], disks.remove, owned)
    yield Case(
        "blockdev_rename",
        [node.uuid],
        [[[words, ["vg", "new"]]]],
        lambda nodes: disks.rename(nodes, node, [(disk, ["vg", "new"])]),
    )
    yield case(
        "blockdev_grow",
        [pair, 64, True, False, True],
        disks.grow,
        owned,
        amount=64,
        dry_run=True,
        backing_store=False,
        exclusive_storage=True,
    )
    yield case("blockdev_wipe", [pair, 0, 64], disks.wipe, owned, offset=0, size=64)
    yield case(
        "blockdev_image", [pair, "/srv/image", 64], disks.image, owned, source="/srv/image", size=64
    )
    yield case("blockdev_convert", [pair, pair], disks.convert, owned, owned)
    yield case("blockdev_snapshot", [pair, None, None], disks.snapshot, owned)
    yield case("blockdev_snapshot", [pair, "snap", 64], disks.snapshot, owned, name="snap", size=64)
    yield case("blockdev_setinfo", [pair, "text"], disks.set_info, owned, "text")
    yield case(
        "blockdev_assemble",
        [pair, told, True, number],
        disks.assemble,
        owned,
        on_primary=True,
        index=number,
    )
    yield case("blockdev_shutdown", [pair], disks.shut_down, owned)
    yield case("blockdev_find", [pair], disks.find, owned)
    children = [[{"child": [disk.uuid, index]} for index in range(len(disk.children))], told]
    yield case("blockdev_addchildren", [pair, children], disks.add_children, owned, disk.children)
    yield case(
        "blockdev_removechildren", [pair, children], disks.remove_children, owned, disk.children
    )
    for index, child in enumerate(disk.children):
        inner = [{"child": [disk.uuid, index]}, told]
        yield case("blockdev_find", [inner], disks.find, (child, one))
    yield case(
        "hotplug_device",
        [told, "hotremove", "disk", pair, ["/dev/x", None], number],
        instances.hotplug_disk,
        one,
        "hotremove",
        disk,
        extra=["/dev/x", None],
        index=number,
    )


@dataclass(frozen=True, slots=True)
class _Told:
    """Cases of verbs that take no configuration: `where` is a node or some."""

    uuids: Sequence[str]
    where: object

    def case(
        self, name: str, args: Sequence[object], verb: Any, /, *given: Any, **named: Any
    ) -> Case:
        return Case(name, self.uuids, args, lambda nodes: verb(nodes, self.where, *given, **named))


def of_cluster(config: ConfigSnapshot, file: Path, paths: VirtualPaths) -> Iterator[Case]:
    """Yield the calls that are about no instance; `file` is one that can be uploaded."""
    everybody = config.nodes.sorted()
    yield from _means(config, everybody)
    yield from _running(everybody)
    yield from _members(config, everybody)
    yield from _files(everybody, file, paths)
    for node in everybody:
        yield from _single(config, node)
        yield from _programs(node)


def _means(config: ConfigSnapshot, everybody: Sequence[Node]) -> Iterator[Case]:
    case = _Told([node.uuid for node in everybody], everybody).case
    uuids, cluster = [node.uuid for node in everybody], config.cluster
    hv, kinds = {"cluster": "hvparams"}, list(cluster.enabled_hypervisors)
    units = [["lvm-vg", "xenvg", [False]], ["file", "/srv", []]]
    by_node = {uuid: [["lvm-vg", uuid, []]] for uuid in uuids}
    specs = [["kvm", {}]]
    yield case("node_info", [units, specs], storage.info, units, specs)
    yield case("node_info", [{"plain": by_node}, specs], storage.info, by_node, specs)
    yield case(
        "storage_list", ["lvm-vg", [], None, ["name"]], storage.units, "lvm-vg", [], None, ["name"]
    )
    yield case("vg_list", [], storage.volume_groups)
    yield case("lv_list", [["xenvg"]], storage.logical_volumes, ["xenvg"])
    yield case("node_volumes", [], storage.volumes)
    yield case("extstorage_diagnose", [], storage.providers)
    yield case("bdev_sizes", [["/dev/sda"]], disks.sizes, ["/dev/sda"])
    yield case("drbd_helper", [], disks.drbd_helper)
    yield case(
        "hypervisor_validate_params",
        ["kvm", {"hvparams": "kvm"}],
        storage.validate_hypervisor,
        "kvm",
        cluster.hvparams.get("kvm", {}),
    )
    yield case("all_instances_info", [kinds, hv], instances.all_info, kinds, cluster.hvparams)
    yield case("instance_list", [kinds, hv], instances.names, kinds, cluster.hvparams)


def _running(everybody: Sequence[Node]) -> Iterator[Case]:
    case = _Told([node.uuid for node in everybody], everybody).case
    yield case("export_list", [], imports.exports)
    yield case("os_diagnose", [], hooks.operating_systems)
    yield case(
        "os_validate",
        [True, "noop", ["parameters"], {"plain": {"a": "b"}}, False],
        hooks.validate_os,
        "noop",
        required=True,
        checks=["parameters"],
        params={"a": "b"},
        force_variant=False,
    )
    yield case(
        "hooks_runner",
        ["cluster-verify", "post", {"plain": {"GANETI_X": "1"}}],
        hooks.run,
        "cluster-verify",
        "post",
        {"GANETI_X": "1"},
    )
    yield case("restricted_command", ["uptime"], hooks.run_restricted, "uptime")
    yield case("test_delay", [2.5], hooks.delay, 2.5)


def _members(config: ConfigSnapshot, everybody: Sequence[Node]) -> Iterator[Case]:
    case = _Told([node.uuid for node in everybody], everybody).case
    uuids, names = [node.uuid for node in everybody], [node.name for node in everybody]
    cluster, first, hv = config.cluster, everybody[0], {"cluster": "hvparams"}
    yield Case(
        "node_verify",
        uuids,
        [{"plain": {"hvparams": []}}, cluster.cluster_name, hv],
        lambda nodes: verify.verify(nodes, config, everybody, {"hvparams": []}),
    )
    yield case(
        "node_verify_light",
        [{"plain": {"nodelist": []}}, "name", hv],
        verify.verify_light,
        {"nodelist": []},
        "name",
        cluster.hvparams,
    )
    yield case("version", [], verify.version)
    yield case(
        "node_ensure_daemon",
        ["ganeti-confd", True],
        membership.ensure_daemon,
        "ganeti-confd",
        run=True,
    )
    tokens = [["ssl", "get", None]]
    yield case("node_crypto_tokens", [tokens], membership.crypto_tokens, tokens)
    yield case(
        "node_ssh_key_add",
        [first.uuid, first.name, names, True, False, True],
        ssh.add_key,
        first,
        names,
        to_authorized_keys=True,
        to_public_keys=False,
        get_public_keys=True,
    )
    flags = {
        "from_authorized_keys": True,
        "from_public_keys": False,
        "clear_authorized_keys": True,
        "clear_public_keys": False,
        "readd": True,
    }
    yield case(
        "node_ssh_key_remove",
        [first.uuid, first.name, uuids, names, *flags.values()],
        ssh.remove_key,
        first,
        uuids,
        names,
        **flags,
    )
    yield case(
        "node_ssh_keys_renew",
        [uuids, names, uuids, names, "rsa", "ecdsa", 256],
        ssh.renew_keys,
        everybody,
        uuids,
        names,
        old_type="rsa",
        new_type="ecdsa",
        new_bits=256,
    )


def _files(everybody: Sequence[Node], file: Path, paths: VirtualPaths) -> Iterator[Case]:
    case = _Told([node.uuid for node in everybody], everybody).case
    first = everybody[0]
    details = read_details(file, paths)
    # To one node: the reference reads it anew for each, which may change its time of access.
    yield Case(
        "upload_file",
        [first.uuid],
        [str(file)],
        lambda nodes: files.upload(nodes, [first], details),
    )
    single = [
        details.path,
        file.read_text(),
        details.mode,
        details.owner,
        details.group,
        details.atime,
        details.mtime,
    ]
    yield case(
        "upload_file_single",
        [single[0], {"bytes": single[1]}, *single[2:]],
        files.upload_made,
        details,
    )
    yield case(
        "write_ssconf_files",
        [{"plain": {"cluster_name": "x"}}],
        files.write_simple,
        {"cluster_name": "x"},
    )
    yield case("set_watcher_pause", [1234.5], files.pause_watcher, 1234.5)
    yield case("jobqueue_update", ["/queue/job-1", "{}"], files.update_queue, "/queue/job-1", b"{}")
    yield case(
        "jobqueue_update",
        ["/queue/job-1", {"bytes": _LONG}],
        files.update_queue,
        "/queue/job-1",
        _LONG.encode(),
    )
    yield case("jobqueue_rename", [[["a", "b"]]], files.rename_in_queue, [("a", "b")])
    yield case("jobqueue_set_drain_flag", [True], files.set_drained, drained=True)


def _single(config: ConfigSnapshot, node: Node) -> Iterator[Case]:
    case = _Told([node.uuid], node).case
    master, external = {"master": True}, config.cluster.use_external_mip_script
    yield Case(
        "node_activate_master_ip",
        [node.uuid],
        [master, external],
        lambda nodes: membership.activate_master_ip(nodes, config, node),
    )
    yield Case(
        "node_deactivate_master_ip",
        [node.uuid],
        [master, external],
        lambda nodes: membership.deactivate_master_ip(nodes, config, node),
    )
    if not node.offline:
        # luxid, whose call this is, asks offline nodes too.
        yield Case(
            "master_node_name",
            [node.uuid],
            [],
            lambda nodes: verify.master_name(nodes, [node]),
        )
    yield case(
        "node_change_master_netmask",
        [24, 32, "192.0.2.1", "eth0"],
        membership.change_master_netmask,
        old=24,
        new=32,
        address="192.0.2.1",
        device="eth0",
    )
    yield case("node_start_master_daemons", [True], membership.start_master_daemons, no_voting=True)
    yield case("node_stop_master", [], membership.stop_master)
    yield case("node_demote_from_mc", [], membership.demote)
    yield case("node_leave_cluster", [True], membership.leave, modify_ssh_setup=True)
    yield case(
        "node_powercycle",
        ["kvm", {"hvparams": "kvm"}],
        membership.powercycle,
        "kvm",
        config.cluster.hvparams.get("kvm", {}),
    )
    yield case(
        "node_configure_ovs", ["switch1", None], membership.configure_switch, "switch1", None
    )
    yield case("node_has_ip_address", ["192.0.2.1"], verify.has_address, "192.0.2.1")
    yield case("bridges_exist", [["br0"]], verify.bridges, ["br0"])
    yield case(
        "etc_hosts_modify",
        ["add", "a.example.com", "192.0.2.9"],
        files.modify_hosts,
        "add",
        "a.example.com",
        "192.0.2.9",
    )
    yield case("get_file_info", ["/etc/hosts"], files.info, "/etc/hosts")
    yield case("get_watcher_pause", [], files.check_watcher_pause)
    yield case("jobqueue_purge", [], files.purge_queue)


def _programs(node: Node) -> Iterator[Case]:
    case = _Told([node.uuid], node).case
    yield case(
        "iallocator_runner",
        ["hail", "{}", {"plain": {"x": "y"}}],
        hooks.allocate,
        "hail",
        "{}",
        {"x": "y"},
    )
    yield case(
        "run_oob",
        ["/bin/oob", "power-on", node.name, 60],
        hooks.run_out_of_band,
        "/bin/oob",
        "power-on",
        node.name,
        timeout_s=60,
    )
    yield case(
        "instance_metadata_modify", [{"plain": {"a": [1]}}], instances.modify_metadata, {"a": [1]}
    )
    yield case(
        "storage_modify",
        ["lvm-pv", [], "/dev/sda", {"plain": {"allocatable": True}}],
        storage.modify_unit,
        "lvm-pv",
        [],
        "/dev/sda",
        {"allocatable": True},
    )
    yield case(
        "storage_execute",
        ["lvm-vg", [], "xenvg", "fix-consistency"],
        storage.repair_unit,
        "lvm-vg",
        [],
        "xenvg",
        "fix-consistency",
    )
    yield case("file_storage_dir_create", ["/srv/a"], storage.make_directory, "/srv/a")
    yield case("file_storage_dir_remove", ["/srv/a"], storage.remove_directory, "/srv/a")
    yield case(
        "file_storage_dir_rename",
        ["/srv/a", "/srv/b"],
        storage.rename_directory,
        "/srv/a",
        "/srv/b",
    )
    yield case("impexp_status", [["a"]], imports.status, ["a"])
    yield case("impexp_abort", ["a"], imports.abort, "a")
    yield case("impexp_cleanup", ["a"], imports.clean_up, "a")
    yield case("export_info", ["/srv/export"], imports.export_info, "/srv/export")
    yield case("export_remove", ["a"], imports.remove_export, "a")
    yield case("x509_cert_create", [3600], imports.make_certificate, valid_s=3600)
    yield case("x509_cert_remove", ["a"], imports.remove_certificate, "a")
