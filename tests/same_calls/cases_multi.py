"""Several new instances, placed together."""

import json
from collections.abc import Callable
from typing import Any, Final

from tests.same_calls.case import Case, case, op, rejecting
from tests.same_calls.cases_creation import DISK, MIRROR, NODE, OTHER, added, everywhere
from tests.sample_config import Document

_ONE: Final = "one.example.com"
_TWO: Final = "two.example.com"
_NOWHERE: Final[dict[str, Any]] = {"pnode": None}


def _quiet(*changes: Callable[[Document], None]) -> Callable[[Document], None]:
    """Return a change after which the jobs of new instances do not begin."""

    def change(document: Document) -> None:
        for each in (everywhere, rejecting("OP_INSTANCE_CREATE"), *changes):
            each(document)

    return change


def _default(document: Document) -> None:
    document["cluster"]["default_iallocator"] = "hail"


def _no_default(document: Document) -> None:
    document["cluster"]["default_iallocator"] = ""


def _new(name: str, **parameters: Any) -> Document:
    return added(instance_name=name, **parameters)


def _free(name: str, **parameters: Any) -> Document:
    return _new(name, **{**_NOWHERE, **parameters})


def _multi(
    name: str,
    *instances: Document,
    config: Any = None,
    answers: Any = (),
    failing: bool = False,
    **parameters: Any,
) -> Case:
    wanted = op("OP_INSTANCE_MULTI_ALLOC", instances=list(instances), **parameters)
    return case(name, wanted, config=config or _quiet(), answers=dict(answers),
                failing=failing)  # fmt: skip


def _found(placed: object, failed: object = (), *, success: bool = True) -> dict[str, Any]:
    """Return an allocator's answer."""
    result = {"success": success, "info": "so", "result": [placed, list(failed)]}  # type: ignore[call-overload]
    return {
        "iallocator_runner": json.dumps(result),
        "all_instances_info": {},
        "node_info": ["boot", [], [{"memory_free": 4096}]],
    }


_BOTH: Final = _found([[_ONE, [NODE]], [_TWO, [OTHER]]])

CASES: Final = (
    _multi("on nodes", _new(_ONE), _new(_TWO, pnode=OTHER, disk_template="drbd", snode="node4",
           disks=[DISK]), failing=True),
    _multi("on nodes, dry run", _new(_ONE), dry_run=True),
    _multi("by an allocator", _free(_ONE), _free(_TWO), iallocator="hail", answers=_BOTH,
           failing=True),
    _multi("by the cluster's allocator", _free(_ONE), _free(_TWO), answers=_BOTH,
           config=_quiet(_default)),
    _multi("of all parameters",
           _free(_ONE, disk_template="drbd", disks=[{"size": 64, "name": "a", "metavg": "m"}],
                 beparams={"memory": "1g", "vcpus": "auto"}, tags=["a"], group_name="group1",
                 nics=[{"ip": "192.0.2.9", "name": "eth"}, {"mac": "aa:00:00:ff:ff:01"}]),
           _free(_TWO, disk_template="ext", disks=[{"size": 64, "provider": "pvdr", "key": "a"}],
                 name_check=True, nics=[{"ip": "auto"}, {"ip": "pool", "network": "net1"}]),
           iallocator="hail", comment="for two", debug_level=2,
           answers=_found([[_ONE, [NODE, MIRROR]], [_TWO, [OTHER]]])),
    _multi("of which one has no place", _free(_ONE), _free(_TWO), iallocator="hail",
           answers=_found([[_TWO, [OTHER]]], [_ONE])),
    _multi("of which none has a place", _free(_ONE), iallocator="hail", answers=_found([], [_ONE])),
    _multi("where an allocator fails", _free(_ONE), iallocator="hail",
           answers=_found([], success=False)),
    _multi("where an allocator forgets one", _free(_ONE), _free(_TWO), iallocator="hail",
           answers=_found([[_TWO, [OTHER]]])),
    _multi("where an allocator adds one", _free(_ONE), iallocator="hail", answers=_BOTH),
    _multi("where an allocator names nobody", _free(_ONE), iallocator="hail",
           answers=_found([[_ONE, ["nobody"]]])),
    _multi("where an allocator talks nonsense", _free(_ONE), iallocator="hail",
           answers=_found([[_ONE]])),
    _multi("by an allocator, dry run", _free(_ONE), iallocator="hail", dry_run=True,
           answers=_found([[_ONE, [NODE]]])),
    _multi("with luck", _free(_ONE), iallocator="hail", opportunistic_locking=True,
           answers=_found([[_ONE, [NODE]]])),
    _multi("with luck that has no end", _free(_ONE), iallocator="hail", opportunistic_locking=True,
           answers=_found([], success=False)),
    _multi("with nodes and an allocator", _new(_ONE), iallocator="hail",
           answers=_found([[_ONE, [OTHER]]])),
    _multi("with luck and nodes", _new(_ONE), opportunistic_locking=True),
    _multi("of none"),
    _multi("of which some name nodes", _new(_ONE), _free(_TWO)),
    _multi("of mirrors that name one node", _new(_ONE, disk_template="drbd", disks=[DISK])),
    _multi("that names its own allocator", _free(_ONE, iallocator="hail"), iallocator="hail"),
    _multi("without an allocator", _free(_ONE), config=_quiet(_no_default)),
    _multi("of one name", _new(_ONE), _new(_TWO), _new(_ONE)),
    _multi("on nobody", _new(_ONE, pnode="nobody")),
    _multi("on another uuid", _new(_ONE, pnode_uuid="elsewhere")),
    _multi("without a template", _free(_ONE, disk_template=None), iallocator="hail"),
    _multi("without a system", _free(_ONE, os_type=None), iallocator="hail"),
    _multi("without a hypervisor", _free(_ONE, hypervisor=None), iallocator="hail"),
    _multi("of a disk without a size", _free(_ONE, disks=[{"mode": "rw"}]), iallocator="hail"),
    _multi("of an unknown size", _free(_ONE, beparams={"colour": 1}), iallocator="hail"),
    _multi("of one MAC address", _free(_ONE, nics=[{"mac": "aa:00:00:ff:ff:01"}]),
           _free(_TWO, nics=[{"mac": "aa:00:00:ff:ff:01"}]), iallocator="hail"),
)  # fmt: skip
