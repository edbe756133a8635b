"""Become Debian's own configuration daemon, for the seconds in which a node becomes master.

`gnt-cluster master-failover` starts `ganeti-wconfd --force-node` on the node it runs on and lets it
write the new master into the configuration. At that time no daemon of ours serves on this node, and
the configuration is the `config.data` that lies there, so Debian's own daemon does it: the process
keeps its id and goes on as that program, which `daemon-util` finds by name and stops again.

`gnt-cluster renew-crypto` does likewise on the master itself, but starts `ganeti-wconfd` as ever.
So it finds our companion (`masterd.wconfd.service`), which becomes Debian's daemon once it is asked
for more than it can do; the command then connects again and repeats its question.

A store of ours on this node is older than the files after that. A mark is left that the files were
changed with our knowledge: the next start takes them over, where they hold all that the store holds
(`masterd.opening`), and refuses as ever where they do not.

Source: Ganeti 3.0.2 lib/bootstrap.py, MasterFailover; lib/client/gnt_cluster.py, renew-crypto.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from masterd.paths import LUXID_NAME, STOCK_WCONFD, Paths
from masterd.pidfile import AlreadyRunningError, holder
from store.files import replacing

#: Options without which it would first ask all nodes who is master, and find that none answers.
UNASKED: Final = ("--force-node", "--no-voting", "--yes-do-it")

_MARK_MODE: Final = 0o600


def become(paths: Paths, arguments: Sequence[str], program: Path = STOCK_WCONFD) -> None:
    """Go on as Debian's configuration daemon; returns only by raising.

    Raises:
        AlreadyRunningError: a master daemon runs on this node.
        OSError: the program is not there.
    """
    pid_file = paths.pid_file_of(LUXID_NAME)
    pid = holder(pid_file)
    if pid is not None:
        raise AlreadyRunningError(pid_file, pid)
    with replacing(paths.lent_file, _MARK_MODE) as mark:
        mark.write(f"{program}\n".encode())
    os.execv(program, [str(program), *arguments])
