"""A refusal of `gnt-cluster renew-crypto` where it would be left half done.

For new certificates of the nodes, the command stops all daemons, gives every node a certificate
that no other node knows yet, lets the configuration daemon write the new fingerprints down, and has
an opcode distribute them. Neither of the last two can be done yet, and without them every node
refuses every other: nothing works any more, under Ganeti's own daemons neither. By then it is too
late, so it is refused at its first question, before it has stopped or changed anything. A question
does not say what it is for; the command line of who asks it does.

Source: Ganeti 3.0.2 lib/client/gnt_cluster.py (options), lib/cli.py (the question).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from masterd.errors import ECode, OpPrereqError
from masterd.job.model import Peer

_QUESTION: Final = ("cluster_name", "master_node")
_COMMAND: Final = b"renew-crypto"
#: What the options begin with, as short as they may be written.
_OPTIONS: Final = (b"--new-cluster-c", b"--new-n")


def refuse_half(fields: Sequence[str], peer: Peer) -> None:
    """Refuse the first question of a command that would renew the nodes' certificates.

    Raises:
        OpPrereqError: it is that question, by that command.
    """
    if tuple(fields) == _QUESTION and renews_nodes(_command_line(peer.pid)):
        raise OpPrereqError(
            "ganeti-masterd cannot renew the certificates of nodes yet, and nothing was changed:"
            " bring Ganeti's own daemons back (install-debian --undo), renew, and install again",
            ECode.STATE,
        )


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
