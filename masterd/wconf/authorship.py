"""Whether the simple files on this node are ours, before they are overwritten everywhere.

`gnt-cluster renew-crypto`, a failover and Ganeti's own daemons write them too, and what they wrote
may be newer than our configuration: old certificates, sent to all nodes, lock the master out of its
own cluster. So what each file may contain is kept in the store before the nodes are told, and what
has another content is somebody else's: it is never overwritten unseen.

A file counts as ours with what is to be written, and with what was written or found there before,
which stays until the node daemon has replaced it.
"""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

import gevent
from gevent.lock import Semaphore

from masterd.clock import Clock, SystemClock
from masterd.limits import (
    CONFIG_SIMPLE_LOOK_S,
    CONFIG_SIMPLE_VERSIONS_MAX,
    SSCONF_FILE_BYTES_MAX,
)
from masterd.ssconf import PREFIX
from store.threads import in_thread

_log = logging.getLogger(__name__)

#: Digests of what a file may contain, the newest first, by key.
Versions = Mapping[str, Sequence[str]]

_HEX_DIGITS: Final = 32


class Memory(Protocol):
    """Keeps what the files may contain; see `masterd.wconf.repository`."""

    def simple_versions(self) -> Versions | None:
        """Return what was kept; None before the first time."""
        ...

    def keep_simple_versions(self, versions: Versions) -> None:
        """Keep it, durably. Switches."""
        ...


def foreign(present: Mapping[str, str], known: Versions) -> list[str]:
    """Return the keys of the files that have none of the contents known. Pure.

    A file that is missing says nothing, and neither does one of which nothing is known.
    """
    return sorted(
        key for key, digest in present.items() if key in known and digest not in known[key]
    )


def grown(known: Versions, present: Mapping[str, str], wanted: Mapping[str, str]) -> Versions:
    """Return what the files may contain when `wanted` is about to be written. Pure."""
    versions = {}
    for key, digest in wanted.items():
        found = [digest, *([present[key]] if key in present else []), *known.get(key, ())]
        versions[key] = list(dict.fromkeys(found))[:CONFIG_SIMPLE_VERSIONS_MAX]
    return versions


class Authorship:
    """Looks at the files of this node before all nodes are told of others."""

    def __init__(
        self,
        directory: Path,
        memory: Memory,
        *,
        trusted: bool = False,
        clock: Clock | None = None,
    ) -> None:
        """Prepare.

        Args:
            directory: where the files stand.
            trusted: whatever is there now may be overwritten: the administrator said so.
            clock: tells how long ago the last look was; the machine's unless given.
        """
        self._directory = directory
        self._memory = memory
        self._trusted = trusted
        self._told: list[str] = []
        self._clock: Clock = clock or SystemClock()
        self._looking = Semaphore()
        #: The files that nodes were begun to be told of, and until when no look is due for them.
        self._begun: Mapping[str, bytes] | None = None
        self._begun_until_s = 0.0

    def look(self, files: Mapping[str, bytes]) -> str | None:
        """Return why these files must not be written; None where they may. Does not switch."""
        wanted = digests(files)
        return self._refused(wanted, self._present(wanted))

    def begin(self, files: Mapping[str, bytes]) -> str | None:
        """Keep that these files are about to be written; return why they must not be. Switches.

        Nodes that are told of the same files within a moment share one look.

        Raises:
            ConfigurationError: the store refused it.
        """
        with self._looking:
            if files is self._begun and self._clock.monotonic_s() < self._begun_until_s:
                return None
            refusal = self._begin(files)
            if refusal is None:
                self._begun = files
                self._begun_until_s = self._clock.monotonic_s() + CONFIG_SIMPLE_LOOK_S
            return refusal

    def _begin(self, files: Mapping[str, bytes]) -> str | None:
        pool = gevent.get_hub().threadpool
        wanted, present = in_thread(pool, lambda: self._digests(files))
        refusal = self._refused(wanted, present)
        if refusal is not None:
            if refusal not in self._told:
                self._told.append(refusal)
                _log.critical("The nodes are not told of simple files: %s", refusal)
            return refusal
        self._told.clear()
        known = self._memory.simple_versions() or {}
        versions = grown(known, present, wanted)
        if versions != known:
            self._memory.keep_simple_versions(versions)
        self._trusted = False
        return None

    def _refused(self, wanted: Mapping[str, str], present: Mapping[str, str]) -> str | None:
        """Return why files with these digests must not be written over those that are there."""
        known = self._memory.simple_versions()
        if known is None or self._trusted:
            return None
        found = foreign(present, grown(known, {}, wanted))
        return _refusal(found) if found else None

    def _digests(self, files: Mapping[str, bytes]) -> tuple[dict[str, str], dict[str, str]]:
        """Return the digests of files, and of what is there under their names. Blocks."""
        wanted = digests(files)
        return wanted, self._present(wanted)

    def _present(self, keys: Mapping[str, object]) -> dict[str, str]:
        present = {}
        for key in keys:
            try:
                with (self._directory / f"{PREFIX}{key}").open("rb") as file:
                    present[key] = _digest(file.read(SSCONF_FILE_BYTES_MAX))
            except OSError:
                continue
        return present


def digests(files: Mapping[str, bytes]) -> dict[str, str]:
    """Return the digest of each file."""
    return {key: _digest(content) for key, content in files.items()}


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_HEX_DIGITS]


def _refusal(keys: Sequence[str]) -> str:
    names = ", ".join(f"{PREFIX}{key}" for key in keys)
    return (
        f"{names} on this node: written by another program since we wrote last (a failover,"
        " gnt-cluster renew-crypto, Ganeti's own daemons?); ours may be older"
    )
