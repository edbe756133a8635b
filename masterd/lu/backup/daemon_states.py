"""How far one import or export daemon is, by what its node tells of it. Pure.

A daemon that imports listens, then somebody connects; one that exports connects by itself. Both
tell of their progress and end with an exit code. Somebody looks again and again (`transfer`):

    started ──► listening (imports only) ──► connected ──► ended
       └───────────────┴────────────────────────┴─────────► overdue: it took too long

Each look gives the state after it, what has happened since the last one, and how soon to look
again.

Source: Ganeti 3.0.2 lib/masterd/instance.py (order of the questions, bounds, pauses);
lib/objects.py, ImportExportStatus.
"""

from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import msgspec

from masterd.instance.disks import shown_mib
from masterd.limits_beside import TRANSFER_LISTEN_S, TRANSFER_READY_S, TRANSFER_SILENT_S
from masterd.lu.disks.sync import readable

#: Seconds until the next look: at one of which nothing is known, that goes on, that waits for the
#: other side.
_UNKNOWN_S: Final = 3.0
_GOING_ON_S: Final = 5.0
_WAITING_S: Final = 1.0
#: Which share of the time that has gone by may go by before the next look, so that a small disk is
#: not waited for longer than it takes. The reference looks so late from the first time on.
_SHARE: Final = 0.25
#: Seconds between two reports of how far a disk is.
_REPORT_S: Final = 60.0


class Status(msgspec.Struct, frozen=True):
    """What a node tells of a daemon; what it does not know yet is left out.

    `progress_mbytes` are MiB, `progress_throughput` are MiB/s, `progress_eta` are seconds.
    """

    listen_port: int | None = None
    connected: bool | None = None
    progress_mbytes: float | None = None
    progress_throughput: float | None = None
    progress_percent: float | None = None
    progress_eta: float | None = None
    exit_status: int | None = None
    error_message: str | None = None
    recent_output: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Silent:
    """The node did not answer, or nothing that can be understood."""


#: What came of one look: None is a daemon that has not told its status yet.
Told: TypeAlias = Status | Silent | None


@dataclass(frozen=True, slots=True)
class Listening:
    """Somebody may connect at this port."""

    port: int


@dataclass(frozen=True, slots=True)
class Connected:
    """Both sides have found each other."""


@dataclass(frozen=True, slots=True)
class Progress:
    """So much has gone over, in words."""

    text: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The daemon has ended; `error` says why not well, None where it is not known."""

    well: bool
    error: str | None


@dataclass(frozen=True, slots=True)
class Overdue:
    """It is of no use to wait any longer; the daemon may still run."""

    error: str


Event: TypeAlias = Listening | Connected | Progress | Ended | Overdue


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """One daemon; all times are seconds of a clock that never goes back.

    Attributes:
        imports: whether it listens for data, rather than sending them.
        connect_s: how long the other side may take.
        began_s: when it was started.
        listening_s: since when it is known to listen.
        is_connected: whether the other side is there.
        silent_s: since when its node does not tell of it; None where it does.
        reported_s: when its progress was last told of.
    """

    imports: bool
    connect_s: float
    began_s: float
    listening_s: float | None = None
    is_connected: bool = False
    silent_s: float | None = None
    reported_s: float | None = None


@dataclass(frozen=True, slots=True)
class Looked:
    """A state after a look, what has happened, and in how many seconds to look again at most."""

    state: State
    events: tuple[Event, ...] = ()
    again_s: float | None = None


def look(state: State, told: Told, now_s: float) -> Looked:
    """Return what follows from one look at a daemon that has not ended."""
    looked = _look(state, told, now_s)
    if looked.again_s is None:
        return looked
    return replace(looked, again_s=min(looked.again_s, (now_s - state.began_s) * _SHARE))


def _look(state: State, told: Told, now_s: float) -> Looked:
    if isinstance(told, Silent):
        if state.silent_s is None:
            return Looked(replace(state, silent_s=now_s), again_s=_UNKNOWN_S)
        if now_s > state.silent_s + TRANSFER_SILENT_S:
            return _overdue(state, f"no status for {TRANSFER_SILENT_S:g} seconds")
        return Looked(state, again_s=_UNKNOWN_S)
    state = replace(state, silent_s=None)
    if told is None:
        if now_s > state.began_s + TRANSFER_READY_S:
            return _overdue(state, f"not ready after {TRANSFER_READY_S:g} seconds")
        return Looked(state, again_s=_UNKNOWN_S)
    if told.exit_status is not None:
        return Looked(state, (Ended(told.exit_status == 0, told.error_message),))
    return _running(state, told, now_s)


def _overdue(state: State, error: str) -> Looked:
    return Looked(state, (Overdue(error),))


def _running(state: State, told: Status, now_s: float) -> Looked:
    events: list[Event] = []
    text = progress(told)
    if text is not None and (state.reported_s is None or now_s > state.reported_s + _REPORT_S):
        state = replace(state, reported_s=now_s)
        events.append(Progress(text))
    since_s = state.began_s
    if state.imports:
        if state.listening_s is None and told.listen_port is not None:
            state = replace(state, listening_s=now_s)
            events.append(Listening(told.listen_port))
        if state.listening_s is None:
            if now_s > state.began_s + TRANSFER_LISTEN_S:
                events.append(Overdue(f"not listening after {TRANSFER_LISTEN_S:g} seconds"))
            return Looked(state, tuple(events), _WAITING_S)
        since_s = state.listening_s
    if state.is_connected:
        return Looked(state, tuple(events), _GOING_ON_S)
    if told.connected:
        events.append(Connected())
        return Looked(replace(state, is_connected=True), tuple(events), _GOING_ON_S)
    if now_s > since_s + state.connect_s:
        events.append(Overdue(f"not connected after {state.connect_s:g} seconds"))
    return Looked(state, tuple(events), _WAITING_S)


def progress(told: Status) -> str | None:
    """Return how far a daemon is, in words; None where it does not tell."""
    if told.progress_mbytes is None or told.progress_throughput is None:
        return None
    parts = [shown_mib(round(told.progress_mbytes)), f"{told.progress_throughput:.1f} MiB/s"]
    if told.progress_percent is not None:
        parts.append(f"{told.progress_percent:.0f}%")
    if told.progress_eta is not None:
        parts.append(f"ETA {readable(told.progress_eta)}")
    return ", ".join(parts)
