"""What a simulated node does with its means: power, commands, volumes, exports, keys.

Each keeps what it was told in files of the node's own root, so that what is asked later agrees.
Hardware is reached by any program: all nodes have power until they are switched off.

Source: Ganeti 3.0.2 lib/backend.py (answers, checks), lib/storage/container.py, bdev.py.
"""

import re
import shutil
from pathlib import Path
from typing import Any, Final

import msgspec

#: Where administrators put commands that nodes may run, and where exports lie, below a root.
COMMANDS_DIR: Final = "etc/ganeti/restricted-commands"
EXPORT_DIR: Final = "srv/ganeti/export"

#: Files of what a node was told, below a root.
_POWER: Final = "var/run/ganeti/simulated-power.json"
_CLOSED: Final = "var/run/ganeti/simulated-closed-volumes.json"
_MIRRORS: Final = "var/run/ganeti/simulated-mirrors.json"
#: Names in the node's file of hosts, and their addresses.
HOSTS: Final = "var/run/ganeti/simulated-hosts.json"
#: Addresses that a node has besides the one by which it is called.
ADDRESSES: Final = "var/run/ganeti/simulated-addresses.json"

_MIB: Final = 1024 * 1024

VOLUME_GROUP: Final = "xenvg"
PHYSICAL_VOLUMES: Final = ("/dev/sda3", "/dev/sda10")

_NAME: Final = re.compile(r"[-a-zA-Z0-9._]+")

#: Storage type, arguments, name, and what is to be done.
_CHANGE: Final = tuple[str, list[object], str | None, dict[str, object]]
_OPERATION: Final = tuple[str, list[object], str | None, str]
_OUT_OF_BAND: Final = tuple[str, str, str, int]


class RefusedError(Exception):
    """The node does not do it, and says why."""


def powercycle(_root: Path, _arguments: list[object]) -> str:
    """Say that the node restarts; it does not."""
    return "Reboot scheduled in 5 seconds"


def demote(root: Path, _arguments: list[object]) -> None:
    """Put away what only candidates have."""
    (root / "var/lib/ganeti/config.data").unlink(missing_ok=True)


def physical_volumes(_root: Path, arguments: list[object]) -> dict[str, object]:
    """Tell of the physical volumes, all of one size; nothing else is checked."""
    checks = msgspec.convert(arguments[0], dict[str, list[str]])
    told: list[dict[str, object]] = [
        {"name": name, "vg_name": VOLUME_GROUP, "size": 1_000_000.0, "free": 900_000.0,
         "attributes": "a--", "lv_list": []}
        for name in PHYSICAL_VOLUMES
    ]  # fmt: skip
    return {"pvlist": told} if VOLUME_GROUP in checks["pvlist"] else {}


def leave(root: Path, _arguments: list[object]) -> None:
    """Forget the cluster: the files that say which it is."""
    for path in (root / "var/lib/ganeti").glob("ssconf_*"):
        path.unlink()


def modify_hosts(root: Path, arguments: list[object]) -> None:
    """Write down who is in the file of hosts."""
    mode, name, address = arguments
    hosts: dict[str, object] = _told(root / HOSTS, {})
    hosts.pop(str(name), None)
    _tell(root / HOSTS, {**hosts, str(name): address} if mode == "add" else hosts)


def has_address(root: Path, arguments: list[object]) -> bool:
    """Tell whether the node has an address that it was given."""
    (address,) = arguments
    return address in _told(root / ADDRESSES, [])


def run_out_of_band(root: Path, arguments: list[object]) -> object:
    """Switch a node, or tell how it is."""
    _, command, node, _ = msgspec.convert(arguments, _OUT_OF_BAND)
    powered: dict[str, bool] = _told(root / _POWER, {})
    if command == "power-status":
        return {"powered": powered.get(node, True)}
    if command == "health":
        return [["disk0", "OK"], ["psu1", "OK" if powered.get(node, True) else "CRITICAL"]]
    if command not in ("power-on", "power-off", "power-cycle"):
        raise RefusedError(f"unknown command {command}")
    _tell(root / _POWER, {**powered, node: command != "power-off"})
    return None


def run_restricted(root: Path, arguments: list[object]) -> str:
    """Return the text of a command, which stands for what it prints."""
    (name,) = arguments
    path = root / COMMANDS_DIR / str(name)
    if _NAME.fullmatch(str(name)) is None or not path.is_file():
        raise RefusedError(f"Executing command failed: {name}")
    return path.read_text(encoding="utf-8")


def modify_unit(root: Path, arguments: list[object]) -> None:
    """Let a physical volume take more, or not."""
    kind, _, name, changes = msgspec.convert(arguments, _CHANGE)
    if kind != "lvm-pv" or name not in PHYSICAL_VOLUMES:
        raise RefusedError(f"Failed to find physical volume '{name}'")
    closed = set(closed_volumes(root)) - {name}
    if not changes.get("allocatable", True):
        closed.add(name)
    _tell(root / _CLOSED, sorted(closed))


def closed_volumes(root: Path) -> list[str]:
    """Return the physical volumes that take no more."""
    closed: list[str] = _told(root / _CLOSED, [])
    return closed


def operate_on_unit(_root: Path, arguments: list[object]) -> None:
    """Repair a volume group, where nothing is ever broken."""
    kind, _, name, operation = msgspec.convert(arguments, _OPERATION)
    if kind != "lvm-vg" or operation != "fix-consistency":
        raise RefusedError(f"Operation '{operation}' is not supported for storage type '{kind}'")
    if name != VOLUME_GROUP:
        raise RefusedError(f"Volume group '{name}' could not be repaired")


def volumes(_root: Path, _arguments: list[object]) -> list[object]:
    """Return the logical volumes, of which there is one that no instance uses."""
    return [
        {"name": "swap", "size": "2048.00", "dev": f"{PHYSICAL_VOLUMES[0]}(0)", "vg": VOLUME_GROUP}
    ]


def logical_volumes(_root: Path, _arguments: list[object]) -> dict[str, object]:
    """Return the logical volumes by name: none but the one that no instance uses."""
    return {f"{VOLUME_GROUP}/swap": ["2048.00", False, True]}


def needing_activation(_root: Path, arguments: list[object]) -> list[str]:
    """Say of all DRBD disks that they are up."""
    _disks(arguments)
    return []


def dimensions(_root: Path, arguments: list[object]) -> list[object]:
    """Tell the size of each disk, a MiB larger than it was asked for."""
    sizes = [int(disk["size"]) for disk in _disks(arguments)]
    return [[(size + 1) * _MIB, None] for size in sizes]


def _disks(arguments: list[object]) -> list[Any]:
    (disks,) = arguments
    if not isinstance(disks, list):
        raise TypeError("disks are not a list")
    return disks


def write_mirrors(root: Path, states: list[dict[str, object]]) -> None:
    """Say what each look at mirrors finds that are not fine; the last state stays."""
    _tell(root / _MIRRORS, states)


def mirror_status(root: Path, arguments: list[object]) -> list[object]:
    """Tell of each disk how its mirror is: fine, where nothing else was said."""
    fine = {
        "dev_path": "/dev/drbd0", "major": 147, "minor": 0, "sync_percent": None,
        "estimated_time": None, "is_degraded": False, "ldisk_status": 1,
    }  # fmt: skip
    first, *rest = _told(root / _MIRRORS, [{}])
    if rest:
        _tell(root / _MIRRORS, rest)
    return [{**fine, **first} for _ in _disks(arguments)]


def mirror_status_of_each(root: Path, arguments: list[object]) -> list[object]:
    """Tell of each disk that it is there, and that its mirror is fine."""
    return [[True, state] for state in mirror_status(root, arguments)]


def exports(root: Path, _arguments: list[object]) -> list[str]:
    """Return the names of exports."""
    directory = root / EXPORT_DIR
    return sorted(path.name for path in directory.iterdir()) if directory.is_dir() else []


def remove_export(root: Path, arguments: list[object]) -> None:
    """Remove an export."""
    (name,) = arguments
    path = root / EXPORT_DIR / str(name)
    if _NAME.fullmatch(str(name)) is None or not path.is_dir():
        raise RefusedError(f"Error while removing the export: no directory {name}")
    shutil.rmtree(path)


def _told(path: Path, otherwise: Any) -> Any:
    return msgspec.json.decode(path.read_bytes()) if path.exists() else otherwise


def _tell(path: Path, what: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.encode(what))
