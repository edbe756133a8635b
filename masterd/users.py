"""Owners of the files that other programs of the cluster share with this daemon.

Ganeti's packages create users and groups of their own. A daemon started as root, or as the user
that Ganeti's `daemon-util` gives it, gives its files to them where they exist, so that
`ganeti-confd`, `ganeti-rapi` and the node daemon may read what they read today, and nothing else.
Started as somebody else, everything stays with him.

`daemon-util` names a group too (`gnt-luxid`, or `gnt-confd` for wconfd), which is none of those
that the files need: that user may give them to these because he is a member of them.

Source: files.json, users_and_groups, daemon_groups_at_start.
"""

import grp
import os
import pwd
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from store.files import own_directory

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
        """Look up the users and groups; without them, or as a user of no concern, own nothing.

        Raises:
            PermissionError: this process is Ganeti's user, and not in all groups of his.
        """
        try:
            uid = pwd.getpwnam(MASTERD_USER).pw_uid
        except KeyError:
            return cls()
        groups = {name: _gid(name) for name in (MASTERD_GROUP, DAEMONS_GROUP, CONFD_GROUP)}
        if os.geteuid() == uid:
            mine = {os.getegid(), *os.getgroups()}
            lacking = [name for name, gid in groups.items() if gid is not None and gid not in mine]
            if lacking:
                raise PermissionError(
                    f"started as {MASTERD_USER} without the groups {', '.join(lacking)}: its files"
                    " could not be given to those who have to read them, and to nobody else"
                )
        elif os.geteuid() != 0:
            return cls()
        return cls(*(None if gid is None else (uid, gid) for gid in groups.values()))


def _gid(group: str) -> int | None:
    try:
        return grp.getgrnam(group).gr_gid
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
    own_directory(path, mode, owner)
