"""Rows of what opcodes that run have asked nodes to change, as bodies of transactions use them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from masterd.job.machine import current_index
from masterd.job.model import Job
from masterd.job.node_calls import NodeCalls
from masterd.job.status import OpStatus
from masterd.limits import NODE_CALLS_KEPT_MAX
from store.schema import NODE_CALLS
from store.txn import ReadTxn, WriteTxn


def put(txn: WriteTxn, job_id: int, number: int, asked: NodeCalls) -> None:
    """Put what is about to be sent, and forget the first where that is too much.

    Args:
        number: counts the sendings of an opcode from 1.
    """
    NODE_CALLS.put(txn, (job_id, number), _row(asked))
    if number > NODE_CALLS_KEPT_MAX:
        NODE_CALLS.delete(txn, (job_id, number - NODE_CALLS_KEPT_MAX))


def answer(txn: WriteTxn, job_id: int, number: int, answered_us: int, done: Sequence[bool]) -> None:
    """Put what nodes answered, unless the opcode has ended meanwhile."""
    row = NODE_CALLS.get(txn, (job_id, number))
    if row is not None:
        asked = replace(_calls(row), answered_us=answered_us, done=tuple(done))
        NODE_CALLS.put(txn, (job_id, number), _row(asked))


def read(txn: ReadTxn, job_id: int) -> list[NodeCalls]:
    """Return what a job's opcode has asked, in order."""
    return [_calls(row) for _, row in NODE_CALLS.scan(txn, (job_id, 0), (job_id + 1, 0))]


def forget_after(txn: WriteTxn, before: Job, after: Job) -> None:
    """Remove a job's rows where its opcode does not run any more."""
    index = current_index(before)
    if index is None or before.ops[index].status is not OpStatus.RUNNING:
        return
    if after.ops[index].status is not OpStatus.RUNNING:
        job_id = before.job_id
        for key in list(NODE_CALLS.keys(txn, (job_id, 0), (job_id + 1, 0))):
            NODE_CALLS.delete(txn, key)


def _row(asked: NodeCalls) -> list[Any]:
    done = None if asked.done is None else list(asked.done)
    calls = [list(call) for call in asked.calls]
    return [asked.op_index, asked.sent_us, calls, asked.answered_us, done]


def _calls(row: object) -> NodeCalls:
    assert isinstance(row, list), row
    op_index, sent_us, calls, answered_us, done = row
    return NodeCalls(
        op_index,
        sent_us,
        tuple((call, node) for call, node in calls),
        answered_us,
        None if done is None else tuple(done),
    )
