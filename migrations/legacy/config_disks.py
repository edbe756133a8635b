"""Steps for disks: from parts of their instance to objects of their own.

Source: Ganeti 3.0.2 cfgupgrade; lib/objects.py, Disk.UpgradeConfig.
"""

from collections.abc import Iterator
from typing import Final

from migrations.legacy.config_work import (
    Document,
    Work,
    changed,
    embedded_disks,
    with_children,
    with_disks,
    without,
)

#: Names that types of disks had before they were called as the templates.
_OLD_TYPES: Final = {"lvm": "plain", "drbd8": "drbd"}


def name_types(document: Document, work: Work) -> Document:
    """Call the types of disks as disk templates are called.

    Until 2.8 disks of files had one type; which template they are of says their instance.
    """

    def renamed(disk: Document) -> Document:
        kind = disk.get("dev_type")
        if kind in _OLD_TYPES:
            disk = {**disk, "dev_type": _OLD_TYPES[kind]}
        return with_children(disk, renamed)

    document = with_disks(document, lambda _path, disk: renamed(disk))
    if not embedded_disks(document):
        return document

    def instance(key: str, value: Document) -> Document:
        if value.get("disk_template") != "sharedfile":
            return value
        disks = value["disks"]
        if any(disk.get("dev_type") == "file" for disk in disks):
            work.notes.append(f"instances.{key}.disks: of type file, and now of type sharedfile")
        return {
            **value,
            "disks": [
                {**disk, "dev_type": "sharedfile"} if disk.get("dev_type") == "file" else disk
                for disk in disks
            ],
        }

    return changed(document, "instances", instance)


def identify_disks(document: Document, work: Work) -> Document:
    """Give every disk and child a uuid, and an instance's disks their names by place."""

    def identified(disk: Document) -> Document:
        if not disk.get("uuid"):
            disk = {**disk, "uuid": work.new_uuid()}
        # Worked out from the logical id by nodes, since 2.10.
        return with_children(without(disk, "physical_id"), identified)

    if not embedded_disks(document):
        return with_disks(document, lambda _path, disk: identified(disk))

    def instance(key: str, value: Document) -> Document:
        disks = []
        for index, disk in enumerate(value["disks"]):
            name = f"disk/{index}"
            if disk.get("iv_name", "") != name:
                path = f"instances.{key}.disks.{index}.iv_name"
                work.notes.append(f"{path}: was '{disk.get('iv_name', '')}', and is '{name}' now")
            disks.append({**identified(disk), "iv_name": name})
        return {**value, "disks": disks}

    return changed(document, "instances", instance)


def tell_spindles(document: Document, work: Work) -> Document:
    """Tell of disks that do not say how many spindles they have, where that may be wanted."""
    owners = [document["cluster"], *document["nodegroups"].values()]
    exclusive = any((owner.get("ndparams") or {}).get("exclusive_storage") for owner in owners)
    if exclusive and embedded_disks(document):
        work.notes += [
            f"instances.{key}.disks.{index}.spindles: missing, and some storage is exclusive; "
            "'gnt-cluster repair-disk-sizes' finds it out"
            for key, instance in document["instances"].items()
            for index, disk in enumerate(instance["disks"])
            if disk.get("spindles") is None
        ]
    return document


def lift_disks(document: Document, work: Work) -> Document:
    """Move disks out of their instances into a section of their own."""
    if not embedded_disks(document):
        return document
    lifted: Document = {}

    def instance(key: str, value: Document) -> Document:
        uuids = []
        created = value.get("ctime") or 0
        for index, disk in enumerate(value["disks"]):
            uuid = disk["uuid"]
            if uuid in lifted:
                path = f"instances.{key}.disks.{index}"
                work.reasons.append(f"{path}: another disk has the uuid {uuid} too")
            lifted[uuid] = {**disk, "serial_no": 1, "ctime": created, "mtime": created}
            uuids.append(uuid)
        return {**value, "disks": uuids}

    document = changed(document, "instances", instance)
    return {**document, "disks": lifted}


def place_disks(document: Document, _work: Work) -> Document:
    """Say of every disk of an instance on which nodes it is.

    A mirrored disk and its children are on the nodes of the mirror and the instance's own; a
    logical volume or file is there too; all others can be reached from everywhere.
    """
    disks = dict(document["disks"])
    for instance in document["instances"].values():
        attached = [disks[uuid] for uuid in instance.get("disks") or ()]
        primary = instance.get("primary_node")
        nodes = list(dict.fromkeys([
            *([primary] if primary else []),
            *(node for disk in attached for node in _mirror_nodes(disk)),
        ]))  # fmt: skip
        for disk in attached:
            if "nodes" not in disk:
                disks[disk["uuid"]] = _placed(disk, nodes)
    return {**document, "disks": disks}


def complete_disks(document: Document, _work: Work) -> Document:
    """Give disks and their children what every disk has since 2.12."""

    def completed(disk: Document) -> Document:
        if not isinstance(disk.get("params"), dict):
            disk = {**disk, "params": {}}
        if disk.get("serial_no") is None:
            disk = {**disk, "serial_no": 1}
        return with_children(disk, completed)

    return with_disks(document, lambda _path, disk: completed(disk))


def _mirror_nodes(disk: Document) -> Iterator[str]:
    if disk.get("dev_type") == "drbd":
        yield from (disk.get("logical_id") or ())[:2]
    for child in disk.get("children") or ():
        yield from _mirror_nodes(child)


def _placed(disk: Document, nodes: list[str]) -> Document:
    kind = disk.get("dev_type")
    if kind == "drbd":
        return _placed_with_children(disk, nodes)
    return {**disk, "nodes": list(nodes) if kind in ("plain", "file") else []}


def _placed_with_children(disk: Document, nodes: list[str]) -> Document:
    placed = {**disk, "nodes": list(nodes)}
    return with_children(placed, lambda child: _placed_with_children(child, nodes))
