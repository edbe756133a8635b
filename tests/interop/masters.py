"""Masters on a configuration of one's own, for Debian's programs: luxid, and our daemon.

Each has a root directory of its own, because both want the same socket below it. No node daemon
runs, unless the test starts some.
"""

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from masterd.clock import SystemClock
from masterd.config import document
from masterd.config.snapshot import ConfigSnapshot
from masterd.luxi.client import Client
from masterd.paths import Paths
from tests import system
from tests.broken_configs import sound
from tests.interop import debian, luxid, luxid_support
from tests.interop.debian import Commands, Outcome

HOST: Final = luxid_support.HOST

_FOLDERS: Final = ("etc/ganeti", "var/lib/ganeti/queue/archive", "var/run/ganeti/socket",
                   "var/run/ganeti/livelocks", "var/log/ganeti")  # fmt: skip

#: What two runs never have in common: the time before a line, a new object's uuid. And what only
#: the missing node daemon makes a job tell, the reference with the node's uuid.
_TIME: Final = re.compile(r"^\w{3} \w{3} +\d+ \d\d:\d\d:\d\d \d{4} ", re.MULTILINE)
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SILENT: Final = re.compile(r"^.*Communication failure to node .*\n", re.MULTILINE)


def lonely() -> ConfigSnapshot:
    """Return a cluster of several nodes on which nobody is asked who cannot answer but the master.

    The others are offline.
    """
    made = sound()
    made["filters"] = {}
    for node in made["nodes"].values():
        node["offline"] = node["offline"] or node["uuid"] != made["cluster"]["master_node"]
        if node["offline"]:
            node["drained"] = node["master_candidate"] = False
    made["cluster"]["candidate_pool_size"] = 1
    return document.split(made)


@contextmanager
def root(config: ConfigSnapshot) -> Iterator[Path]:
    """Make the root directory of a master that has this configuration."""
    # Not under pytest's own directory, which other users may not enter.
    base = Path(tempfile.mkdtemp(prefix="gm-"))
    try:
        base.chmod(0o755)
        made = base / HOST
        for folder in _FOLDERS:
            (made / folder).mkdir(parents=True)
        luxid_support.fill(made, config)
        yield made
    finally:
        shutil.rmtree(base)


def commands(path: Path) -> Commands:
    """Return commands on the master of a root; sets are gone through in the same order by all."""
    return Commands({**Paths(path, path.name).environment(), "PYTHONHASHSEED": "0"})


@contextmanager
def reference(config: ConfigSnapshot) -> Iterator[Path]:
    """Run luxid; gives its root."""
    with root(config) as path, luxid.luxid(path, config_serial=config.serial_no):
        yield path


@contextmanager
def working_reference(config: ConfigSnapshot) -> Iterator[Path]:
    """Run luxid and wconfd, which carry out jobs; gives their root."""
    with reference(config) as path, luxid.wconfd(path):
        yield path


@contextmanager
def ours(path: Path, through: Sequence[str] = ()) -> Iterator[None]:
    """Run our daemon in a root, without asking other nodes who is the master.

    Args:
        through: a command that starts it, such as one that makes it another user's.
    """
    paths = Paths(path, path.name)
    process = system.spawn(
        paths.environment(), arguments=["--no-voting", "--yes-do-it"], through=through
    )
    try:
        with Client(
            str(paths.query_socket),
            connect_s=system.START_S,
            answer_s=system.START_S,
            should_serve=lambda: process.poll() is None,
            clock=SystemClock(),
        ) as client:
            client.call("QueryConfigValues", ["cluster_name"])
        yield
    finally:
        process.terminate()
        assert process.wait(system.END_S) == 0


def _plain(text: str) -> str:
    return _UUID.sub("UUID", _SILENT.sub("", _TIME.sub("", text)))


@dataclass(frozen=True, slots=True)
class Masters:
    """The same configuration behind luxid and behind our daemon."""

    theirs: Commands
    ours: Commands

    def both(self, *command: str) -> Outcome:
        """Run a command on both; it must do the same. Returns what it did."""
        first = self.theirs.start(*command)
        second = self.ours.start(*command)
        theirs, ours = debian.finish(first), debian.finish(second)
        assert ours == theirs
        return theirs

    def alike(self, *command: str, reworded: Callable[[str], str] = lambda text: text) -> Outcome:
        """Run a command on both; it must do the same but for times, uuids and silent nodes.

        Args:
            reworded: puts what both print into the same words.
        """
        first, second = (each.start(*command) for each in (self.theirs, self.ours))
        theirs, ours = (
            replace(
                outcome,
                output=reworded(_plain(outcome.output)),
                errors=reworded(_plain(outcome.errors)),
            )
            for outcome in (debian.finish(first), debian.finish(second))
        )
        assert ours == theirs, f"{command}: ours {ours}, theirs {theirs}"
        return ours

    def fields(self, kind: str) -> list[str]:
        """Return the names of all fields that `list-fields` shows."""
        lines = self.both(f"gnt-{kind}", "list-fields").lines
        # A long description goes on below, indented.
        return [line.split()[0] for line in lines[1:] if not line.startswith(" ")]


@contextmanager
def both(
    config: ConfigSnapshot, run: Callable[[ConfigSnapshot], AbstractContextManager[Path]]
) -> Iterator[Masters]:
    """Run the reference, in one of the ways above, and our daemon on a configuration."""
    with run(config) as theirs, root(config) as own, ours(own):
        yield Masters(commands(theirs), commands(own))
