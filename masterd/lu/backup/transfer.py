"""The daemons of one transfer: started, looked at until all have ended, cleaned up.

What a look means decides `daemon_states`; who is told of it (`Watcher`) may stop the other side, or
start it once the first one listens. How long a transfer takes is up to the nodes; bounded is how
long a daemon may take to begin, to listen and to be connected, and how long its node is silent.

Source: Ganeti 3.0.2 lib/masterd/instance.py (order of calls, pauses, texts).
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, Literal, Protocol

import msgspec

from masterd.config.node import Node
from masterd.lu.backup import daemon_states
from masterd.lu.backup.daemon_states import Silent, State, Status, Told
from masterd.node import imports
from masterd.rpc.result import RpcResult
from masterd.work.work import Work

_LOG = logging.getLogger(__name__)

#: Seconds between two looks, at least and at most.
_SHORTEST_S: Final = 0.2
_LONGEST_S: Final = 20.0


class Watcher(Protocol):
    """Is told what happens to a daemon. All methods may switch."""

    def listening(self, daemon: "Daemon", port: int) -> None:
        """Somebody may connect to it."""

    def connected(self, daemon: "Daemon") -> None:
        """It has found the other side."""

    def progressed(self, daemon: "Daemon", text: str) -> None:
        """It tells how far it is."""

    def ended(self, daemon: "Daemon") -> None:
        """It has ended, or is given up; `well` and `told_end` of it say how."""


class Daemon:
    """A daemon that imports or exports a disk.

    Attributes:
        kind: what it does.
        node: where it runs.
        well: whether it did what it should; None as long as nobody knows.
    """

    def __init__(
        self,
        kind: Literal["import", "export"],
        node: Node,
        start: Callable[[], RpcResult],
        watcher: Watcher,
    ) -> None:
        """Prepare; `start` has the node start it. Switches."""
        self.kind = kind
        self.node = node
        self.start = start
        self.watcher = watcher
        self.well: bool | None = None
        self.error: str | None = None
        #: What its node calls it; None where it is not there.
        self.name: str | None = None
        self.state: State | None = None
        self.status: Status | None = None

    @property
    def told_end(self) -> str:
        """Why it failed, and what it had to say last."""
        output = (None if self.status is None else self.status.recent_output) or ()
        said = "; ".join(output) or "nothing"
        return f"{self.error or 'no reason told'} (its last output: {said})"


class Transfers:
    """The daemons of one transfer. All methods but `add` switch."""

    def __init__(self, work: Work, connect_s: float) -> None:
        """Prepare; `connect_s` is how long either side may take to find the other one."""
        self._work = work
        self._connect_s = connect_s
        self._daemons: list[Daemon] = []

    def add(self, daemon: Daemon) -> None:
        """Have a daemon started with the next look."""
        self._daemons.append(daemon)

    def run(self) -> None:
        """Return when all have ended; those that remain on a node are removed from it.

        After a failure of ours they are stopped with that. A kill leaves them alone: they end by
        themselves once the other side is gone.
        """
        with at_the_end(self._clean_up):
            while True:
                active = self._started(list(self._daemons))
                if not active:
                    return
                pause_s = self._looked_at(active)
                if all(daemon.well is not None for daemon in self._daemons):
                    return
                self._work.sleep(min(_LONGEST_S, max(_SHORTEST_S, pause_s)))

    def abort(self, daemon: Daemon | None) -> None:
        """Have a daemon end, if there is one that still runs."""
        if daemon is None or daemon.name is None:
            return
        name, node, say = daemon.name, daemon.node.name, self._work.say
        say.warning(f"Aborting {daemon.kind} '{name}' on {node}")
        result = imports.abort(self._work.rpc, daemon.node, name)
        result.warn(f"Failed to abort {daemon.kind} '{name}' on {node}", say.warning)

    # --- one look -----------------------------------------------------------------------------

    def _started(self, those: Sequence[Daemon]) -> list[Daemon]:
        """Start those that are not there yet; return the ones that have not ended."""
        for daemon in those:
            if daemon.well is None and daemon.name is None:
                self._start(daemon)
        return [daemon for daemon in those if daemon.well is None]

    def _start(self, daemon: Daemon) -> None:
        result = daemon.start()
        if not result.ok:
            kind, node = daemon.kind, daemon.node.name
            self._give_up(daemon, f"Failed to start {kind} on {node}: {result.error}")
            return
        daemon.name = str(result.payload)
        _LOG.info("Started %s %s on %s", daemon.kind, daemon.name, daemon.node.name)
        daemon.state = State(
            imports=daemon.kind == "import",
            connect_s=self._connect_s,
            began_s=self._work.clock.monotonic_s(),
        )

    def _looked_at(self, active: Sequence[Daemon]) -> float:
        """Look once at all daemons; return in how many seconds to look again."""
        told = self._asked(active)
        pause_s = _LONGEST_S
        for daemon in active:
            # Another one's end may have been this one's, too.
            if daemon.well is None:
                again_s = self._learn(daemon, told[daemon])
                pause_s = pause_s if again_s is None else min(pause_s, again_s)
        return pause_s

    def _asked(self, active: Sequence[Daemon]) -> Mapping[Daemon, Told]:
        """Return what nodes tell of their daemons, each asked for all of its own at once."""
        by_node: dict[str, list[Daemon]] = {}
        for daemon in active:
            by_node.setdefault(daemon.node.uuid, []).append(daemon)
        told: dict[Daemon, Told] = {}
        for those in by_node.values():
            node = those[0].node
            names = [daemon.name for daemon in those if daemon.name is not None]
            result = imports.status(self._work.rpc, node, names)
            if result.warn(f"Failed to get daemon status on {node.name}", self._work.say.warning):
                told.update(dict.fromkeys(those, Silent()))
                continue
            payload: Any = result.payload
            told.update(zip(those, map(_read, payload or ()), strict=False))
        return {daemon: told.get(daemon, Silent()) for daemon in active}

    def _learn(self, daemon: Daemon, told: Told) -> float | None:
        assert daemon.state is not None, "it was started"
        if isinstance(told, Status):
            daemon.status = told
        looked = daemon_states.look(daemon.state, told, self._work.clock.monotonic_s())
        daemon.state = looked.state
        for event in looked.events:
            match event:
                case daemon_states.Listening(port):
                    daemon.watcher.listening(daemon, port)
                case daemon_states.Connected():
                    daemon.watcher.connected(daemon)
                case daemon_states.Progress(text):
                    daemon.watcher.progressed(daemon, text)
                case daemon_states.Ended(well, error):
                    self._end(daemon, error, well=well)
                    self._remove(daemon)
                case daemon_states.Overdue(error):
                    self._give_up(daemon, error)
        return looked.again_s

    # --- the end ------------------------------------------------------------------------------

    def _give_up(self, daemon: Daemon, error: str) -> None:
        self._remove(daemon)
        self._end(daemon, error, well=False)

    def _end(self, daemon: Daemon, error: str | None, *, well: bool) -> None:
        daemon.well, daemon.error = well, error
        name = "" if daemon.name is None else f" '{daemon.name}'"
        if well:
            _LOG.info("%s%s on %s succeeded", daemon.kind, name, daemon.node.name)
        else:
            self._work.say.warning(f"{daemon.kind}{name} on {daemon.node.name} failed: {error}")
        daemon.watcher.ended(daemon)

    def _remove(self, daemon: Daemon) -> None:
        """Remove what a daemon left on its node, and stop it if it runs."""
        if daemon.name is None:
            return
        result = imports.clean_up(self._work.rpc, daemon.node, daemon.name)
        text = f"Failed to finalize {daemon.kind} '{daemon.name}' on {daemon.node.name}"
        if not result.warn(text, self._work.say.warning):
            daemon.name = None

    def _clean_up(self) -> None:
        """Remove what is still there; a node that failed to is asked once more."""
        for daemon in self._daemons:
            self._remove(daemon)


def _read(told: object) -> Told:
    """Return a daemon's status as its node tells it, which knows of none at first."""
    if not told:
        return None
    try:
        return msgspec.convert(told, Status)
    except msgspec.ValidationError as error:
        _LOG.warning("A node tells a status that is none: %s", error)
        return Silent()


@contextmanager
def at_the_end(end: Callable[[], object]) -> Iterator[None]:
    """Do something at the end, also after a failure; after a kill there is no time for it."""
    try:
        yield
    except Exception:
        end()
        raise
    end()
