"""Owners of the files that other programs of the cluster share with this daemon.

Ganeti's packages create users and groups of their own. A daemon started as root gives its files to
them where they exist, so that `ganeti-confd`, `ganeti-rapi` and the node daemon may read what they
read today; otherwise everything stays with whoever started the daemon.

Source: files.json, users_and_groups.
"""

import grp
import os
import pwd
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MASTERD_USER: Final = "gnt-masterd"
MASTERD_GROUP: Final = "gnt-masterd"
DAEMONS_GROUP: Final = "gnt-daemons"
CONFD_GROUP: Final = "gnt-confd"


@dataclass(frozen=True, slots=True)
class Owners:
    """Pairs (uid, gid) for `os.chown`, by who shall read the file; None: leave the owner alone."""

    #: For this daemon alone, such as its log.
    private: tuple[int, int] | None = None
    #: Shared with all daemons: sockets, queue, run and log directories.
    daemons: tuple[int, int] | None = None
    #: Shared with the configuration daemon: `config.data`.
    confd: tuple[int, int] | None = None

    @classmethod
    def of_this_machine(cls) -> "Owners":
        """Look the users and groups up, as root; without them, or as somebody else, own nothing."""
        if os.geteuid() != 0:
            return cls()
        try:
            uid = pwd.getpwnam(MASTERD_USER).pw_uid
        except KeyError:
            return cls()
        return cls(_pair(uid, MASTERD_GROUP), _pair(uid, DAEMONS_GROUP), _pair(uid, CONFD_GROUP))


def _pair(uid: int, group: str) -> tuple[int, int] | None:
    try:
        return uid, grp.getgrnam(group).gr_gid
    except KeyError:
        return None


def ensure_directory(path: Path, mode: int, owner: tuple[int, int] | None) -> None:
    """Create a directory with exactly this mode and owner, or correct an existing one.

    Missing parents get mode 0755. An existing directory of somebody else is left alone unless we
    are root.

    Raises:
        OSError: it cannot be created, or something else stands there.
    """
    for parent in reversed(path.parents):
        if not parent.exists():
            parent.mkdir(exist_ok=True)
            parent.chmod(0o755)
    path.mkdir(mode=mode, exist_ok=True)
    status = path.stat()
    if os.geteuid() not in (0, status.st_uid):
        return
    if owner is not None and (status.st_uid, status.st_gid) != owner:
        os.chown(path, *owner)
    if status.st_mode & 0o7777 != mode:
        path.chmod(mode)
