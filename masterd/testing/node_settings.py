"""What a simulated node finds well, has, and lets the cluster change of itself.

Source: Ganeti 3.0.2 lib/backend.py (answers).
"""

import hashlib
from pathlib import Path
from typing import Final

import msgspec

from masterd.testing import certificates

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


def is_so(_root: Path, _arguments: list[object]) -> bool:
    """Say that a daemon runs, or does not, as it was wanted."""
    return True


def agreed(_root: Path, _arguments: list[object]) -> None:
    """Have nothing against what was asked."""


def nobody_failed(_root: Path, _arguments: list[object]) -> list[object]:
    """Return that no node failed to take a key."""
    return []
