"""What a simulated node does with files: directories of disks, sizes, the pause of the watcher.

All names are those that a real node would know; the files lie below the node's own root. A file
below its `dev` stands for a block device of that size.

Source: Ganeti 3.0.2 lib/backend.py, CreateFileStorageDir and its neighbours, GetFileInfo,
GetBlockDevSizes.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from masterd.clock import SystemClock
from masterd.testing.node_devices import MIB
from masterd.testing.node_notes import RefusedError, local

#: Where it is said until when the watcher pauses, below a root.
PAUSE_FILE: Final = "var/lib/ganeti/watcher.pause"

_MODE: Final = 0o750
_MICROSECONDS: Final = 1_000_000
_DEVICES: Final = "/dev/"

_NAME: Final = tuple[str]
_NAMES: Final = tuple[list[str]]
_PAIR: Final = tuple[str, str]


def write_device(root: Path, path: str, size_mib: int) -> None:
    """Let a node have a block device that nobody made."""
    file = local(root, path)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as opened:
        opened.truncate(size_mib * MIB)


def make_directory(root: Path, arguments: list[object]) -> None:
    """Make a directory for disks, and those above it; one that is there is well."""
    (name,) = msgspec.convert(arguments, _NAME)
    path = _directory(root, name)
    if path.exists() and not path.is_dir():
        raise RefusedError(f"Specified storage dir '{name}' is not a directory")
    try:
        path.mkdir(mode=_MODE, parents=True, exist_ok=True)
    except OSError as error:
        text = f"Cannot create file storage directory '{name}': {error}"
        raise RefusedError(text) from error


def remove_directory(root: Path, arguments: list[object]) -> None:
    """Remove a directory for disks, which must be empty; one that is not there is well."""
    (name,) = msgspec.convert(arguments, _NAME)
    path = _directory(root, name)
    if not path.exists():
        return
    if not path.is_dir():
        raise RefusedError(f"Specified Storage directory '{name}' is not a directory")
    try:
        path.rmdir()
    except OSError as error:
        text = f"Cannot remove file storage directory '{name}': {error}"
        raise RefusedError(text) from error


def rename_directory(root: Path, arguments: list[object]) -> None:
    """Rename a directory for disks; where only the new one is there, that was done before."""
    old_name, new_name = msgspec.convert(arguments, _PAIR)
    old, new = _directory(root, old_name), _directory(root, new_name)
    if new.exists():
        if old.exists():
            raise RefusedError(f"Cannot rename '{old_name}' to '{new_name}': both locations exist")
        return
    if not old.is_dir():
        raise RefusedError(f"Specified storage dir '{old_name}' is not a directory")
    try:
        old.rename(new)
    except OSError as error:
        raise RefusedError(f"Cannot rename '{old_name}' to '{new_name}': {error}") from error


def _directory(root: Path, name: str) -> Path:
    """Return where a directory is; a name like Gluster's "ganeti" is one in `/`, where it runs."""
    return local(root, f"/{name}" if not name.startswith("/") else name)


def info(root: Path, arguments: list[object]) -> list[object]:
    """Tell whether there is a file, and its size in bytes."""
    (name,) = msgspec.convert(arguments, _NAME)
    try:
        return [True, {"size": local(root, name).stat().st_size}]
    except OSError:
        return [False, {}]


def device_sizes(root: Path, arguments: list[object]) -> dict[str, int]:
    """Tell MiB of those devices that are there."""
    (names,) = msgspec.convert(arguments, _NAMES)
    found = {}
    for name in names:
        if os.path.normpath(name).startswith(_DEVICES) and local(root, name).is_file():
            found[name] = local(root, name).stat().st_size // MIB
    return found


def watcher_pause(root: Path, _arguments: list[object]) -> int | None:
    """Tell until when the watcher pauses, seconds since the epoch; nothing once that is over."""
    try:
        until_s = int((root / PAUSE_FILE).read_text())
    except (FileNotFoundError, ValueError):
        return None
    return until_s if SystemClock().now_us() <= until_s * _MICROSECONDS else None


#: What a node does for each call on files.
CALLS: Final[dict[str, Callable[[Path, list[Any]], object]]] = {
    "bdev_sizes": device_sizes,
    "file_storage_dir_create": make_directory,
    "file_storage_dir_remove": remove_directory,
    "file_storage_dir_rename": rename_directory,
    "get_file_info": info,
    "get_watcher_pause": watcher_pause,
}
