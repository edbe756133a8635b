"""Operating systems of instances that are there, installed anew."""

from collections.abc import Callable
from typing import Any, Final

from tests.same_calls.case import Case, case, named, op
from tests.same_calls.cases_creation import PAUSED
from tests.same_calls.cases_guests import DRBD, EXT, FILES, LVM, NONE, OFFLINE, PLANNED, SMALL
from tests.sample_config import Document

#: What nodes answer while an instance is filled.
INSTALLED: Final[dict[str, Any]] = {
    "blockdev_assemble": ["/dev/x", "/link", None],
    "blockdev_image": None,
    "blockdev_shutdown": None,
    "instance_info": {},
    "instance_metadata_modify": None,
    "instance_os_add": None,
    "os_validate": True,
    **PAUSED,
}


def down(name: str, **fields: object) -> Callable[[Document], None]:
    """Return a change that makes an instance one that is down, with these fields."""

    def change(document: Document) -> None:
        own = {"admin_state": "down", "disks_active": False, "os": "noop"}
        named(document, "instances", name).update({**own, **fields})
        for node in document["nodes"].values():
            node["vm_capable"] = True

    return change


def _again(
    name: str,
    which: str = LVM,
    *,
    config: Any = None,
    answers: Any = (),
    failing: bool = False,
    **parameters: Any,
) -> Case:
    return case(name, op("OP_INSTANCE_REINSTALL", instance_name=which, **parameters),
                config=config or down(which), answers={**INSTALLED, **dict(answers)},
                failing=failing)  # fmt: skip


def _offline(document: Document) -> None:
    down(LVM)(document)
    node = named(document, "instances", LVM)["primary_node"]
    document["nodes"][node].update(offline=True, drained=False, master_candidate=False)


_OWN: Final = {"osparams": {"size": "small", "extra": "yes"}, "osparams_private": {"key": "hush"}}

CASES: Final = (
    _again("as it was", failing=True),
    _again("on mirrors", DRBD),
    _again("on files", FILES),
    _again("on a provider's disks", EXT),
    _again("of another system", os_type="debootstrap+other", force_variant=True, debug_level=2),
    _again("of parameters", config=down(LVM, **_OWN),
           osparams={"size": "big", "extra": "default", "more": "a"},
           osparams_private={"key": "default", "other": "b"}, osparams_secret={"word": "c"}),
    _again("of its own parameters", config=down(LVM, **_OWN)),
    _again("of a parameter of two kinds", config=down(LVM, **_OWN), osparams_secret={"key": "a"}),
    _again("from an image", failing=True, config=down(LVM, os=""),
           osparams={"os-image": "/srv/image"}),
    _again("from an image and by scripts", osparams={"os-image": "http://example.com/image"}),
    _again("from its own image",
           config=down(LVM, os="", osparams={"os-image": "/srv/image"})),
    _again("from an image that is nowhere", osparams={"os-image": "image"}),
    _again("from nothing", config=down(LVM, os="")),
    _again("without disks", NONE),
    _again("that is up", config=down(LVM, admin_state="up")),
    _again("that is offline", OFFLINE, config=down(OFFLINE, admin_state="offline")),
    _again("that runs", answers={"instance_info": {"state": 0}}),
    _again("that its user has stopped", answers={"instance_info": {"state": 1}}),
    _again("on an offline node", config=_offline),
    _again("of a planned one", PLANNED),
    _again("of nobody", "nobody", config=down(LVM)),
    _again("of another uuid", instance_uuid="elsewhere"),
    _again("of a mirror without its end", SMALL, answers={
        "blockdev_assemble@node2.example.com": "(fails)"}),
    _again("forbidden", answers={"hooks_runner": [["10-no", 1, "not today"]]}),
    _again("dry run", dry_run=True),
)  # fmt: skip
