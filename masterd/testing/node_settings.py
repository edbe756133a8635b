"""What a simulated node finds well, has, and lets the cluster change of itself.

Source: Ganeti 3.0.2 lib/backend.py (answers).
"""

import hashlib
from pathlib import Path
from typing import Final

import msgspec

from masterd.testing import certificates, node_notes

#: Note of whether the node runs the master's daemons, and whether it asked for votes.
MASTER: Final = "master-daemons"

_START: Final = tuple[bool]
_TOKENS: Final = list[list[tuple[str, str, object]]]


def drbd_helper(_root: Path, _arguments: list[object]) -> str:
    """Return the program that DRBD calls."""
    return "/bin/true"


def tokens(root: Path, arguments: list[object]) -> list[tuple[str, str]]:
    """Return the digest of the node's certificate; of its name, where it has none."""
    (requests,) = msgspec.convert(arguments, _TOKENS)
    try:
        digest = certificates.read_digest(root / "var/lib/ganeti/client.pem")
    except FileNotFoundError:
        digest = hashlib.sha1(root.name.encode(), usedforsecurity=False).hexdigest()
    return [(kind, digest) for kind, _, _ in requests]


def start_master(root: Path, arguments: list[object]) -> None:
    """Begin to be the master; nothing runs."""
    (without_votes,) = msgspec.convert(arguments, _START)
    node_notes.write(root, MASTER, {"run": True, "without_votes": without_votes})


def stop_master(root: Path, _arguments: list[object]) -> None:
    """End to be the master."""
    node_notes.write(root, MASTER, {"run": False})


def is_so(_root: Path, _arguments: list[object]) -> bool:
    """Say that a daemon runs, or does not, as it was wanted."""
    return True


def agreed(_root: Path, _arguments: list[object]) -> None:
    """Have nothing against what was asked."""


def nobody_failed(_root: Path, _arguments: list[object]) -> list[object]:
    """Return that no node failed to take a key."""
    return []
