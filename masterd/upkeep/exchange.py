"""The way from Ganeti's own master daemons to ours on a node, and back: the order of the steps.

No step takes anything for granted that an interruption could have undone: what was begun is noted
before it is (`Record`), and whoever starts again goes on from what is found. Between the two
masters there is a time when none serves; the queue is drained and empty then, and nothing of what
was acknowledged is anywhere but on disk.

This file decides the order; `masterd.upkeep.debian` does each step.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from enum import Enum
from typing import Protocol


class Master(Enum):
    """Who serves as master on this node."""

    STOCK = "Ganeti's own luxid"
    OURS = "ganeti-masterd"
    NOBODY = "nobody"


class Way(Enum):
    """What is being done."""

    INSTALL = "install"
    UNDO = "undo"


@dataclass(frozen=True, slots=True)
class Record:
    """What has been begun and must be remembered over an interruption."""

    way: Way
    #: The queue was drained before we came, and stays drained when we are done.
    was_drained: bool
    #: The directory where the state before the exchange is kept; None: not saved yet.
    backup: str | None = None
    #: Ganeti's own master served until now, so that a store of ours is older than the files.
    is_store_old: bool = False


class ExchangeError(Exception):
    """A step is refused or has failed; the text says what to do."""


class Node(Protocol):
    """What can be seen and done on this node. Every method raises ExchangeError if it cannot."""

    def is_master(self) -> bool: ...

    def serving(self) -> Master: ...

    def are_diverted(self) -> bool:
        """Tell whether Debian's programs have been moved aside, all of them or some."""
        ...

    def read_record(self) -> Record | None: ...

    def write_record(self, record: Record | None) -> None: ...

    def without_watcher(self) -> AbstractContextManager[None]:
        """Keep the watcher from starting daemons meanwhile."""
        ...

    def unfinished_jobs(self) -> Sequence[int]: ...

    def job_ids(self) -> frozenset[int]:
        """Return the ids of all jobs that are not archived."""
        ...

    def is_drained(self) -> bool: ...

    def set_drained(self, drained: bool) -> None: ...

    def stop_master(self) -> None: ...

    def start_master(self) -> None: ...

    def save(self) -> str:
        """Save configuration and queue; return the directory where they are."""
        ...

    def put_store_aside(self, backup: str) -> bool:
        """Move an earlier store of ours away; tell whether there was one."""
        ...

    def mirror_problems(self) -> Sequence[str]:
        """Bring the files up to the store; return where they do not agree."""
        ...

    def divert(self) -> None: ...

    def restore(self) -> None:
        """Bring Debian's programs back."""
        ...

    def problems(self, expected: Master) -> Sequence[str]:
        """Return what does not work as it must with this master."""
        ...


#: Tells the administrator what is being done.
Say = Callable[[str], None]


def install(node: Node, say: Say) -> None:
    """Put ours in the place of Ganeti's own master daemons.

    Raises:
        ExchangeError: it was refused, and what was before serves; or it failed, and the text says
            what to do.
    """
    if not node.is_master():
        say("this node is not the master: only the programs are exchanged")
        node.divert()
        return
    with node.without_watcher():
        record = node.read_record()
        serving = node.serving()
        if serving is Master.OURS and record is None:
            node.divert()
            say("ganeti-masterd serves here already")
            _verify(node, Master.OURS, say)
            return
        known = None
        if serving is not Master.OURS:
            record, known = _empty(node, Way.INSTALL, serving, record, say)
            record = _save(node, record, say)
            _exchange(node, record, say)
        _finish(node, Master.OURS, record, known, say)


def undo(node: Node, say: Say) -> None:
    """Give the node back to Ganeti's own master daemons.

    Raises:
        ExchangeError: as of `install`.
    """
    if not node.is_master():
        say("this node is not the master: only the programs are exchanged")
        node.restore()
        return
    with node.without_watcher():
        record = node.read_record()
        serving = node.serving()
        if serving is Master.STOCK and record is None:
            node.restore()
            say("Ganeti's own luxid serves here already")
            _verify(node, Master.STOCK, say)
            return
        known = None
        if serving is not Master.STOCK:
            record, known = _empty(node, Way.UNDO, serving, record, say)
            if node.are_diverted():
                _compare(node, record, say)
            record = _save(node, record, say)
            say("bringing Debian's programs back")
            node.restore()
            say("starting luxid, wconfd and the remote API")
            node.start_master()
        _finish(node, Master.STOCK, record, known, say)


def _empty(
    node: Node, way: Way, serving: Master, record: Record | None, say: Say
) -> tuple[Record, frozenset[int] | None]:
    """Let nobody work and nobody serve; return the record, and the jobs if somebody served."""
    if serving is Master.NOBODY:
        if record is None and way is Way.INSTALL:
            raise ExchangeError(
                "no master daemon serves on this node, although it is the master: start it first"
                " (/usr/lib/ganeti/daemon-util start ganeti-luxid), so that its jobs are looked at"
            )
        record = record or Record(way, node.is_drained())
        record = replace(record, way=way)
        node.write_record(record)
        node.stop_master()
        return record, None
    _refuse_jobs(node.unfinished_jobs())
    was_drained = node.is_drained() if record is None else record.was_drained
    record = Record(way, was_drained, is_store_old=serving is Master.STOCK)
    node.write_record(record)
    say("draining the queue")
    node.set_drained(True)
    try:
        # One more may have come before the drain.
        _refuse_jobs(node.unfinished_jobs())
    except ExchangeError:
        node.set_drained(record.was_drained)
        node.write_record(None)
        raise
    known = node.job_ids()
    say(f"stopping {serving.value}, its companion and the remote API")
    node.stop_master()
    return record, known


def _refuse_jobs(unfinished: Sequence[int]) -> None:
    if unfinished:
        shown = ", ".join(map(str, unfinished[:10])) + (" ..." if len(unfinished) > 10 else "")
        raise ExchangeError(
            f"{len(unfinished)} jobs are not finished ({shown}): wait for their end (gnt-job watch)"
            " or cancel them, then try again"
        )


def _save(node: Node, record: Record, say: Say) -> Record:
    if record.backup is None:
        record = replace(record, backup=node.save())
        node.write_record(record)
    say(f"the state before is saved in {record.backup}")
    return record


def _exchange(node: Node, record: Record, say: Say) -> None:
    """Start ours; where it refuses, let Ganeti's own serve again."""
    assert record.backup is not None, "The state is saved before"
    if record.is_store_old:
        if node.put_store_aside(record.backup):
            say(f"an earlier store was moved to {record.backup}")
        record = replace(record, is_store_old=False)
        node.write_record(record)
    say("moving Debian's luxid and wconfd aside")
    node.divert()
    say("starting ganeti-masterd, its companion and the remote API")
    try:
        node.start_master()
    except ExchangeError as error:
        say("ganeti-masterd did not start; bringing Debian's programs back")
        node.stop_master()
        node.restore()
        node.start_master()
        _undrain(node, record, say)
        node.write_record(None)
        raise ExchangeError(f"{error}\nGaneti's own luxid serves again") from error


def _compare(node: Node, record: Record, say: Say) -> None:
    """See that the files hold what the store holds; where they do not, let ours serve again."""
    say("comparing the files with the store")
    problems = node.mirror_problems()
    if not problems:
        return
    say("starting ganeti-masterd again")
    node.start_master()
    _undrain(node, record, say)
    node.write_record(None)
    told = "\n  ".join(problems)
    raise ExchangeError(f"the files are not what the store holds:\n  {told}")


def _finish(
    node: Node, expected: Master, record: Record | None, known: frozenset[int] | None, say: Say
) -> None:
    _verify(node, expected, say)
    if known is not None:
        lost = sorted(known - node.job_ids())
        if lost:
            raise ExchangeError(f"jobs are missing: {lost}; the queue stays drained")
    if record is not None:
        _undrain(node, record, say)
        node.write_record(None)


def _verify(node: Node, expected: Master, say: Say) -> None:
    say("verifying")
    problems = node.problems(expected)
    if problems:
        raise ExchangeError("\n  ".join(["it does not work as it must:", *problems]))


def _undrain(node: Node, record: Record, say: Say) -> None:
    if record.was_drained:
        say("the queue stays drained, as it was before")
        return
    # Ganeti's luxid drops the client that undrains a queue which is not drained.
    if node.is_drained():
        say("undraining the queue")
        node.set_drained(False)
