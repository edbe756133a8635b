"""Commands of scenarios that arrange the cluster before opcodes come; see `lu.txt`."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from masterd.config.disk import Disk
from masterd.config.kinds import DISK, INSTANCE, NODE
from masterd.config.node import Node, NodeGroup
from masterd.config.params import PartialInstancePolicy, PartialNdParams
from masterd.config.relations import relations
from masterd.config.transaction import Draft
from masterd.testing import certificates, node_facts, node_guests, node_notes
from masterd.testing.allocator_script import write_script
from masterd.testing.cluster_document import new_uuid
from masterd.testing.faults import Fault, FaultKind
from masterd.testing.node_calls import DATA_DIR
from masterd.testing.node_exports import EXPORT_DIR
from masterd.testing.node_means import ADDRESSES, COMMANDS_DIR
from masterd.testing.node_migration import write_migration
from masterd.testing.node_mirrors import write_mirrors
from masterd.testing.node_transfers import write_transfers
from tests.lu_support import World


def _fail(world: World, rest: str) -> None:
    world.faults.set(rest, Fault(FaultKind.FAIL))


def _offline(world: World, rest: str) -> None:
    node = _node(world, rest)
    offline = msgspec.structs.replace(node, offline=True, master_candidate=False)
    world.config.update(lambda draft: draft.put(offline))


def _group(world: World, rest: str) -> None:
    """Make a group of nodes: `NAME NODE...`."""
    name, *nodes = rest.split()
    made = NodeGroup(
        name=name, uuid=new_uuid(f"group {name}"), serial_no=1, alloc_policy="preferred",
        ndparams=PartialNdParams(), ipolicy=PartialInstancePolicy(), diskparams={}, networks={},
    )  # fmt: skip
    moved = [msgspec.structs.replace(_node(world, node), group=made.uuid) for node in nodes]

    def change(draft: Draft) -> None:
        draft.put(made)
        for node in moved:
            draft.put(node)

    world.config.update(change)


def _drbd(world: World, rest: str) -> None:
    """Give an instance a DRBD disk in the place of its disks: `INSTANCE PRIMARY SECONDARY`."""
    name, *ends = rest.split()
    config = world.config.snapshot()
    instance = config.instances.named(name)
    assert instance is not None, name
    first, second = (_node(world, node).uuid for node in ends)
    minor = sum(1 for disk in config.disks.values() if disk.dev_type == "drbd")
    port = max(11_000, config.cluster.highest_used_port) + 1

    def part(kind: str, **fields: object) -> Disk:
        uuid = new_uuid(f"{kind} of {name}")
        return Disk(uuid=uuid, serial_no=1, nodes=(first, second), **fields)  # type: ignore[arg-type]

    parts = tuple(
        part(kind, logical_id=("xenvg", f"{name}.{kind}"), dev_type="plain", size=size)
        for kind, size in (("data", 1024), ("meta", 128))
    )
    whole = part(
        "disk", logical_id=(first, second, port, minor, minor, f"secret of {name}"),
        dev_type="drbd", size=1024, children=parts, iv_name="disk/0", params={},
    )  # fmt: skip
    moved = msgspec.structs.replace(instance, primary_node=first, disks=(whole.uuid,))

    def change(draft: Draft) -> None:
        draft.put(msgspec.structs.replace(config.cluster, highest_used_port=port))
        draft.put(whole)
        draft.put(moved)
        for uuid in instance.disks:
            draft.remove(DISK, uuid)

    world.config.update(change)


def _default_allocator(world: World, rest: str) -> None:
    cluster = msgspec.structs.replace(world.config.snapshot().cluster, default_iallocator=rest)
    world.config.update(lambda draft: draft.put(cluster))


def _templates(world: World, rest: str) -> None:
    """Enable disk templates."""
    cluster = world.config.snapshot().cluster
    enabled = msgspec.structs.replace(cluster, enabled_disk_templates=tuple(rest.split()))
    world.config.update(lambda draft: draft.put(enabled))


def _active(world: World, rest: str) -> None:
    """Have an instance's disks active."""
    instance = world.config.snapshot().instances.named(rest)
    assert instance is not None, rest
    active = msgspec.structs.replace(instance, disks_active=True)
    world.config.update(lambda draft: draft.put(active))


def _mirror(world: World, rest: str) -> None:
    """Have a node find its mirrors so, in turn: `NODE STATE...`; see `lu.txt`."""
    node, *states = rest.split()
    write_mirrors(world.nodes[node].root, [_mirror_state(state) for state in states])


def _mirror_state(state: str) -> dict[str, object]:
    if state == "whole":
        return {}
    if state == "degraded":
        return {"is_degraded": True}
    percent, _, seconds = state.partition(":")
    left_s = int(seconds) if seconds else None
    return {"is_degraded": True, "sync_percent": float(percent), "estimated_time": left_s}


def _migration(world: World, rest: str) -> None:
    """Have each look at a migration off a node find this, in turn: `NODE STATUS...`."""
    node, *states = rest.split()
    write_migration(world.nodes[node].root, [{"status": state} for state in states])


def _runs(world: World, rest: str) -> None:
    """Have an instance run on these nodes, whatever the configuration says: `INSTANCE NODE...`."""
    name, *nodes = rest.split()
    for node in world.nodes.values():
        node_facts.remove_instance(node.root, name)
    for found in nodes:
        root = world.nodes[_node(world, found).name].root
        node_facts.write_instance(root, name, memory_mib=128, processors=1)


def _command(world: World, rest: str) -> None:
    """Place a command on a node: `NODE NAME TEXT`, which is what it prints."""
    node, name, text = rest.split(" ", 2)
    _file(world, node, f"{COMMANDS_DIR}/{name}").write_text(text)


def _export(world: World, rest: str) -> None:
    """Have a node keep an export: `NODE NAME`."""
    node, name = rest.split()
    _file(world, node, f"{EXPORT_DIR}/{name}").mkdir()


def _transfers(world: World, rest: str) -> None:
    """Have daemons of a node that move disks tell that, look by look: `NODE JSON...`."""
    node, _, steps = rest.partition(" ")
    write_transfers(world.nodes[node].root, [json.loads(step) for step in steps.split()])


def _domain_secret(world: World, rest: str) -> None:
    """Have a secret that other clusters know, too."""
    path = world.context.paths.domain_secret_file
    path.parent.mkdir(parents=True)
    path.write_text(f"{rest}\n")


def _file(world: World, node: str, path: str) -> Path:
    """Return a path on a node, whose directory is there."""
    found = world.nodes[node].root / path
    found.parent.mkdir(parents=True, exist_ok=True)
    return found


def _out_of_band(world: World, rest: str) -> None:
    """Have a program that reaches the hardware of all nodes."""
    cluster = world.config.snapshot().cluster
    params = msgspec.structs.replace(cluster.ndparams, oob_program=rest)
    world.config.update(lambda draft: draft.put(msgspec.structs.replace(cluster, ndparams=params)))


def _script(world: World, rest: str) -> None:
    """Give the master an allocator that always gives the same answer.

    `NAME RESULT`, or what it says of a failure: `NAME ! TEXT`.
    """
    name, _, told = rest.partition(" ")
    if told.startswith("!"):
        answer = {"success": False, "info": told[1:].strip(), "result": []}
    else:
        answer = {"success": True, "info": "found", "result": json.loads(told)}
    root = world.nodes[world.config.snapshot().master.name].root
    # Where it runs, and where the daemon itself looks for it.
    for place in (root, world.context.paths.root):
        write_script(place, name, json.dumps(answer))


def _host(world: World, rest: str) -> None:
    """Have a name known, perhaps with a host that is there: `NAME ADDRESS [there]`."""
    name, address, *there = rest.split()
    world.probe.addresses[name] = address
    if there:
        world.probe.there.add(address)


def _folders(world: World, _: str) -> None:
    """Have the folder of Ganeti's data, here and on all nodes."""
    world.context.paths.data_dir.mkdir(parents=True)
    for name in world.nodes:
        _file(world, name, f"{DATA_DIR}/known_hosts")


def _certificate(world: World, _: str) -> None:
    """Have the certificate with which the master calls nodes."""
    path = world.context.paths.client_certificate
    path.parent.mkdir(parents=True)
    certificates.new_server(0, key_bits=1024).write(path)


def _keys(world: World, rest: str) -> None:
    """Have ssh keys be like that: `TYPE BITS`; or have nobody look after them: nothing."""
    cluster = world.config.snapshot().cluster
    form: dict[str, object] = {"modify_ssh_setup": bool(rest)}
    if rest:
        key_type, bits = rest.split()
        form |= {"ssh_key_type": key_type, "ssh_key_bits": int(bits)}
    world.config.update(lambda draft: draft.put(msgspec.structs.replace(cluster, **form)))


def _regular(world: World, rest: str) -> None:
    """Have a node be no candidate."""
    node = msgspec.structs.replace(_node(world, rest), master_candidate=False)
    world.config.update(lambda draft: draft.put(node))


def _switch(world: World, rest: str) -> None:
    """Have the cluster's nodes go through an Open vSwitch of that name, without a way out."""
    cluster = world.config.snapshot().cluster
    params = msgspec.structs.replace(cluster.ndparams, ovs=True, ovs_name=rest, ovs_link="")
    world.config.update(lambda draft: draft.put(msgspec.structs.replace(cluster, ndparams=params)))


def _alone(world: World, _: str) -> None:
    """Leave the master alone, without instances."""
    config = world.config.snapshot()

    def change(draft: Draft) -> None:
        for kind in (INSTANCE, DISK, NODE):
            for uuid in config.objects(kind).keys() - {config.cluster.master_node}:
                draft.remove(kind, uuid)

    world.config.update(change)


def _restart(world: World, _: str) -> None:
    """Have the daemon end, and with it what the last job kept."""
    world.locks.release(1)


def _pool(world: World, rest: str) -> None:
    """Wish for so many master candidates, and have no node be one but these: `SIZE NODE...`."""
    size, *names = rest.split()
    config = world.config.snapshot()
    wanted = {_node(world, name).uuid for name in names} | {config.cluster.master_node}

    def change(draft: Draft) -> None:
        draft.put(msgspec.structs.replace(config.cluster, candidate_pool_size=int(size)))
        for node in config.nodes.values():
            draft.put(msgspec.structs.replace(node, master_candidate=node.uuid in wanted))

    world.config.update(change)


def _address(world: World, rest: str) -> None:
    """Have a node in the network for replication: `NODE ADDRESS`; the configuration says so too."""
    name, address = rest.split()
    node = _node(world, name)
    moved = msgspec.structs.replace(node, secondary_ip=address)
    world.config.update(lambda draft: draft.put(moved))


def _has(world: World, rest: str) -> None:
    """Give a node an address of which the configuration does not know: `NODE ADDRESS`."""
    name, address = rest.split()
    node_notes.write(world.nodes[_node(world, name).name].root, ADDRESSES, [address])
    world.probe.there.add(address)


def _volumes(world: World, rest: str) -> None:
    """Have the nodes' disks in a volume group."""
    cluster = world.config.snapshot().cluster
    grouped = msgspec.structs.replace(cluster, volume_group_name=rest)
    world.config.update(lambda draft: draft.put(grouped))


def _bare(world: World, rest: str) -> None:
    """Have no instances on a node, but their disks still."""
    config = world.config.snapshot()
    for instance in config.derived(relations).primary_of[_node(world, rest).uuid]:
        world.config.update(lambda draft, uuid=instance.uuid: draft.remove(INSTANCE, uuid))  # type: ignore[misc]


def _empty(world: World, rest: str) -> None:
    """Have no instances on a node, and no disks that belong to none."""
    config = world.config.snapshot()
    node = _node(world, rest)

    def change(draft: Draft) -> None:
        for instance in config.derived(relations).primary_of.get(node.uuid, ()):
            draft.remove(INSTANCE, instance.uuid)
            for uuid in instance.disks:
                draft.remove(DISK, uuid)
        for disk in draft.every(DISK):
            if node.uuid in disk.nodes:
                draft.remove(DISK, disk.uuid)

    world.config.update(change)


def _down(world: World, rest: str) -> None:
    """Have an instance be down, and be recorded so, with these fields: `INSTANCE NAME=JSON...`."""
    name, *given = rest.split()
    fields = {key: json.loads(value) for key, _, value in (each.partition("=") for each in given)}
    instance = world.config.snapshot().instances.named(name)
    assert instance is not None, rest
    changed = msgspec.structs.replace(
        instance, **{"admin_state": "down", "disks_active": False, **fields}
    )
    world.config.update(lambda draft: draft.put(changed))


def _system(world: World, rest: str) -> None:
    """Have an operating system on a node: `NODE NAME SCRIPT...`; one with "!" behind it fails."""
    node, name, *scripts = rest.split()
    directory = f"srv/ganeti/os/{name}"
    _file(world, node, f"{directory}/ganeti_api_version").write_text("20")
    _file(world, node, f"{directory}/parameters.list").write_text("size how large\nkey secret\n")
    for script in scripts:
        path = _file(world, node, f"{directory}/{script.rstrip('!')}")
        path.write_text("exit 1" if script.endswith("!") else "")
        path.chmod(0o755)


def _image(world: World, rest: str) -> None:
    """Have an image on a node: `NODE PATH BYTES`."""
    node, path, size = rest.split()
    _file(world, node, path.lstrip("/")).write_bytes(b"\0" * int(size))


def _helper(world: World, rest: str) -> None:
    """Have an image for helpers, which KVM runs."""
    cluster = world.config.snapshot().cluster
    changed = msgspec.structs.replace(cluster, install_image=rest, enabled_hypervisors=("kvm",))
    world.config.update(lambda draft: draft.put(changed))


def _ends(world: World, rest: str) -> None:
    """Have an instance end after so many looks at it: `NODE INSTANCE LOOKS`."""
    node, name, looks = rest.split()
    node_guests.write_looks(world.nodes[node].root, name, int(looks))


def _node(world: World, name: str) -> Node:
    node = world.config.snapshot().nodes.expand(name)
    assert node is not None, name
    return node


ARRANGEMENTS: Final[Mapping[str, Callable[[World, str], None]]] = {
    "active": _active,
    "address": _address,
    "allocator": _default_allocator,
    "alone": _alone,
    "bare": _bare,
    "certificate": _certificate,
    "command": _command,
    "domain_secret": _domain_secret,
    "down": _down,
    "drbd": _drbd,
    "empty": _empty,
    "ends": _ends,
    "export": _export,
    "fail": _fail,
    "folders": _folders,
    "group": _group,
    "has": _has,
    "helper": _helper,
    "host": _host,
    "image": _image,
    "keys": _keys,
    "migration": _migration,
    "mirror": _mirror,
    "offline": _offline,
    "out_of_band": _out_of_band,
    "pool": _pool,
    "regular": _regular,
    "restart": _restart,
    "runs": _runs,
    "script": _script,
    "switch": _switch,
    "system": _system,
    "templates": _templates,
    "transfers": _transfers,
    "volumes": _volumes,
}
