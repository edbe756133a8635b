"""The command line of the daemons.

The same words as the daemons in whose place they run, so that init scripts and `daemon-util` need
no change. There are no positional arguments; whoever passes one mistook this for another program.
Nothing heavy is imported here, so that `--help` and `--version` answer at once.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import masterd
from masterd import installed
from masterd.constants import RELEASE_VERSION, RELEASES
from masterd.programs import MASTERD, Program

_FILES: Final = "[--adopt-config | --adopt-files | --keep-store] [--accept-stale-state]"


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
    #: Take configuration and jobs over anew, where another master has worked meanwhile.
    adopt_files: bool = False
    #: Go on from the store, where another master has worked meanwhile.
    keep_store: bool = False
    #: Be the master although other nodes have seen a newer state.
    accept_stale_state: bool = False
    syslog: Syslog = Syslog.NO
    #: Serve as configuration daemon on a node that is not the master.
    force_node: bool = False


def parse(arguments: Sequence[str], program: Program = MASTERD) -> Options:
    """Read the command line (without the program's name).

    Raises:
        SystemExit: with 0 after `--help` and `--version`, with 2 after a mistake.
    """
    parser = argparse.ArgumentParser(
        prog=program.name,
        usage="%(prog)s [-f] [-d] [--no-voting [--yes-do-it]]"
        f" {'[--force-node]' if program.is_companion else _FILES}"
        " [--syslog=no|yes|only] [--version]",
        description=program.about,
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
    if program.is_companion:
        parser.add_argument(
            "--force-node",
            action="store_true",
            help="run Debian's own configuration daemon, on a node that is about to become master",
        )
    else:
        _add_files(parser)
    parser.add_argument(
        "--no-user-checks", action="store_true", help="has no effect; any user may be the daemon's"
    )
    parser.add_argument(
        "--syslog",
        type=_syslog,
        default=Syslog.NO,
        metavar="no|yes|only",
        help="log to syslog (except debugging lines): not at all, too, or only (%(default)s)",
    )
    parser.add_argument("-V", "--version", action="version", version=version_text(program.name))
    values = parser.parse_args(arguments)
    return Options(
        foreground=values.foreground,
        debug=values.debug,
        no_voting=values.no_voting,
        yes_do_it=values.yes_do_it,
        adopt_config=not program.is_companion and values.adopt_config,
        adopt_files=not program.is_companion and values.adopt_files,
        keep_store=not program.is_companion and values.keep_store,
        accept_stale_state=not program.is_companion and values.accept_stale_state,
        syslog=values.syslog,
        force_node=program.is_companion and values.force_node,
    )


def _add_files(parser: argparse.ArgumentParser) -> None:
    """Add what says whose files count, and how new the state here has to be."""
    parser.add_argument(
        "--accept-stale-state",
        action="store_true",
        help="start although other nodes have seen a newer state; what only they know is lost",
    )
    files = parser.add_mutually_exclusive_group()
    files.add_argument(
        "--adopt-config",
        action="store_true",
        help="take in a config.data that was edited while the daemon was stopped",
    )
    files.add_argument(
        "--adopt-files",
        action="store_true",
        help="where another master has worked meanwhile: take configuration and jobs over from the"
        " files, and put the store aside",
    )
    files.add_argument(
        "--keep-store",
        action="store_true",
        help="where another master has worked meanwhile: go on from the store, and put the files"
        " that differ aside",
    )


def version_text(program: str, root: Path = Path("/")) -> str:
    """Return what `--version` prints: our release and the Ganeti release whose forms are spoken.

    That is the one which is installed below `root`, and 3.0 where there is none or another one. The
    settings can choose another; they are not read for this.
    """
    found = installed.find(root)
    if found is None or found.version not in RELEASES:
        spoken = RELEASE_VERSION
    else:
        spoken = found.release_version or found.version
    return f"{program} (ganeti-masterd {masterd.__version__}) {spoken}"


def _syslog(text: str) -> Syslog:
    try:
        return Syslog(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is none of no, yes, only") from None
