"""Whether another node has seen a newer state of the cluster than this one. Pure.

Votes say who is the master, not that it knows everything: a store that came back from a backup, or
a candidate that lagged behind when the master died, would give job ids out again and throw away
changes. So a start compares this node's three numbers, the configuration's serial number, the last
job id and the epoch, with what the other nodes hold.

Node daemons tell of a file only its digest. The queue's `serial` and `epoch` hold nothing but a
number, which is found by trying those near ours; of a configuration the digest says only whether it
is the same, and the number is asked of the node's configuration server.

An epoch begins with each start of a master, and its number goes with the copies of the queue.

Source: Ganeti 3.0.2 lib/backend.py VerifyNode (file lists), lib/utils/io.py FingerprintFile.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from exporter.layout import number_content
from masterd.limits import FRESHNESS_NUMBERS_TRIED

_CONFIG: Final = "configuration"


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """How new a state is.

    Attributes:
        config: Serial number of the configuration.
        job: Last job id given out.
        epoch: How often a master has started.
    """

    config: int
    job: int
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one node holds; None where it holds nothing, or nothing that differs, or cannot say."""

    node: str
    config: int | None = None
    job: int | None = None
    epoch: int | None = None


def number_of(digest: str, near: int, tried: int = FRESHNESS_NUMBERS_TRIED) -> int | None:
    """Return the number in a file by the file's SHA-1 digest.

    Numbers near ours are tried first, then those further away in both directions; None where it is
    none of them. Takes a microsecond for each.
    """
    for distance in range(tried):
        for number in {near + distance, near - distance}:
            if number >= 0 and _digest(number_content(number)) == digest:
                return number
    return None


def newer(own: Numbers, seen: Iterable[Seen]) -> list[Seen]:
    """Return the nodes of which a number is higher than ours."""
    return [
        each
        for each in seen
        if (each.config or 0) > own.config
        or (each.job or 0) > own.job
        or (each.epoch or 0) > own.epoch
    ]


def above(own: Numbers, seen: Sequence[Seen]) -> Numbers:
    """Return the highest of all numbers: those which must not be given out again."""
    return Numbers(
        config=max([own.config, *(each.config or 0 for each in seen)]),
        job=max([own.job, *(each.job or 0 for each in seen)]),
        epoch=max([own.epoch, *(each.epoch or 0 for each in seen)]),
    )


def refusal(own: Numbers, fresher: Sequence[Seen], ways_on: str) -> str:
    """Return what is told when the start is refused."""
    names = ", ".join(each.node for each in fresher)
    return "\n".join(
        [
            "other nodes have seen a newer state of this cluster than this node has:",
            *(f"  {line}" for line in _lines(own, fresher)),
            f"nothing was sent to any node. Make one of them the master ({names}:"
            f" gnt-cluster master-failover), or go on without what only they know. {ways_on}",
            f"  --accept-stale-state: {_lost(own, fresher)}",
        ]
    )


def accepted(own: Numbers, fresher: Sequence[Seen]) -> str:
    """Return what is told when the administrator goes on all the same."""
    return "\n".join(
        [
            f"other nodes have seen a newer state of this cluster; {_lost(own, fresher)}:",
            *(f"  {line}" for line in _lines(own, fresher)),
        ]
    )


def _lines(own: Numbers, fresher: Sequence[Seen]) -> Iterator[str]:
    for each in fresher:
        told = [
            f"{name} {theirs} (here {ours})"
            for name, theirs, ours in (
                ("serial number of the configuration", each.config, own.config),
                ("last job", each.job, own.job),
                ("epoch", each.epoch, own.epoch),
            )
            if theirs is not None and theirs > ours
        ]
        yield f"{each.node}: {', '.join(told)}"


def _lost(own: Numbers, fresher: Sequence[Seen]) -> str:
    """Say what is lost when this node's state counts."""
    highest = above(own, fresher)
    lost = [
        what
        for what, theirs, ours in (
            (f"changes {_span(own.config, highest.config)} of the configuration",
             highest.config, own.config),
            (f"jobs {_span(own.job, highest.job)}", highest.job, own.job),
        )
        if theirs > ours
    ]  # fmt: skip
    if not lost:
        return "nothing that a number tells is lost, but another master has started since"
    return f"what is lost: {' and '.join(lost)}"


def _span(ours: int, theirs: int) -> str:
    return f"{theirs}" if theirs == ours + 1 else f"{ours + 1} to {theirs}"


def _digest(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()
