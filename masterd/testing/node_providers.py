"""Which providers of external storage a simulated node has.

A provider is a directory below one of those where Ganeti looks for them, in the node's own root.
Its scripts are not run: disks of template ext are kept as all others, whoever provides them.

Source: Ganeti 3.0.2 lib/backend.py, DiagnoseExtStorage; lib/storage/extstorage.py,
ExtStorageFromDisk; constants ES_*.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from masterd.testing.node_notes import RefusedError, local
from masterd.testing.node_systems import needed_file

#: Where providers are looked for, in this order. Source: pathutils.ES_SEARCH_PATH.
SEARCH_PATH: Final = (
    "/srv/ganeti/extstorage", "/usr/local/lib/ganeti/extstorage", "/usr/lib/ganeti/extstorage",
    "/usr/share/ganeti/extstorage",
)  # fmt: skip

#: Scripts, and whether a provider must have them.
_SCRIPTS: Final = {
    "attach": True, "create": True, "detach": True, "grow": True, "remove": True, "setinfo": True,
    "verify": True, "close": False, "open": False, "snapshot": False,
}  # fmt: skip
_PARAMETERS: Final = "parameters.list"


def diagnose(root: Path, _arguments: list[object]) -> list[list[object]]:
    """Tell of all that may be providers, and what is wrong with those that are none."""
    rows: list[list[object]] = []
    for place in SEARCH_PATH:
        directory = local(root, place)
        paths = sorted(directory.iterdir()) if directory.is_dir() else []
        for path in paths:
            if path.name.startswith("."):
                continue
            try:
                rows.append([path.name, str(path), True, "", _parameters(path)])
            except RefusedError as error:
                rows.append([path.name, str(path), False, str(error), []])
    return rows


def _parameters(path: Path) -> list[list[str]]:
    """Return names and explanations of a provider's parameters.

    Raises:
        RefusedError: it is not whole.
    """
    if not path.is_dir():
        raise RefusedError(
            f"Directory for External Storage Provider {path.name} not found in search path"
        )
    for script, is_needed in _SCRIPTS.items():
        needed_file(path, script, is_needed=is_needed, is_script=True)
    text = needed_file(path, _PARAMETERS, is_needed=True) or ""
    return [line.split(None, 1) for line in text.splitlines()]


#: What a node does for each call on providers.
CALLS: Final[dict[str, Callable[[Path, list[Any]], object]]] = {"extstorage_diagnose": diagnose}
