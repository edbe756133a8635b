"""Statuses of opcodes and jobs; a job's status is derived from its opcodes'.

Source: jobfile.json op_status, job_status.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final


class OpStatus(StrEnum):
    """What an opcode is doing; the value is the word on the wire and in the job file."""

    QUEUED = "queued"
    WAITING = "waiting"
    CANCELING = "canceling"
    RUNNING = "running"
    CANCELED = "canceled"
    SUCCESS = "success"
    ERROR = "error"


#: A job has the same words.
JobStatus = OpStatus

FINAL: Final = frozenset({OpStatus.CANCELED, OpStatus.SUCCESS, OpStatus.ERROR})


def job_status(ops: Iterable[OpStatus]) -> JobStatus:
    """Derive a job's status from its opcodes' in order.

    The walk stops at the first canceling, failed or canceled opcode; a waiting or running one sets
    the status and the walk goes on; all successful means success; nothing begun means queued. A job
    between two opcodes, the first done and the second queued, counts as queued, as in the
    reference.
    """
    result: JobStatus | None = None
    all_success = True
    for status in ops:
        if status is OpStatus.SUCCESS:
            continue
        all_success = False
        if status is OpStatus.QUEUED:
            continue
        result = status
        if status in (OpStatus.CANCELING, OpStatus.ERROR, OpStatus.CANCELED):
            return status
    if all_success:
        return OpStatus.SUCCESS
    return OpStatus.QUEUED if result is None else result
