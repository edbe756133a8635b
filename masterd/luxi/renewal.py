"""Tells who asks for new certificates of the nodes, and whether that can be done.

For new certificates of the nodes, the command stops all daemons, gives every node a certificate
that no other node knows yet, and lets the configuration daemon write the master's new fingerprint
down: Debian's own, which ours lets in (`masterd.wconfd.stock`). Without it every node would refuse
every other. By then it is too late, so where it is not there the command is refused at its first
question, before it has stopped or changed anything. A question does not say what it is for; the
command line of who asks it does.

Source: Ganeti 3.0.2 lib/client/gnt_cluster.py (options), lib/cli.py (the question).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from masterd.errors import ECode, OpPrereqError
from masterd.job.model import Peer
from masterd.paths import STOCK_WCONFD

_QUESTION: Final = ("cluster_name", "master_node")
_COMMAND: Final = b"renew-crypto"
#: What the options begin with, as short as they may be written.
_OPTIONS: Final = (b"--new-cluster-c", b"--new-n")


def refuse_half(fields: Sequence[str], peer: Peer, program: Path = STOCK_WCONFD) -> None:
    """Refuse the first question of a command that would leave the nodes' certificates half renewed.

    Args:
        program: that can write the new ones down.

    Raises:
        OpPrereqError: it is that question, by that command, and the program is not there.
    """
    if tuple(fields) == _QUESTION and not program.exists() and asks_for_it(peer):
        raise OpPrereqError(
            f"the certificates of nodes cannot be renewed without {program}, which is not there;"
            " nothing was changed",
            ECode.STATE,
        )


def asks_for_it(peer: Peer) -> bool:
    """Tell whether a client is a command that gives the nodes new certificates."""
    return renews_nodes(_command_line(peer.pid))


def renews_nodes(command_line: Sequence[bytes]) -> bool:
    """Tell whether a command gives the nodes new certificates."""
    if _COMMAND not in command_line:
        return False
    options = command_line[command_line.index(_COMMAND) + 1 :]
    return any(option.startswith(_OPTIONS) for option in options)


def _command_line(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        # It has ended, or may not be looked at.
        return []
