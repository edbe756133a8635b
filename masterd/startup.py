"""The checks before this process may act as master, in their order.

1. `identify`: this machine belongs to a cluster, ssconf names it as master, and what a master needs
   is there. Cheap, before anything is created, still attached to the terminal.
2. `confirm_no_voting`: the administrator who skips the election says so, at the terminal.
3. `win_votes`: other nodes agree (`masterd.voting`). Needs RPC, so it runs in the detached process,
   after the pid file is locked and before any socket is opened.
4. `activate_master_ip`: the cluster's address comes up. A failure is logged, not fatal: the cluster
   can be managed without it.

What they need from the world is handed in. Source: Ganeti 2.11.8 lib/server/masterd.py,
lib/ssconf.py; Ganeti 3.0.2 (exit codes, certificates).
"""

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TextIO

from gevent import monkey

from masterd.errors import (
    EXIT_FAILURE,
    EXIT_NODESETUP_ERROR,
    EXIT_NOTMASTER,
    ConfigurationError,
    StartError,
)
from masterd.paths import Paths
from masterd.ssconf import SimpleConfig
from masterd.voting import Tally, Verdict, Vote, tally

_logger = logging.getLogger(__name__)

#: What the administrator has to type to start without votes.
CONFIRMATION: Final = "YES"

DANGER: Final = """\
You asked for a start without votes ("--no-voting").

Nobody will be asked whether another node has become master meanwhile. If one has, two masters will
change the same instances and disks, and data will be lost. Go on only if you know that no other
node of this cluster acts as master, and that none will come back believing so.

To go on, type YES in uppercase: """


@dataclass(frozen=True, slots=True)
class Identity:
    """Who we are in the cluster, according to ssconf."""

    myself: str
    cluster_name: str
    #: Names of all nodes, this one and offline ones included.
    nodes: tuple[str, ...]


def own_name(paths: Paths) -> str:
    """Return this node's name, as the cluster knows it: full and in lower case.

    Asks the system's resolver, with the unpatched function: this runs before the fork, when there
    must not be an event loop yet.
    """
    if paths.virtual_hostname is not None:
        return paths.virtual_hostname.lower()
    name = os.uname().nodename
    look_up = monkey.get_original("socket", "gethostbyaddr")
    try:
        first, aliases, _ = look_up(name)
    except OSError:
        return name.lower()
    full = (candidate for candidate in (first, *aliases) if "." in candidate)
    return str(next(full, first)).lower()


def identify(paths: Paths, myself: str) -> Identity:
    """Check that this node is set up and is the master.

    Raises:
        StartError: `EXIT_NODESETUP_ERROR` if something is missing here, `EXIT_NOTMASTER` if
            ssconf names another node.
    """
    ssconf = SimpleConfig(paths.data_dir)
    if not ssconf.exists():
        raise StartError(
            EXIT_NODESETUP_ERROR,
            f"this machine belongs to no cluster: {ssconf.path('cluster_name')} is missing",
        )
    try:
        master = ssconf.master_node()
        identity = Identity(myself, ssconf.cluster_name(), tuple(ssconf.node_list()))
    except ConfigurationError as error:
        raise StartError(
            EXIT_NODESETUP_ERROR, f"the cluster configuration is incomplete: {error.message}"
        ) from error
    if master != myself:
        raise StartError(
            EXIT_NOTMASTER, f"not the master: this node is {myself}, the master is {master}"
        )
    if myself not in identity.nodes:
        raise StartError(
            EXIT_NODESETUP_ERROR, f"this node, {myself}, is missing in the cluster's node list"
        )
    for path in (paths.server_certificate, paths.client_certificate):
        if not os.access(path, os.R_OK):
            raise StartError(EXIT_NODESETUP_ERROR, f"cannot read the certificate {path}")
    if not paths.config_file.exists() and not paths.store_dir.exists():
        raise StartError(
            EXIT_NODESETUP_ERROR,
            f"no configuration: neither {paths.config_file} nor {paths.store_dir} exists",
        )
    return identity


def confirm_no_voting(terminal_in: TextIO, terminal_out: TextIO) -> None:
    """Explain what `--no-voting` risks and insist on an uppercase YES.

    Raises:
        StartError: anything else was typed, or nothing.
    """
    terminal_out.write(DANGER)
    terminal_out.flush()
    if terminal_in.readline().strip() != CONFIRMATION:
        raise StartError(EXIT_FAILURE, "not confirmed, not started")


def win_votes(
    identity: Identity,
    ask: Callable[[Sequence[str]], Mapping[str, Vote]],
    *,
    sleep: Callable[[float], object],
    tries: int,
    pause_s: float,
) -> Tally | None:
    """Hold the election; ask again while nodes that gave no vote could decide it.

    Switches. Returns the winning tally, or None where there is nobody to ask.

    Args:
        ask: asks these nodes whom they believe to be master, all at once.
        sleep: waits for that many seconds.
        tries: rounds at most, at least one.
        pause_s: seconds between two rounds.

    Raises:
        StartError: `EXIT_FAILURE`, with the last round's outcome.
    """
    others = [name for name in identity.nodes if name != identity.myself]
    if not others:
        return None
    for attempt in range(1, tries + 1):
        result = tally(identity.myself, frozenset(identity.nodes), ask(others))
        if result.verdict is Verdict.ELECTED:
            _logger.info("Elected: %s", result.describe())
            return result
        _logger.warning("Votes, try %d of %d: %s", attempt, tries, result.describe())
        if result.verdict is not Verdict.SILENCE:
            break
        if attempt < tries:
            sleep(pause_s)
    hint = ""
    if result.verdict is Verdict.SILENCE:
        hint = f" (after {tries} tries)"
        if result.lonely:
            hint = (
                f" (after {tries} tries; are the node daemons running? If you know that there is no"
                " other master, see --no-voting)"
            )
    raise StartError(EXIT_FAILURE, f"this node may not be the master: {result.describe()}{hint}")


def activate_master_ip(activate: Callable[[], str | None]) -> None:
    """Bring the cluster's address up; a failure is only logged.

    Switches. `activate` asks this node's daemon and returns None or why it failed.
    """
    problem = activate()
    if problem is not None:
        _logger.error("Cannot activate the master IP address: %s", problem)
