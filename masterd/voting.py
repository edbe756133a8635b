"""Count the votes for the master; no I/O.

Two machines must never both act as master. ssconf may be stale on one that was away while another
took over, so a starting daemon asks **every** node of the cluster, offline ones too, whom it
believes to be master, and starts only with more than half of all nodes behind it: half of their
number, rounded down, plus one. We count as a voter for ourselves. A node that does not answer
counts for nobody, but stays in the number, or two halves of a split network would each elect one.

Which way an election failed decides what happens next:

* nodes that gave no vote could still make us win: they may be booting, so it is worth asking again,
  whatever the others say;
* they could not, and another node has more votes than we have: somebody else is master;
* they could not, and nobody has more: the votes are there and do not suffice.

Source: Ganeti 2.11.8 (offline nodes asked, ordering of answers), 3.0.2 (number of votes needed).
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final


class Verdict(Enum):
    """What the votes say about us."""

    ELECTED = "elected"
    OTHER_TOP_VOTED = "another node is top-voted"
    SILENCE = "nodes that could decide do not answer"
    TOO_FEW = "not enough votes"


@dataclass(frozen=True, slots=True)
class NoVote:
    """What a node gave instead of the name of a master.

    Attributes:
        reason: why there is no name, in words.
        unreachable: nobody accepted a connection there, so that the node may well be off.
    """

    reason: str
    unreachable: bool


#: Whom a node believes to be master, or why it did not say.
Vote = str | NoVote

_NOT_ASKED: Final = NoVote("not asked", unreachable=False)


@dataclass(frozen=True, slots=True)
class Tally:
    """The outcome of one round of votes."""

    verdict: Verdict
    #: Nodes of the cluster, ourselves included.
    voters: int
    #: Votes needed to start.
    needed: int
    #: Votes for us, our own included.
    in_favour: int
    #: Nodes that gave no vote and why, in the order of their names.
    silent: tuple[tuple[str, NoVote], ...]
    #: The other node with most votes and their number; of equals the first by name.
    top_other: tuple[str, int] | None

    def describe(self) -> str:
        """Return the outcome as a sentence for the log and the administrator."""
        parts = [
            f"{self.in_favour} of {self.voters} nodes (this one included) vote for this node,"
            f" {self.needed} are needed"
        ]
        if self.top_other is not None:
            name, votes = self.top_other
            parts.append(f"{votes} vote for {name}")
        if self.silent:
            told = (f"{name} ({vote.reason})" for name, vote in self.silent)
            parts.append(f"no vote from {', '.join(told)}")
        return f"{self.verdict.value}: {'; '.join(parts)}"

    @property
    def lonely(self) -> bool:
        """Whether all nodes that do not vote for us are out of reach."""
        return self.top_other is None and all(vote.unreachable for _, vote in self.silent)


def tally(myself: str, nodes: frozenset[str], answers: Mapping[str, Vote]) -> Tally:
    """Count one round of votes.

    Args:
        myself: this node's name; it votes for itself, whatever `answers` say.
        nodes: all nodes of the cluster; whether this one is among them makes no difference.
        answers: whom each node believes to be master, or why it does not say. Answers of strangers
            are not counted.
    """
    others = sorted(nodes - {myself})
    given = [(name, answers.get(name, _NOT_ASKED)) for name in others]
    silent = tuple((name, vote) for name, vote in given if isinstance(vote, NoVote))
    votes = Counter(vote for _, vote in given if isinstance(vote, str))
    in_favour = votes.pop(myself, 0) + 1
    voters = len(others) + 1
    needed = voters // 2 + 1
    top_other = min(votes.items(), key=lambda item: (-item[1], item[0]), default=None)
    top_votes = 0 if top_other is None else top_other[1]
    if in_favour >= needed:
        verdict = Verdict.ELECTED
    elif in_favour + len(silent) >= needed:
        verdict = Verdict.SILENCE
    elif top_votes > in_favour:
        verdict = Verdict.OTHER_TOP_VOTED
    else:
        verdict = Verdict.TOO_FEW
    return Tally(verdict, voters, needed, in_favour, silent, top_other)
