"""Masters on a configuration of one's own, for Debian's programs: luxid, and our daemon.

Each has a root directory of its own, because both want the same socket below it. No node daemon
runs, unless the test starts some.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from masterd.clock import SystemClock
from masterd.config.snapshot import ConfigSnapshot
from masterd.luxi.client import Client
from masterd.paths import Paths
from tests import system
from tests.interop import debian, luxid, luxid_support
from tests.interop.debian import Commands, Outcome

HOST: Final = luxid_support.HOST

_FOLDERS: Final = ("etc/ganeti", "var/lib/ganeti/queue/archive", "var/run/ganeti/socket",
                   "var/run/ganeti/livelocks", "var/log/ganeti")  # fmt: skip


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
def ours(path: Path) -> Iterator[None]:
    """Run our daemon in a root, without asking other nodes who is the master."""
    paths = Paths(path, path.name)
    process = system.spawn(paths.environment(), arguments=["--no-voting", "--yes-do-it"])
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
