"""Put ganeti-masterd in the place of Debian's luxid and wconfd on this node, or undo that."""

import argparse
import os
import sys
from pathlib import Path
from typing import Final

from masterd.clock import SystemClock
from masterd.errors import EXIT_CONFIRMATION, EXIT_FAILURE, EXIT_SUCCESS, ConfigurationError
from masterd.paths import DAEMON_NAME, Paths
from masterd.upkeep import exchange
from masterd.upkeep.debian import DebianNode
from masterd.upkeep.exchange import ExchangeError

DESCRIPTION: Final = """\
Put ganeti-masterd in the place of Debian's ganeti-luxid and ganeti-wconfd on this node, as root.
On the master: refuses while jobs are unfinished; drains the queue, stops the master daemons, saves
configuration and queue below /var/backups/ganeti-masterd, diverts the two programs in /usr/sbin
(dpkg-divert), starts ganeti-masterd through daemon-util, verifies, and undrains. On another node,
such as a master candidate, only the programs are diverted.

Where something fails, Ganeti's own daemons serve again, or the text says what to do. It may be
started again at any time, also after it was interrupted.

Exit status: 0 when it was done, 1 when it was refused or failed, 2 when the command is not
understood, 13 when it was not confirmed."""

_INSTALL: Final = "Put ganeti-masterd in the place of luxid and wconfd on this node?"
_UNDO: Final = "Bring Debian's luxid and wconfd back on this node?"


def main() -> int:
    """Run the command with the process's arguments; return its exit code."""
    parser = argparse.ArgumentParser(
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--undo", action="store_true", help="go back to Debian's daemons, on the files as they are"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask for a confirmation")
    options = parser.parse_args()
    try:
        return _run(options)
    except (ExchangeError, ConfigurationError, OSError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return EXIT_FAILURE
    except KeyboardInterrupt:
        print(f"{parser.prog}: interrupted; start it again to go on", file=sys.stderr)
        return EXIT_FAILURE


def _run(options: argparse.Namespace) -> int:
    commands = Path(sys.executable).parent
    node = DebianNode(
        Paths.from_environment(os.environ),
        commands / DAEMON_NAME,
        commands / "ganeti-exporter",
        SystemClock(),
    )
    node.refuse_unprepared()
    if not options.yes and not _confirmed(_UNDO if options.undo else _INSTALL):
        return EXIT_CONFIRMATION
    way = exchange.undo if options.undo else exchange.install
    way(node, _say)
    _say("done")
    return EXIT_SUCCESS


def _confirmed(question: str) -> bool:
    print(f"{question} [y/N] ", end="", flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _say(text: str) -> None:
    print(f"install-debian: {text}", flush=True)
