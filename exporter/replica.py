"""Other nodes that keep a copy of the queue directory, as the exporter sees them.

Master candidates hold the same job files as the master, so that one of them can take over. How a
change gets there is not the exporter's business.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol


class ReplicaError(Exception):
    """A replica did not take a change, or did not say so; it is to be sent again.

    Attributes:
        missing: a file to be renamed is not there: it was renamed before and the answer got lost,
            or it never arrived. Send its content, then rename again.
    """

    def __init__(self, text: str, *, missing: bool = False) -> None:
        super().__init__(text)
        self.missing = missing


def digest_of(content: bytes) -> str:
    """Return the digest of a file's content in the form in which replicas tell it."""
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


class Replica(Protocol):
    """One node that keeps a copy. All methods may switch greenlets and raise `ReplicaError`."""

    @property
    def name(self) -> str:
        """The node's name."""
        ...

    def update(self, path: Path, content: bytes) -> None:
        """Write a file whole; `path` is the master's own name for it."""
        ...

    def rename(self, pairs: Sequence[tuple[Path, Path]]) -> None:
        """Move files from the first to the second name, making directories as needed."""
        ...

    def set_drain(self, drained: bool) -> None:
        """Make or remove the drain flag."""
        ...

    def digests(self, paths: Sequence[Path]) -> Mapping[Path, str]:
        """Return the SHA-1 digests, in hexadecimal, of those files that are there."""
        ...
