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
from tests.same_calls.matcher import Difference, Renaming
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

    def new(self, case: Case, faults: Iterable[FaultAt]) -> list[FaultAt]:
        """Return those of a case's faults that none of its opcode was before."""
        found = []
        for at in faults:
            key = (case.op_id, at.fault.kind, at.fault.calls[0], at.fault.after)
            if key not in self._tried:
                self._tried.add(key)
                found.append(at)
        return found


def compare(case: Case, sides: tuple[Side, Side], tried: Tried) -> Iterator[Compared]:
    """Run a case, and again with each of its calls failing; give what was found of each run."""
    first, outcome = _run(case, sides, None)
    yield first
    for at in tried.new(case, faults(case, outcome.asked)) if case.failing else ():
        yield _run(case, sides, at)[0]


def _run(case: Case, sides: tuple[Side, Side], fault: FaultAt | None) -> tuple[Compared, Outcome]:
    with ThreadPoolExecutor(len(sides)) as pool:
        running = [pool.submit(side.carry_out, case, fault) for side in sides]
        theirs, ours = (each.result() for each in running)
    until_s = SystemClock().now_us() / 1e6 + _SKEW_S
    renaming = Renaming(matcher.made_up(case.document()), _BEGAN_S, until_s)
    found = matcher.differences(_comparable(case, theirs), _comparable(case, ours), renaming)
    which = "" if fault is None else told(fault)
    their_texts, our_texts = (list(messages.texts(each.job)) for each in (theirs, ours))
    same = sum(text in our_texts for text in their_texts)
    return Compared(case, which, len(theirs.asked), found, len(their_texts), same), theirs


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
