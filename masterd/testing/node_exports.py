"""Which exports a simulated node keeps: directories with a description, and the disks' data.

An export of an instance comes to be in a directory beside, `NAME.new`, and takes the place of an
older one when it is finished.

Source: Ganeti 3.0.2 lib/backend.py, FinalizeExport, ExportInfo, ListExports, RemoveExport
(sections and keys of the description; texts).
"""

import configparser
import io
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from masterd.clock import SystemClock
from masterd.testing.node_notes import RefusedError, local
from masterd.testing.told_objects import Disk, Instance

#: Where exports lie, below a root. Source: pathutils.EXPORT_DIR.
EXPORT_DIR: Final = "var/lib/ganeti/export"
DESCRIPTION: Final = "config.ini"

_NAME: Final = re.compile(r"[-a-zA-Z0-9._]+")
_MICROSECONDS: Final = 1_000_000

#: Hypervisor parameters that are the cluster's, not an instance's. Source: constants HVC_GLOBALS.
_OF_CLUSTER: Final = frozenset(
    {"migration_port", "migration_mode", "migration_bandwidth", "xen_cmd"}
)
_NIC_PARAMS: Final = ("link", "mode", "vlan")

_PATH: Final = tuple[str]
_FINISH: Final = tuple[Instance, list[Disk | bool]]


def directory(root: Path, name: str) -> Path:
    """Return the directory of an export.

    Raises:
        ValueError: the name is none for an export.
    """
    if _NAME.fullmatch(name) is None or name in (".", ".."):
        raise ValueError(f"'{name}' is no name of an export")
    return root / EXPORT_DIR / name


def below(root: Path, name: str) -> Path:
    """Return where a file of an export lies that calls name.

    In a virtual cluster the master names it below a root of its own, as the reference does.
    """
    _, found, rest = name.partition(f"/{EXPORT_DIR}/")
    return local(root, f"/{EXPORT_DIR}/{rest}" if found else name)


def names(root: Path, _arguments: list[object]) -> list[str]:
    """Return the names of exports."""
    place = root / EXPORT_DIR
    found = sorted(path.name for path in place.iterdir()) if place.is_dir() else []
    return [name for name in found if not name.startswith(".")]


def remove(root: Path, arguments: list[object]) -> None:
    """Remove an export."""
    (name,) = msgspec.convert(arguments, _PATH)
    try:
        shutil.rmtree(directory(root, name))
    except OSError as error:
        raise RefusedError(f"Error while removing the export: {error}") from error


def info(root: Path, arguments: list[object]) -> str:
    """Return the description of the export in a directory."""
    (name,) = msgspec.convert(arguments, _PATH)
    parser = configparser.RawConfigParser()
    parser.read(below(root, name) / DESCRIPTION, encoding="utf-8")
    if not parser.has_section("export") or not parser.has_section("instance"):
        raise RefusedError("Export info file doesn't have the required fields")
    return _text(parser)


def finish(root: Path, arguments: list[object]) -> None:
    """Describe the export of an instance, and put it in its place.

    Raises:
        ValueError: a disk has no snapshot.
    """
    instance, snapshots = msgspec.convert(arguments, _FINISH)
    parser = configparser.RawConfigParser()
    for section, content in _description(instance, snapshots):
        parser.add_section(section)
        for name, value in content.items():
            parser.set(section, name, str(value))
    new, final = (directory(root, instance.name + end) for end in (".new", ""))
    (new / DESCRIPTION).write_text(_text(parser), encoding="utf-8")
    shutil.rmtree(final, ignore_errors=True)
    new.rename(final)


def _text(parser: configparser.RawConfigParser) -> str:
    written = io.StringIO()
    parser.write(written)
    return written.getvalue()


def _description(
    instance: Instance, snapshots: list[Disk | bool]
) -> Iterator[tuple[str, dict[str, object]]]:
    yield (
        "export",
        {
            "version": 0,
            "timestamp": SystemClock().now_us() // _MICROSECONDS,
            "source": instance.primary_node,
            "os": instance.os,
            "compression": "none",
        },
    )
    params = instance.beparams
    told: dict[str, object] = {
        "name": instance.name,
        "maxmem": params["maxmem"],
        "minmem": params["minmem"],
        "memory": params["maxmem"],
        "vcpus": params["vcpus"],
        "disk_template": _template(snapshots),
        "hypervisor": instance.hypervisor,
        "tags": " ".join(instance.tags),
    }
    for index, nic in enumerate(instance.nics):
        for name in ("mac", "ip", "network", "name"):
            told[f"nic{index}_{name}"] = nic.get(name)
        for name in _NIC_PARAMS:
            told[f"nic{index}_{name}"] = nic.get("nicparams", {}).get(name)
    told["nic_count"] = len(instance.nics)
    there = [(index, each) for index, each in enumerate(snapshots) if isinstance(each, Disk)]
    for index, disk in there:
        told[f"disk{index}_ivname"] = disk.iv_name
        told[f"disk{index}_dump"] = disk.uuid
        told[f"disk{index}_size"] = disk.size
        told[f"disk{index}_name"] = disk.name
    told["disk_count"] = len(there)
    yield "instance", told
    own = {name: value for name, value in instance.hvparams.items() if name not in _OF_CLUSTER}
    yield "hypervisor", own
    yield "backend", params
    yield "os", instance.osparams
    yield "os_private", instance.osparams_private or {}


def _template(snapshots: list[Disk | bool]) -> str:
    """Return the template of disks.

    Raises:
        ValueError: one has no snapshot, over which the real node daemon trips.
    """
    templates = set()
    for each in snapshots:
        if not isinstance(each, Disk):
            raise ValueError("'bool' object has no attribute 'dev_type'")
        templates.add(each.dev_type)
    if len(templates) > 1:
        return "mixed"
    return templates.pop() if templates else "diskless"


#: What a node does for each call on exports.
CALLS: Final[dict[str, Callable[[Path, list[Any]], object]]] = {
    "export_info": info,
    "export_list": names,
    "export_remove": remove,
    "finalize_export": finish,
}
