"""The names this daemon goes by, and what each of them means.

Everything that starts, stops and looks after the daemons of a node goes through Ganeti's
`daemon-util`, which knows them by pid file and process name. So the launcher looks at the name it
was called by: as `ganeti-luxid` it is the master daemon in luxid's place, as `ganeti-wconfd` the
small companion in wconfd's place (`masterd.wconfd`), and by any other name the master daemon beside
Ganeti's own two, which then must not run.

Nothing heavy is imported here: `--help` comes by.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from masterd.paths import DAEMON_NAME, LUXID_NAME, WCONFD_NAME


@dataclass(frozen=True, slots=True)
class Program:
    """One of the daemons that this project is."""

    #: Of process, pid file and log lines. Source: daemon-util, which looks for both.
    name: str
    #: Name of the log file, without suffix. Source: files.json (kept through Ganeti's releases).
    log_name: str
    about: str
    is_companion: bool = False
    #: Names of the pid files that are held while the program runs, its own first.
    holds: tuple[str, ...] = ()
    #: Names of the pid files that only a program of ours may hold meanwhile; where that one was
    #: killed, its file is removed, so that it can be started again.
    tolerates: tuple[str, ...] = ()


_MASTER_LOG: Final = "master-daemon"
_MASTER_ABOUT: Final = "The master daemon of a Ganeti cluster."

MASTERD: Final = Program(
    DAEMON_NAME, _MASTER_LOG, _MASTER_ABOUT, holds=(DAEMON_NAME, LUXID_NAME, WCONFD_NAME)
)
LUXID: Final = Program(
    LUXID_NAME, _MASTER_LOG, _MASTER_ABOUT, holds=(LUXID_NAME,), tolerates=(WCONFD_NAME,)
)
WCONFD: Final = Program(
    WCONFD_NAME,
    "wconf-daemon",
    "Answers whether the configuration daemon is there, beside ganeti-masterd.",
    is_companion=True,
    holds=(WCONFD_NAME,),
    tolerates=(LUXID_NAME,),
)

_BY_NAME: Final = {program.name: program for program in (LUXID, WCONFD)}


def called(command: str) -> Program:
    """Return the program that was called by this command (`sys.argv[0]`)."""
    return _BY_NAME.get(Path(command).name, MASTERD)
