"""What Ganeti's own daemons bear in a `config.data`, in the form that everybody writes. Pure.

A null where a default stands for it, a serial number with a fraction of zero, a tag that stands
twice. Source: luxid 3.0.2, asked with each of them.
"""

from collections.abc import Mapping
from typing import Any, Final

Document = dict[str, Any]

_SECTIONS: Final = ("nodes", "nodegroups", "instances", "networks", "disks")
#: Keys whose null means that they are not there; `mode` of disks only.
_MAY_BE_NULL: Final = ("ctime", "mtime", "tags")
_OF_DISKS: Final = (*_MAY_BE_NULL, "mode")
#: Keys below which disks lie in other objects: an instance's before 2.15, and a disk's own.
_DISKS: Final = ("disks", "children")


def mended(document: Document) -> Document:
    """Return a document without what is only borne; the same values in the other form."""
    found = _mended(document, _MAY_BE_NULL)
    if isinstance(found.get("cluster"), dict):
        found["cluster"] = _mended(found["cluster"], _MAY_BE_NULL)
    for section in _SECTIONS:
        objects = found.get(section)
        if isinstance(objects, dict):
            keys = _OF_DISKS if section == "disks" else _MAY_BE_NULL
            found[section] = {key: _object(value, keys) for key, value in objects.items()}
    return found


def _object(value: object, may_be_null: tuple[str, ...]) -> object:
    if not isinstance(value, dict):
        return value
    found = _mended(value, may_be_null)
    for key in _DISKS:
        if isinstance(found.get(key), list):
            found[key] = [_object(each, _OF_DISKS) for each in found[key]]
    return found


def _mended(value: Mapping[str, Any], may_be_null: tuple[str, ...]) -> Document:
    found = {k: v for k, v in value.items() if v is not None or k not in may_be_null}
    serial_no = found.get("serial_no")
    if isinstance(serial_no, float) and serial_no.is_integer():
        found["serial_no"] = int(serial_no)
    tags = found.get("tags")
    if isinstance(tags, list) and all(isinstance(tag, str) for tag in tags):
        # In their order, as long as there is nothing to mend.
        found["tags"] = tags if len({*tags}) == len(tags) else sorted({*tags})
    return found
