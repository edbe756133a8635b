"""Disks of instances added, changed, removed, attached and detached, of all templates."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from masterd.testing.script import FAILS
from tests.same_calls.case import case, named, op
from tests.same_calls.guests import everywhere, stopped
from tests.sample_config import Document

#: An instance of each template.
OF: Final = {
    "plain": "inst18.example.com",
    "drbd": "inst1.example.com",
    "file": "inst11.example.com",
    "sharedfile": "inst12.example.com",
    "gluster": "inst4.example.com",
    "blockdev": "inst5.example.com",
    "rbd": "inst15.example.com",
    "ext": "inst7.example.com",
    "diskless": "inst8.example.com",
}
#: Instances of KVM that run: their devices can be changed meanwhile.
RUNNING: Final = ("plain", "drbd", "gluster", "rbd")

NEW: Final = {"size": 256}
#: What is to be told of a new disk besides its size, by template.
MORE: Final[dict[str, dict[str, object]]] = {
    "ext": {"provider": "pvdr", "colour": "red"},
    "blockdev": {"adopt": "/dev/disk/by-id/new"},
}
#: Directories of Gluster's files are relative, which no node makes.
MADE: Final = {"file_storage_dir_create": ["/srv"]}
#: Of those that run devices can be changed.
PLUGGED: Final = {"hotplug_supported": None, "hotplug_device": None}


def _all(*changes: Callable[[Document], None]) -> Callable[[Document], None]:
    def change(document: Document) -> None:
        everywhere(document)
        for each in changes:
            each(document)

    return change


def _op(source: str, *disks: list[Any], **parameters: Any) -> Document:
    name = OF.get(source, source)
    return op("OP_INSTANCE_SET_PARAMS", instance_name=name, disks=list(disks), **parameters)


def _case(
    name: str, source: str, *disks: list[Any], config: Any = None, failing: bool = False,
    answers: Mapping[str, object] = {}, down: bool = True, **parameters: Any,
) -> Any:  # fmt: skip
    """Return a case of an instance that is stopped, unless it is said otherwise."""
    changes = ([stopped(OF[source])] if down else []) + ([] if config is None else [config])
    answers = {
        **(MADE if source == "gluster" else {}),
        **(PLUGGED if not down and parameters.get("hotplug") else {}),
        **answers,
    }
    return case(f"disks of {source} {name}", _op(source, *disks, **parameters),
                config=_all(*changes), answers=answers, failing=failing)  # fmt: skip


def _add(template: str, **more: object) -> list[Any]:
    return ["add", -1, {**NEW, **MORE.get(template, {}), **more}]


def _of(source: str, number: int, **fields: object) -> Callable[[Document], None]:
    """Change a disk of an instance."""

    def change(document: Document) -> None:
        instance = named(document, "instances", OF[source])
        document["disks"][instance["disks"][number]].update(fields)

    return change


def _loose(source: str, number: int = -1, name: str = "loose") -> Callable[[Document], None]:
    """Detach a disk from its instance, and give it a name."""

    def change(document: Document) -> None:
        instance = named(document, "instances", OF[source])
        uuid = instance["disks"].pop(number)
        document["disks"][uuid]["name"] = name

    return change


def _cluster(**fields: object) -> Callable[[Document], None]:
    return lambda document: document["cluster"].update(fields)


def _whole_disks(document: Document) -> None:
    named(document, "nodegroups", "group1")["ndparams"]["exclusive_storage"] = True


def _striped(document: Document) -> None:
    own = {"data-stripes": 2, "meta-stripes": 3, "metavg": "meta", "resync-rate": 100}
    document["cluster"]["diskparams"]["drbd"].update(own)


def _with_provider(document: Document) -> None:
    for disk in document["disks"].values():
        if disk.get("dev_type") == "ext":
            disk["params"] = {"provider": "provider", "colour": "red", "size": "big"}


PAUSED: Final = {"blockdev_pause_resume_sync": [[True, None]]}
COPYING: Final = {
    "dev_path": "/dev/drbd0", "major": 147, "minor": 0, "sync_percent": 99.5,
    "estimated_time": 1, "is_degraded": True, "ldisk_status": 1,
}  # fmt: skip
BROKEN: Final = {**COPYING, "sync_percent": None, "estimated_time": None}

ADDED: Final = (
    *(
        _case("with another one", template, _add(template),
              failing=template in ("plain", "drbd", "file"))
        for template in OF if template != "diskless"
    ),
    *(
        _case("with another one while it runs", template, _add(template), down=False, hotplug=True,
              failing=template == "plain")
        for template in RUNNING
    ),
    _case("with another one when it starts anew", "plain", _add("plain"), down=False),
    _case("with another one where possible", "sharedfile", _add("sharedfile"), down=False,
          hotplug_if_possible=True),
    _case("with another one where it must be possible", "sharedfile", _add("sharedfile"),
          down=False, hotplug=True, answers={"hotplug_supported": FAILS}),
    _case("with the first one", "plain",
          ["add", 0, {"size": "1g", "mode": "ro", "name": "first", "vg": "othervg"}]),
    _case("with one in the midst", "file", ["add", 0, {"size": 64, "name": "none"}],
          file_storage_dir="below", file_driver="blktap"),
    _case("with two more", "plain", _add("plain"), ["add", 1, {"size": 64}]),
    case("disks of plain in the old form", _op("plain", ["add", {"size": 64}]),
         config=_all(stopped(OF["plain"]))),
    case("disks of plain twice in the old form", _op("plain", ["add", {"size": 64}],
         ["remove", {}]), config=_all(stopped(OF["plain"]))),
    case("disks of plain changed in the old form", _op("plain", [1, {"mode": "ro"}]),
         config=_all(stopped(OF["plain"]))),
    _case("overwritten", "plain", _add("plain"), config=_cluster(prealloc_wipe_disks=True),
          answers=PAUSED),
    _case("overwritten while it runs", "drbd", _add("drbd"), down=False, hotplug=True,
          config=_cluster(prealloc_wipe_disks=True)),
    _case("with parameters", "drbd", ["add", -1, {"size": 64, "vg": "data", "metavg": "metas"}],
          config=_striped),
    _case("not waited for", "drbd", _add("drbd"), down=False, wait_for_sync=False,
          answers={"blockdev_getmirrorstatus": [COPYING]}),
    _case("that break", "drbd", _add("drbd"), down=False, wait_for_sync=False,
          answers={"blockdev_getmirrorstatus": [BROKEN]}),
    _case("that are down and not waited for", "plain", _add("plain"), wait_for_sync=False),
    _case("by user space", "rbd", _add("rbd", access="userspace"), down=False),
    _case("by user space without KVM", "ext", _add("ext", access="userspace")),
    _case("with spindles", "plain", _add("plain", spindles=2)),
    _case("with spindles of whole disks", "plain", _add("plain", spindles=2), config=_whole_disks),
    _case("without spindles of whole disks", "plain", _add("plain"), config=_whole_disks),
    _case("without a provider", "ext", ["add", -1, NEW]),
    _case("with a provider", "plain", _add("plain", provider="pvdr")),
    _case("without a device", "blockdev", ["add", -1, NEW]),
    _case("without a size", "plain", ["add", -1, {"mode": "ro"}]),
    _case("with an unknown parameter", "plain", _add("plain", colour="red")),
    _case("of one name", "plain", _add("plain", name="disk-0")),
    _case("called by a number", "plain", _add("plain", name="7")),
    _case("beyond the end", "plain", ["add", 9, NEW]),
    _case("below none", "plain", ["add", -2, NEW]),
    _case("beside one of a name", "plain", ["add", "disk-0", NEW]),
    _case("beside one of no name", "plain", ["add", "nobody", NEW]),
    _case("that are too many", "plain", *([_add("plain")] * 14)),
    _case("against the policy", "plain", _add("plain", size=4)),
    _case("against the policy that is ignored", "plain", _add("plain", size=4),
          ignore_ipolicy=True),
    _case("with one", "diskless", _add("plain")),
    _case("with one of a template", "diskless", _add("plain", dev_type="plain")),
    _case("without a directory", "file", _add("file"), config=_cluster(file_storage_dir="")),
    _case("in a dry run", "plain", _add("plain"), dry_run=True),
    _case("with other parameters", "plain", _add("plain"), beparams={"vcpus": 2}),
)  # fmt: skip

CHANGED: Final = (
    _case("in mode and name", "plain", ["modify", 1, {"mode": "ro", "name": "second"}],
          failing=True),
    _case("in mode while it runs", "plain", ["modify", -1, {"mode": "ro"}], down=False,
          hotplug=True),
    _case("of a name", "plain", ["modify", "disk-0", {"name": "none"}]),
    _case("of a number in words", "plain", ["modify", "1", {"mode": "ro"}]),
    _case("of no name", "plain", ["modify", "nobody", {"mode": "ro"}]),
    _case("of no number", "plain", ["modify", 7, {"mode": "ro"}]),
    _case("to one name", "plain", ["modify", 1, {"name": "disk-0"}]),
    _case("in size", "plain", ["modify", 1, {"size": 7}]),
    _case("in a parameter", "plain", ["modify", 1, {"vg": "other"}]),
    _case("in parameters", "ext", ["modify", 0, {"colour": "blue", "size2": "x"}],
          ["modify", 1, {"colour": "default", "mode": "ro"}], config=_with_provider),
    _case("in provider", "ext", ["modify", 0, {"provider": "other"}], config=_with_provider),
    _case("in access", "ext", ["modify", 0, {"access": "userspace"}], config=_with_provider),
    _case("all in turn", "plain", ["modify", 0, {"mode": "ro"}], ["remove", 1, {}],
          ["modify", 1, {"name": "last"}], _add("plain")),
)  # fmt: skip

REMOVED: Final = (
    *(
        _case("without the last one", template, ["remove", -1, {}],
              failing=template in ("plain", "drbd", "file"))
        for template in OF if template != "diskless"
    ),
    *(
        _case("without the first one while it runs", template, ["remove", 0, {}], down=False,
              hotplug=True, failing=template in ("plain", "drbd"))
        for template in RUNNING
    ),
    _case("without one of a name", "plain", ["remove", "disk-0", {}]),
    _case("without one of several", "sharedfile", ["remove", 0, {}]),
    _case("without one though it runs", "plain", ["remove", 0, {}], down=False),
    _case("without one that has parameters", "plain", ["remove", 0, {"mode": "ro"}]),
    _case("without one that is not there", "plain", ["remove", 5, {}]),
    _case("without any", "plain", ["remove", 0, {}], ["remove", 0, {}], ["remove", 0, {}]),
    _case("without one of none", "diskless", ["remove", 0, {}]),
)  # fmt: skip

DETACHED: Final = (
    *(
        _case("detached", template, ["detach", 0, {}], failing=template in ("plain", "file"))
        for template in OF if template != "diskless"
    ),
    *(
        _case("detached while it runs", template, ["detach", -1, {}], down=False, hotplug=True)
        for template in RUNNING
    ),
    _case("detached though it runs", "plain", ["detach", -1, {}], down=False),
)  # fmt: skip

ATTACHED: Final = (
    *(
        _case("attached by name", template, ["attach", -1, {"name": "loose"}],
              config=_loose(template), failing=template in ("drbd", "sharedfile"))
        for template in ("plain", "drbd", "sharedfile", "gluster", "blockdev", "ext")
    ),
    *(
        _case("attached while it runs", template, ["attach", 0, {"name": "loose"}],
              config=_loose(template), down=False, hotplug=True)
        for template in ("plain", "drbd")
    ),
    _case("attached to none", "diskless", ["attach", 0, {"name": "loose"}],
          config=_loose("gluster"), answers=MADE),
    _case("attached by force of none", "plain", ["attach", -1, {"name": "nobody"}]),
    _case("attached of another template", "plain", ["attach", -1, {"name": "loose"}],
          config=_loose("gluster")),
    _case("attached of another node", "plain", ["attach", -1, {"name": "loose"}],
          config=lambda document: _other_node(document)),
    _case("attached that are its own", "plain", ["attach", -1, {"name": "mine"}],
          config=_of("plain", 1, name="mine")),
    _case("attached that are several", "plain", ["attach", -1, {"name": "disk-0"}]),
    _case("attached by two words", "plain", ["attach", -1, {"name": "loose", "mode": "ro"}],
          config=_loose("plain")),
    _case("attached and not waited for", "plain", ["attach", -1, {"name": "loose"}],
          config=_loose("plain"), wait_for_sync=False),
    _case("attached to whole disks", "plain", ["attach", -1, {"name": "loose"}],
          config=_all(_loose("plain"), _whole_disks)),
)  # fmt: skip


def _other_node(document: Document) -> None:
    """Have a volume of another instance, on another node, that is nobody's."""
    instance = named(document, "instances", "inst0.example.com")
    document["disks"][instance["disks"].pop()]["name"] = "loose"


def _failing(source: str, name: str, call: str, change: list[Any], **more: Any) -> Any:
    """Return a case in which a call fails, which another case made before, too."""
    told = call.replace("#", " ").replace("@", " at ")
    return _case(f"{name} while {told} fails", source, change, **{
        **more, "answers": {**more.get("answers", {}), call: FAILS}})  # fmt: skip


FAILING: Final = (
    _failing("drbd", "added", "blockdev_create#2@node5.example.com", _add("drbd")),
    _failing("file", "added", "file_storage_dir_create", _add("file")),
    _failing("plain", "added", "blockdev_assemble", _add("plain"), down=False, hotplug=True),
    _failing("plain", "added", "hotplug_device", _add("plain"), down=False, hotplug=True),
    _failing("plain", "added", "hotplug_supported", _add("plain"), down=False, hotplug=True),
    _failing("plain", "added", "blockdev_shutdown", _add("plain")),
    *(
        _failing("plain", "overwritten", call, _add("plain"),
                 config=_cluster(prealloc_wipe_disks=True), answers=PAUSED)
        for call in ("blockdev_wipe", "blockdev_wipe#4", "blockdev_pause_resume_sync#1",
                     "blockdev_pause_resume_sync#2")
    ),
    _failing("plain", "removed", "blockdev_remove", ["remove", 0, {}]),
    _failing("drbd", "removed", "blockdev_remove@node5.example.com", ["remove", 0, {}]),
    _failing("plain", "removed", "hotplug_device", ["remove", 0, {}], down=False, hotplug=True),
    _failing("plain", "removed", "blockdev_shutdown", ["remove", 0, {}], down=False, hotplug=True),
    _failing("file", "removed", "file_storage_dir_remove", ["remove", 0, {}]),
    _failing("file", "detached", "blockdev_rename", ["detach", 0, {}]),
    _failing("file", "detached", "blockdev_shutdown", ["detach", 0, {}]),
    _failing("sharedfile", "attached", "blockdev_rename", ["attach", -1, {"name": "loose"}],
             config=_loose("sharedfile")),
    _failing("drbd", "attached", "blockdev_assemble@node5.example.com",
             ["attach", -1, {"name": "loose"}], config=_loose("drbd")),
    _failing("plain", "attached", "blockdev_assemble", ["attach", -1, {"name": "loose"}],
             config=_loose("plain"), down=False, hotplug=True),
)  # fmt: skip

PLANNED: Final = case(
    "disks of a planned instance", _op("planned10.example.com", _add("plain")), config=_all()
)

CASES: Final = (*ADDED, *CHANGED, *REMOVED, *DETACHED, *ATTACHED, *FAILING, PLANNED)
