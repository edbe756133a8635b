"""Operating systems that are not trusted: their scripts run in a helper on the new disks."""

from collections.abc import Callable
from typing import Any, Final

from tests.same_calls.case import Case, case
from tests.same_calls.cases_creation import (
    DISK,
    MADE,
    PAUSED,
    SYNCED,
    WHOLE,
    added,
    disks,
    everywhere,
    mirrored,
)  # fmt: skip
from tests.sample_config import Document

_IMAGE: Final = "/srv/image"
#: What nodes answer while a helper works: it runs when they are asked first, and then no more.
HELPED: Final[dict[str, Any]] = {
    "blockdev_assemble": ["/dev/x", "/link", None],
    "blockdev_image": None,
    "blockdev_shutdown": None,
    "get_file_info": [True, {"size": 3_000_000}],
    "instance_info": {"state": 1},
    "instance_info#1": {"state": 0},
    "instance_shutdown": None,
    "os_export": "/srv/package.tgz",
    **PAUSED,
}


def _with_image(**fields: object) -> Callable[[Document], None]:
    def change(document: Document) -> None:
        everywhere(document)
        document["cluster"].update(**{"install_image": _IMAGE, **fields})

    return change


def _made(
    name: str, *, failing: bool = False, answers: Any = (), config: Any = None, **parameters: Any
) -> Case:
    wanted = {"os_type": "shady+small", "hypervisor": "kvm", **disks("plain"), **parameters}
    return case(f"in a helper {name}", added(**wanted), config=config or _with_image(),
                answers={**MADE, **HELPED, **dict(answers)}, failing=failing,
                mended=True)  # fmt: skip


CASES: Final = (
    _made("on volumes", failing=True),
    _made("on mirrors", answers={**SYNCED, "blockdev_getmirrorstatus": [WHOLE]},
          **mirrored()),
    _made("on two disks, stopped", start=False, osparams={"os-install-package": "/own.tgz"},
          osparams_private={"key": "hush"}, osparams_secret={"word": "hush, hush"},
          **disks("file", DISK, DISK)),
    _made("by Xen", hypervisor="xen-pvm",
          config=_with_image(enabled_hypervisors=["xen-pvm", "kvm"])),
    _made("by nobody", hypervisor="fake"),
    _made("without an image", config=everywhere),
    _made("of an image that is not there", answers={"get_file_info": [False, {}]}),
    _made("of an image that nobody sends",
          config=_with_image(install_image="http://127.0.0.1:1/image")),
    _made("of which the first is late", helper_startup_timeout=0,
          answers={"instance_info#1": {}}),
    _made("that does not end", helper_shutdown_timeout=0, answers={"instance_info": {"state": 0}}),
    _made("that is not stopped", helper_shutdown_timeout=0,
          answers={"instance_info": {"state": 0}, "instance_shutdown#2": "(fails)"}),
    _made("that is gone", helper_shutdown_timeout=0, answers={"instance_info": {}}),
    _made("that has no room", answers={"blockdev_create#2": "(fails)"}),
    _made("where volumes are not enabled", **disks("file"),
          config=_with_image(enabled_disk_templates=["file", "diskless"])),
    _made("not installed", no_install=True),
    _made("of which an image is written", osparams={"os-image": "/srv/other"}),
)  # fmt: skip
