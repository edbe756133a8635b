"""What nodes are asked about disks. All functions switch.

`instance` is whose disk it is: its primary node's group says which parameters disks have. What a
node is told of a DRBD disk (its own side, the other side) differs from node to node.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from masterd.config.kinds import AnyDisk, AnyInstance
from masterd.config.snapshot import ConfigSnapshot
from masterd.node.documents import Document, disk, disks_of, instance, plain
from masterd.node.target import Nodes, Where, each, one, several, target
from masterd.rpc.result import RpcResult
from masterd.rpc.runner import Request

#: Where the port stands in a DRBD disk's logical id.
_PORT: Final = 2

#: A disk with the instance whose it is.
Owned = tuple[AnyDisk, AnyInstance]


def _disk(config: ConfigSnapshot, at: Where, owned: Owned) -> Document:
    of, owner = owned
    return disk(config, of, owner.primary_node or "", at.uuid)


def _all(config: ConfigSnapshot, at: Where, owned: Iterable[Owned]) -> list[Document]:
    return [_disk(config, at, every) for every in owned]


# --- making, changing, removing -------------------------------------------------------------------


def create(
    nodes: Nodes,
    config: ConfigSnapshot,
    at: Where,
    owned: Owned,
    *,
    size: int,
    on_primary: bool,
    info: str,
    exclusive_storage: bool,
) -> RpcResult:
    """Make one device of `size` MiB; its parts must be there. Payload: its new id, or None."""
    document, owner = _disk(config, at, owned), owned[1].name
    rest = (size, owner, on_primary, info, exclusive_storage)
    return one(nodes, "blockdev_create", at, document, *rest)


def create_alone(
    nodes: Nodes,
    config: ConfigSnapshot,
    at: Where,
    owned: Owned,
    *,
    size: int,
    info: str,
    exclusive_storage: bool,
) -> RpcResult:
    """Make one side of a DRBD disk that knows no port, and so looks for no other side yet."""
    document, owner = _disk(config, at, owned), owned[1].name
    document["logical_id"][_PORT] = None
    rest = (size, owner, False, info, exclusive_storage)
    return one(nodes, "blockdev_create", at, document, *rest)


def remove(nodes: Nodes, config: ConfigSnapshot, at: Where, owned: Owned) -> RpcResult:
    """Remove one device."""
    return one(nodes, "blockdev_remove", at, _disk(config, at, owned))


def rename(
    nodes: Nodes, at: Where, pairs: Iterable[tuple[AnyDisk, Sequence[str | int]]]
) -> RpcResult:
    """Give devices other logical ids."""
    return one(nodes, "blockdev_rename", at, [[plain(of), list(new)] for of, new in pairs])


def grow(
    nodes: Nodes,
    config: ConfigSnapshot,
    at: Where,
    owned: Owned,
    *,
    amount: int,
    dry_run: bool,
    backing_store: bool,
    exclusive_storage: bool,
) -> RpcResult:
    """Grow a device by `amount` MiB: what is below it, or the device itself."""
    rest = (amount, dry_run, backing_store, exclusive_storage)
    return one(nodes, "blockdev_grow", at, _disk(config, at, owned), *rest)


def wipe(
    nodes: Nodes, config: ConfigSnapshot, at: Where, owned: Owned, *, offset: int, size: int
) -> RpcResult:
    """Overwrite a piece of a device, MiB."""
    return one(nodes, "blockdev_wipe", at, _disk(config, at, owned), offset, size)


def image(
    nodes: Nodes, config: ConfigSnapshot, at: Where, owned: Owned, *, source: str, size: int
) -> RpcResult:
    """Write an image of `size` MiB onto a device; `source` is a path or URL."""
    return one(nodes, "blockdev_image", at, _disk(config, at, owned), source, size)


def convert(
    nodes: Nodes, config: ConfigSnapshot, at: Where, source: Owned, destination: Owned
) -> RpcResult:
    """Copy one device onto another."""
    told = _disk(config, at, source), _disk(config, at, destination)
    return one(nodes, "blockdev_convert", at, *told)


def snapshot(
    nodes: Nodes,
    config: ConfigSnapshot,
    at: Where,
    owned: Owned,
    *,
    name: str | None = None,
    size: int | None = None,
) -> RpcResult:
    """Make a snapshot. Payload: its logical id."""
    return one(nodes, "blockdev_snapshot", at, _disk(config, at, owned), name, size)


def set_info(nodes: Nodes, config: ConfigSnapshot, at: Where, owned: Owned, info: str) -> RpcResult:
    """Write on a device whose it is."""
    return one(nodes, "blockdev_setinfo", at, _disk(config, at, owned), info)


# --- bringing up and down -------------------------------------------------------------------------


def assemble(
    nodes: Nodes,
    config: ConfigSnapshot,
    at: Where,
    owned: Owned,
    *,
    on_primary: bool,
    index: int,
) -> RpcResult:
    """Bring a device up. Payload on the primary: device path, link path, uri."""
    told = _disk(config, at, owned), instance(config, owned[1], at.uuid)
    return one(nodes, "blockdev_assemble", at, *told, on_primary, index)


def shut_down(nodes: Nodes, config: ConfigSnapshot, at: Where, owned: Owned) -> RpcResult:
    """Take a device down."""
    return one(nodes, "blockdev_shutdown", at, _disk(config, at, owned))


def open_(
    nodes: Nodes,
    config: ConfigSnapshot,
    at: Where,
    owner: AnyInstance,
    those: Iterable[AnyDisk],
    *,
    exclusive: bool,
) -> RpcResult:
    """Make devices usable; together with another node unless `exclusive`."""
    told = disks_of(config, those, owner, at.uuid)
    return one(nodes, "blockdev_open", at, owner.name, told, exclusive)


def close(
    nodes: Nodes, config: ConfigSnapshot, at: Where, owner: AnyInstance, those: Iterable[AnyDisk]
) -> RpcResult:
    """Make devices unusable on a node."""
    return one(nodes, "blockdev_close", at, owner.name, disks_of(config, those, owner, at.uuid))


def add_children(
    nodes: Nodes, config: ConfigSnapshot, at: Where, owned: Owned, children: Iterable[AnyDisk]
) -> RpcResult:
    """Add parts to a mirror."""
    told = disks_of(config, children, owned[1], at.uuid)
    return one(nodes, "blockdev_addchildren", at, _disk(config, at, owned), told)


def remove_children(
    nodes: Nodes, config: ConfigSnapshot, at: Where, owned: Owned, children: Iterable[AnyDisk]
) -> RpcResult:
    """Take parts away from a mirror."""
    told = disks_of(config, children, owned[1], at.uuid)
    return one(nodes, "blockdev_removechildren", at, _disk(config, at, owned), told)


def pause_sync(
    nodes: Nodes,
    config: ConfigSnapshot,
    at: Where,
    owner: AnyInstance,
    those: Iterable[AnyDisk],
    *,
    pause: bool,
) -> RpcResult:
    """Pause a synchronisation, or let it go on. Payload: success and message of each."""
    told = disks_of(config, those, owner, at.uuid)
    return one(nodes, "blockdev_pause_resume_sync", at, told, pause)


# --- both sides of DRBD disks ---------------------------------------------------------------------


def drbd_disconnect(
    nodes: Nodes,
    config: ConfigSnapshot,
    places: Iterable[Where],
    owner: AnyInstance,
    those: Sequence[AnyDisk],
) -> Mapping[str, RpcResult]:
    """Take both sides' connection down."""
    told = [(at, (disks_of(config, those, owner, at.uuid),)) for at in places]
    return each(nodes, "drbd_disconnect_net", told)


def drbd_attach(
    nodes: Nodes,
    config: ConfigSnapshot,
    places: Iterable[Where],
    owner: AnyInstance,
    those: Sequence[AnyDisk],
    *,
    both_primary: bool,
) -> Mapping[str, RpcResult]:
    """Connect both sides; both may write with `both_primary`."""
    told = [(at, (disks_of(config, those, owner, at.uuid), both_primary)) for at in places]
    return each(nodes, "drbd_attach_net", told)


def drbd_wait_sync(
    nodes: Nodes,
    config: ConfigSnapshot,
    places: Iterable[Where],
    owner: AnyInstance,
    those: Sequence[AnyDisk],
) -> Mapping[str, RpcResult]:
    """Wait for both sides to be the same. Payload: whether they are, and the smallest percent."""
    told = [(at, (disks_of(config, those, owner, at.uuid),)) for at in places]
    return each(nodes, "drbd_wait_sync", told)


def drbd_needing_activation(
    nodes: Nodes, config: ConfigSnapshot, at: Where, owned: Iterable[Owned]
) -> RpcResult:
    """Ask which DRBD disks are not up. Payload: their uuids."""
    return one(nodes, "drbd_needs_activation", at, _all(config, at, owned))


def drbd_helper(nodes: Nodes, places: Iterable[Where]) -> Mapping[str, RpcResult]:
    """Ask for the program that DRBD calls. Payload: its path."""
    return several(nodes, "drbd_helper", places)


# --- what there is --------------------------------------------------------------------------------


def find(nodes: Nodes, config: ConfigSnapshot, at: Where, owned: Owned) -> RpcResult:
    """Ask for the state of a device. Payload: None where there is none."""
    return one(nodes, "blockdev_find", at, _disk(config, at, owned))


def find_all(
    nodes: Nodes, config: ConfigSnapshot, wanted: Iterable[tuple[Where, Owned]]
) -> list[RpcResult]:
    """Ask for the state of devices at the same time; results in their order."""
    requests = [
        Request("blockdev_find", target(at), [_disk(config, at, owned)]) for at, owned in wanted
    ]
    return list(nodes.call_each(requests))


def mirror_status(
    nodes: Nodes, config: ConfigSnapshot, at: Where, owner: AnyInstance, those: Iterable[AnyDisk]
) -> RpcResult:
    """Ask how far mirrors are. Payload: a state for each."""
    return one(nodes, "blockdev_getmirrorstatus", at, disks_of(config, those, owner, at.uuid))


def mirror_status_of_all(
    nodes: Nodes, config: ConfigSnapshot, by_node: Iterable[tuple[Where, Sequence[Owned]]]
) -> Mapping[str, RpcResult]:
    """Ask each node how far its own mirrors are. Payload: success and state of each."""
    asked = list(by_node)
    told = {at.uuid: _all(config, at, owned) for at, owned in asked}
    return several(nodes, "blockdev_getmirrorstatus_multi", (at for at, _ in asked), told)


def dimensions(
    nodes: Nodes, config: ConfigSnapshot, at: Where, owned: Iterable[Owned]
) -> RpcResult:
    """Ask for sizes. Payload: bytes and spindles of each, None of those that are not there."""
    return one(nodes, "blockdev_getdimensions", at, _all(config, at, owned))


def sizes(nodes: Nodes, places: Iterable[Where], paths: Sequence[str]) -> Mapping[str, RpcResult]:
    """Ask for the sizes of devices in the file system. Payload: MiB by path."""
    return several(nodes, "bdev_sizes", places, list(paths))
