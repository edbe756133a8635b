"""What a simulated node does with its means: power, commands, addresses.

Each keeps what it was told in files of the node's own root, so that what is asked later agrees.
Hardware is reached by any program: all nodes have power until they are switched off.

Source: Ganeti 3.0.2 lib/backend.py (answers, checks).
"""

import re
from pathlib import Path
from typing import Final

import msgspec

from masterd.testing import node_notes
from masterd.testing.node_notes import RefusedError

#: Where administrators put commands that nodes may run, below a root.
COMMANDS_DIR: Final = "etc/ganeti/restricted-commands"

#: Notes of what a node was told.
_POWER: Final = "power"
#: Names in the node's file of hosts, and their addresses.
HOSTS: Final = "hosts"
#: Addresses that a node has besides the one by which it is called.
ADDRESSES: Final = "addresses"

_NAME: Final = re.compile(r"[-a-zA-Z0-9._]+")

_OUT_OF_BAND: Final = tuple[str, str, str, int]


def powercycle(_root: Path, _arguments: list[object]) -> str:
    """Say that the node restarts; it does not."""
    return "Reboot scheduled in 5 seconds"


def demote(root: Path, _arguments: list[object]) -> None:
    """Put away what only candidates have."""
    (root / "var/lib/ganeti/config.data").unlink(missing_ok=True)


def leave(root: Path, _arguments: list[object]) -> None:
    """Forget the cluster: the files that say which it is."""
    for path in (root / "var/lib/ganeti").glob("ssconf_*"):
        path.unlink()


def modify_hosts(root: Path, arguments: list[object]) -> None:
    """Write down who is in the file of hosts."""
    mode, name, address = arguments
    hosts: dict[str, object] = node_notes.read(root, HOSTS, {})
    hosts.pop(str(name), None)
    node_notes.write(root, HOSTS, {**hosts, str(name): address} if mode == "add" else hosts)


def has_address(root: Path, arguments: list[object]) -> bool:
    """Tell whether the node has an address that it was given."""
    (address,) = arguments
    return address in node_notes.read(root, ADDRESSES, [])


def run_out_of_band(root: Path, arguments: list[object]) -> object:
    """Switch a node, or tell how it is."""
    _, command, node, _ = msgspec.convert(arguments, _OUT_OF_BAND)
    powered: dict[str, bool] = node_notes.read(root, _POWER, {})
    if command == "power-status":
        return {"powered": powered.get(node, True)}
    if command == "health":
        return [["disk0", "OK"], ["psu1", "OK" if powered.get(node, True) else "CRITICAL"]]
    if command not in ("power-on", "power-off", "power-cycle"):
        raise RefusedError(f"unknown command {command}")
    node_notes.write(root, _POWER, {**powered, node: command != "power-off"})
    return None


def run_restricted(root: Path, arguments: list[object]) -> str:
    """Return the text of a command, which stands for what it prints."""
    (name,) = arguments
    path = root / COMMANDS_DIR / str(name)
    if _NAME.fullmatch(str(name)) is None or not path.is_file():
        raise RefusedError(f"Executing command failed: {name}")
    return path.read_text(encoding="utf-8")
