"""The command line of `ganeti-masterd`.

The same words as the master daemon of the 2.x line, so that init scripts and `daemon-util` need no
change. There are no positional arguments; whoever passes one mistook this for another program.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NoReturn

import masterd
from masterd.constants import RELEASE_VERSION
from masterd.errors import EXIT_FAILURE
from masterd.paths import DAEMON_NAME


class Syslog(StrEnum):
    """Where log lines go."""

    NO = "no"
    YES = "yes"
    ONLY = "only"


@dataclass(frozen=True, slots=True)
class Options:
    """The parsed command line."""

    foreground: bool = False
    debug: bool = False
    no_voting: bool = False
    #: Do not ask for a confirmation of `no_voting`.
    yes_do_it: bool = False
    #: Take in a `config.data` that was edited while no daemon ran.
    adopt_config: bool = False
    syslog: Syslog = Syslog.NO


def parse(arguments: Sequence[str]) -> Options:
    """Read the command line (without the program's name).

    Raises:
        SystemExit: with 0 after `--help` and `--version`, with `EXIT_FAILURE` after a mistake.
    """
    parser = _Parser(
        prog=DAEMON_NAME,
        usage="%(prog)s [-f] [-d] [--no-voting [--yes-do-it]] [--adopt-config]"
        " [--syslog=no|yes|only] [--version]",
        description="The master daemon of a Ganeti cluster.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "-f", "--foreground", action="store_true", help="do not detach from the terminal"
    )
    parser.add_argument("-d", "--debug", action="store_true", help="log what helps to find faults")
    parser.add_argument(
        "--no-voting",
        action="store_true",
        help="do not ask the other nodes who is master (dangerous)",
    )
    parser.add_argument(
        "--yes-do-it", action="store_true", help="do not ask whether --no-voting is meant"
    )
    parser.add_argument(
        "--adopt-config",
        action="store_true",
        help="take in a config.data that was edited while the daemon was stopped",
    )
    parser.add_argument(
        "--syslog",
        type=_syslog,
        default=Syslog.NO,
        metavar="no|yes|only",
        help="log to syslog (except debugging lines): not at all, too, or only (%(default)s)",
    )
    parser.add_argument("--version", action="version", version=version_text(DAEMON_NAME))
    values = parser.parse_args(arguments)
    return Options(
        foreground=values.foreground,
        debug=values.debug,
        no_voting=values.no_voting,
        yes_do_it=values.yes_do_it,
        adopt_config=values.adopt_config,
        syslog=values.syslog,
    )


def version_text(program: str) -> str:
    """Return what `--version` prints: our release and the Ganeti release whose forms are spoken."""
    return f"{program} (ganeti-masterd {masterd.__version__}) {RELEASE_VERSION}"


def _syslog(text: str) -> Syslog:
    try:
        return Syslog(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is none of no, yes, only") from None


class _Parser(argparse.ArgumentParser):
    """Ends with Ganeti's exit code instead of argparse's 2."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(EXIT_FAILURE, f"{self.prog}: {message}\n")
