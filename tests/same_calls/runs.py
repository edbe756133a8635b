"""Runs of a case by both sides, and what of it is compared."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from masterd.clock import SystemClock
from masterd.testing.faults import Fault, FaultKind
from masterd.testing.script import Asked
from tests.same_calls import matcher, messages
from tests.same_calls.case import Case
from tests.same_calls.matcher import Difference, Renaming, Span
from tests.same_calls.recordings import Run
from tests.same_calls.sides import FaultAt, Outcome, Side

#: Faults of one case: more calls than this one opcode does not make on this cluster.
FAULTS_MAX: Final = 24

#: The call whose way through the frame is the same for all opcodes: its connections break in the
#: cases of one of them only.
HOOKS: Final = "hooks_runner"
HOOKS_CUT: Final = "OP_GROUP_ADD"

#: When all began that a run can tell the time of, and how far ahead a clock may be, in seconds.
_BEGAN_S: Final = SystemClock().now_us() / 1e6
_SKEW_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Compared:
    """One run of a case by both sides.

    Attributes:
        case: the case.
        fault: "" or which call of which node failed.
        calls: how many calls the reference made.
        found: where the two differ, but in the words of their messages.
        texts: how many messages the reference has.
        same_texts: how many of them ours has in the same words.
    """

    case: Case
    fault: str
    calls: int
    found: list[Difference]
    texts: int
    same_texts: int


class Tried:
    """Which calls have failed, by opcode: each fails once, in the first case that makes it.

    The cases of an opcode must come in their order.
    """

    def __init__(self) -> None:
        self._tried: set[tuple[str, FaultKind, str, int]] = set()

    def enter(self, case: Case, runs: Iterable[Run]) -> None:
        """Note what has failed in runs that were recorded."""
        self.new(case, (run.at for run in runs if run.at is not None))

    def new(self, case: Case, faults: Iterable[FaultAt]) -> list[FaultAt]:
        """Return those of a case's faults that none of its opcode was before."""
        found = []
        for at in faults:
            key = (case.op_id, at.fault.kind, at.fault.calls[0], at.fault.after)
            if key not in self._tried:
                self._tried.add(key)
                found.append(at)
        return found


def compare(case: Case, theirs: Side, ours: Side, tried: Tried) -> Iterator[tuple[Compared, Run]]:
    """Run a case by both, and again with each of its calls failing; give what came of each run."""
    first = _run(case, theirs, ours, None)
    yield first
    asked = first[1].outcome.asked
    for at in tried.new(case, faults(case, asked)) if case.failing else ():
        yield _run(case, theirs, ours, at)


def replay(case: Case, recorded: Iterable[Run], ours: Side) -> Iterator[Compared]:
    """Run a case by ours alone, in each way in which the reference was recorded."""
    for run in recorded:
        yield _compared(case, run, ours.carry_out(case, run.at))


def _run(case: Case, theirs: Side, ours: Side, at: FaultAt | None) -> tuple[Compared, Run]:
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(theirs.carry_out, case, at)
        our_outcome = ours.carry_out(case, at)
        run = Run(at, running.result(), _span())
    return _compared(case, run, our_outcome), run


def _span() -> Span:
    """Return the times that what has just been done can tell."""
    return Span(_BEGAN_S, SystemClock().now_us() / 1e6 + _SKEW_S)


def _compared(case: Case, run: Run, ours: Outcome) -> Compared:
    theirs = run.outcome
    renaming = Renaming(matcher.made_up(case.document()), (run.span, _span()))
    found = matcher.differences(_comparable(case, theirs), _comparable(case, ours), renaming)
    which = "" if run.at is None else told(run.at)
    their_texts, our_texts = (list(messages.texts(each.job)) for each in (theirs, ours))
    same = sum(text in our_texts for text in their_texts)
    return Compared(case, which, len(theirs.asked), found, len(their_texts), same)


def _comparable(case: Case, outcome: Outcome) -> dict[str, Any]:
    """Return what is compared, the configuration first: it says best what stands for what."""
    calls: dict[str, list[Any]] = {}
    for each in outcome.asked:
        calls.setdefault(each.node, []).append([each.call, each.arguments])
    for made in calls.values():
        places = [index for index, (name, _) in enumerate(made) if name in case.at_once]
        ordered = sorted((made[index] for index in places), key=json.dumps)
        for index, call in zip(places, ordered, strict=True):
            made[index] = call
    return {
        "config": outcome.config,
        "job": messages.worded_alike(outcome.job),
        "submitted": outcome.submitted,
        "calls": calls,
        "copies": outcome.copies,
    }


def faults(case: Case, asked: list[Asked]) -> Iterator[FaultAt]:
    """Give the faults for each call of a successful run: it fails, or its connection breaks.

    Of nodes that are asked the same, at once or one after the other, the last one fails: mostly not
    the master, to which more belongs.
    """
    seen: Counter[tuple[str, str]] = Counter()
    last: dict[tuple[str, int], str] = {}
    for each in asked:
        turn = seen[each.node, each.call]
        seen[each.node, each.call] += 1
        last[each.call, turn] = max(each.node, last.get((each.call, turn), ""))
    for (call, turn), node in list(last.items())[:FAULTS_MAX]:
        yield FaultAt(node, Fault(FaultKind.FAIL, (call,), times=1, after=turn))
        if call != HOOKS or case.op_id == HOOKS_CUT:
            yield FaultAt(node, Fault(FaultKind.DROP, (call,), times=1, after=turn))


def told(at: FaultAt) -> str:
    """Return which call fails, in words."""
    call, turn = at.fault.calls[0], at.fault.after + 1
    how = "fails" if at.fault.kind is FaultKind.FAIL else "is cut off"
    return f"{call} {turn} at {at.node.partition('.')[0]} {how}"
