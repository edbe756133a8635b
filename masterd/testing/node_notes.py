"""What a simulated node was told, in files of its own root, and how it refuses.

Notes are JSON files `simulated-NAME.json` below the run directory: a node that is asked later, or a
process that serves it after this one, finds them again.
"""

import os
from pathlib import Path
from typing import Any, Final

import msgspec

#: Where notes lie, below a root.
RUN_DIR: Final = "var/run/ganeti"

#: Note of what a node has, which is written for it.
CAPACITY: Final = "capacity"


class RefusedError(Exception):
    """The node does not do it, and says why."""


def path_of(root: Path, name: str) -> Path:
    """Return the file of a note."""
    return root / RUN_DIR / f"simulated-{name}.json"


def read(root: Path, name: str, otherwise: Any) -> Any:
    """Return a note, or what stands for one that was never written."""
    try:
        return msgspec.json.decode(path_of(root, name).read_bytes())
    except FileNotFoundError:
        return otherwise


def write(root: Path, name: str, what: object) -> None:
    """Write a note, in the place of what it said before."""
    path = path_of(root, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.encode(what))


def forget(root: Path) -> None:
    """Remove all notes, but that of what the node has."""
    for path in (root / RUN_DIR).glob("simulated-*.json"):
        if path != path_of(root, CAPACITY):
            path.unlink()


def local(root: Path, name: str) -> Path:
    """Return where a file lies that calls name by its path on the node.

    In a virtual cluster some paths begin with the root already; others are those of a real node.

    Raises:
        ValueError: the path is not absolute.
    """
    if not name.startswith("/"):
        raise ValueError(f"Path '{name}' is not absolute")
    normal = Path(os.path.normpath(name))
    return normal if normal.is_relative_to(root) else root / str(normal).lstrip("/")
