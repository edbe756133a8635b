"""Whether a `config.data` of any version has the shape that the steps rely on.

Only what the steps look into is checked: where objects, lists and names must stand. Values are
checked when the finished document is read. A null counts as a missing value, but is none among
others of a list or mapping.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from migrations.legacy.config_work import Document

_KINDS: Final[Mapping[type, str]] = {
    dict: "an object",
    list: "a list",
    str: "text",
    int: "a number",
}

_POLICY: Final = {
    "": dict,
    ".min": dict,
    ".max": dict,
    ".std": dict,
    ".minmax": list,
    ".minmax.*": dict,
    ".minmax.*.*": dict,
    ".disk-templates": list,
    ".disk-templates.*": str,
}

#: What must stand at which path, if anything stands there; `*` is every key or index.
_SHAPES: Final[dict[str, type]] = {
    **dict.fromkeys(
        ("cluster", "nodes", "nodegroups", "instances", "networks", "disks", "filters"), dict
    ),
    **dict.fromkeys(
        ("nodes.*", "nodegroups.*", "instances.*", "networks.*", "disks.*", "filters.*"), dict
    ),
    **dict.fromkeys(
        (f"cluster.{name}" for name in ("beparams", "data_collectors", "diskparams", "hvparams",
                                        "ndparams", "nicparams", "os_hvp")), dict,
    ),
    **dict.fromkeys(
        (f"cluster.{name}.*" for name in ("beparams", "data_collectors", "diskparams", "hvparams",
                                          "nicparams", "os_hvp")), dict,
    ),
    "cluster.os_hvp.*.*": dict,
    "cluster.enabled_disk_templates": list,
    "cluster.enabled_disk_templates.*": str,
    "cluster.enabled_hypervisors": list,
    "cluster.enabled_hypervisors.*": str,
    "cluster.master_node": str,
    "cluster.primary_ip_family": int,
    **{f"cluster.ipolicy{path}": kind for path, kind in _POLICY.items()},
    **{f"nodegroups.*.ipolicy{path}": kind for path, kind in _POLICY.items()},
    **dict.fromkeys(
        (f"nodegroups.*.{name}" for name in ("diskparams", "ndparams", "networks")), dict
    ),
    "nodegroups.*.diskparams.*": dict,
    "nodegroups.*.networks.*": dict,
    "nodegroups.*.name": str,
    "nodegroups.*.uuid": str,
    "nodes.*.ndparams": dict,
    "nodes.*.name": str,
    "nodes.*.uuid": str,
    "nodes.*.group": str,
    "networks.*.name": str,
    "networks.*.uuid": str,
    "instances.*.name": str,
    "instances.*.uuid": str,
    "instances.*.primary_node": str,
    "instances.*.disk_template": str,
    "instances.*.beparams": dict,
    "instances.*.hvparams": dict,
    "instances.*.nics": list,
    "instances.*.nics.*": dict,
    "instances.*.nics.*.network": str,
    "instances.*.disks": list,
}  # fmt: skip

_REQUIRED: Final = ("cluster", "nodes", "nodegroups", "instances")
_NAMED: Final = ("nodes", "instances")


def problems(document: Document) -> list[str]:
    """Return what is wrong with the shape of a document, each text beginning with the path."""
    found = [f"{section}: missing" for section in _REQUIRED if document.get(section) is None]
    for pattern, kind in _SHAPES.items():
        for path, value in _at(document, pattern.split(".")):
            if not isinstance(value, kind):
                found.append(_unlike(path, kind, value))
    if found:
        return found
    if "config_version" in document["cluster"]:
        found.append("cluster.config_version: a version of its own inside the cluster")
    for section in _NAMED:
        found += [
            f"{section}.{key}: has no name"
            for key, value in document[section].items()
            if not value.get("name") and not value.get("forthcoming")
        ]
    return found + list(_disk_problems(document))


def _at(value: object, steps: list[str], path: str = "") -> Iterator[tuple[str, object]]:
    """Yield `(path, value)` of everything that a pattern names."""
    if not steps:
        yield path, value
        return
    first, *others = steps
    entries: list[tuple[str, Any]] = []
    if isinstance(value, dict):
        named = value.get(first)
        entries = [] if named is None else [(first, named)]
        if first == "*":
            entries = list(value.items())
    elif isinstance(value, list) and first == "*":
        entries = [(str(index), item) for index, item in enumerate(value)]
    for key, item in entries:
        yield from _at(item, others, f"{path}.{key}" if path else key)


def _disk_problems(document: Document) -> Iterator[str]:
    own = document.get("disks")
    for key, disk in (own or {}).items():
        yield from _disk(f"disks.{key}", disk)
    for key, instance in document["instances"].items():
        path = f"instances.{key}.disks"
        disks = instance.get("disks")
        if disks is None and own is None:
            yield f"{path}: missing"
        for index, disk in enumerate(disks or ()):
            if own is None:
                yield from _disk(f"{path}.{index}", disk)
            elif not isinstance(disk, str):
                yield f"{path}.{index}: expected a uuid, since disks have a section of their own"
            elif disk not in own:
                yield f"{path}.{index}: there is no disk {disk}"


def _disk(path: str, disk: object) -> Iterator[str]:
    if not isinstance(disk, dict):
        yield _unlike(path, dict, disk)
        return
    for key, kind in (("dev_type", str), ("uuid", str), ("logical_id", list), ("children", list)):
        value = disk.get(key)
        if value is not None and not isinstance(value, kind):
            yield _unlike(f"{path}.{key}", kind, value)
    logical_id = disk.get("logical_id")
    for index, part in enumerate(logical_id if isinstance(logical_id, list) else ()):
        if isinstance(part, list | dict):
            yield f"{path}.logical_id.{index}: expected text or a number"
    if disk.get("dev_type") is None and not disk.get("forthcoming"):
        yield f"{path}.dev_type: missing"
    children = disk.get("children")
    for index, child in enumerate(children if isinstance(children, list) else ()):
        yield from _disk(f"{path}.children.{index}", child)


def _unlike(path: str, kind: type, value: object) -> str:
    found = "null" if value is None else type(value).__name__
    return f"{path}: expected {_KINDS[kind]}, got {found}"
