"""What an opcode that runs has asked nodes to change, and how that is told after an unclean end.

Pure. Of a call that was in flight nobody but the node knows what was done of it, so it is told as
what may be half done. What was asked, and what a node said of an error, is not kept: it may
be secret.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from masterd.limits import NODE_CALLS_TOLD_MAX


@dataclass(frozen=True, slots=True)
class NodeCalls:
    """Calls that were sent at the same time.

    Attributes:
        sent_us: When that was about to be done.
        calls: Names of call and node of each.
        answered_us: When all had answered; None before.
        done: For each whether the node did it; None before.
    """

    op_index: int
    sent_us: int
    calls: tuple[tuple[str, str], ...]
    answered_us: int | None = None
    done: tuple[bool, ...] | None = None


def story(asked: Sequence[NodeCalls]) -> str:
    """Tell of an opcode's calls in one line, in flight first; empty when there were none."""
    flying = [_named(each.calls) for each in asked if each.done is None]
    answered = [_answers(each) for each in asked if each.done is not None]
    parts = []
    if flying:
        parts.append(f"in flight, and perhaps half done: {_few(flying)}")
    if answered:
        parts.append(f"answered before: {_few(answered)}")
    return "; ".join(parts)


def lines(asked: Sequence[NodeCalls]) -> Iterator[str]:
    """Yield what the job's log is told, in the order in which it was asked."""
    for each in asked:
        if each.done is None:
            yield f"In flight, and perhaps half done: {_named(each.calls)}"
        else:
            yield f"Answered: {_answers(each)}"


def _few(texts: Sequence[str]) -> str:
    """Join the last texts, and say how many came before them."""
    hidden = len(texts) - NODE_CALLS_TOLD_MAX
    told = list(texts[-NODE_CALLS_TOLD_MAX:])
    if hidden > 0:
        told.insert(0, f"{hidden} more")
    return ", ".join(told)


def _answers(each: NodeCalls) -> str:
    done = each.done or ()
    failed = tuple(call for call, ok in zip(each.calls, done, strict=True) if not ok)
    text = _named(each.calls)
    if not failed:
        return text
    if len(failed) == len(each.calls):
        return f"{text} (failed)"
    return f"{text} (failed: {_named(failed)})"


def _named(calls: Sequence[tuple[str, str]]) -> str:
    """Name calls, those of one name that follow each other once: `os_get on node1, node2`."""
    return " and ".join(
        f"{name} on {', '.join(node for _, node in group)}"
        for name, group in groupby(calls, key=lambda call: call[0])
    )
