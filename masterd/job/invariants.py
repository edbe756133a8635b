"""What is true of every job at every moment; tests and `scripts/check` call this."""

import itertools

from masterd.job.model import Job, LogEntry
from masterd.job.status import FINAL, OpStatus

_ACTIVE = frozenset({OpStatus.WAITING, OpStatus.CANCELING, OpStatus.RUNNING})


def violations(job: Job, logs: list[LogEntry] | None = None) -> list[str]:
    """Return what is wrong with a job, one sentence each; empty when nothing is."""
    found: list[str] = []
    statuses = [op.status for op in job.ops]
    if not statuses:
        found.append("has no opcodes")
    active = [i for i, status in enumerate(statuses) if status in _ACTIVE]
    if len(active) > 1:
        found.append(f"has {len(active)} active opcodes")
    begun = next((i for i, s in enumerate(statuses) if s is not OpStatus.SUCCESS), len(statuses))
    if any(status is OpStatus.SUCCESS for status in statuses[begun:]):
        found.append("has a success behind an opcode that did not succeed")
    if begun < len(statuses) and statuses[begun] in FINAL:
        if any(status not in FINAL for status in statuses[begun:]):
            found.append("goes on behind an opcode that failed or was canceled")
    elif any(status is not OpStatus.QUEUED for status in statuses[begun + 1 :]):
        found.append("has begun an opcode before its turn")
    if job.final and job.end_us is None:
        found.append("is final without an end time")
    if not job.final and job.end_us is not None:
        found.append("has an end time but is not final")
    for index, op in enumerate(job.ops):
        if op.status is OpStatus.QUEUED and (op.start_us, op.exec_us, op.end_us) != (None,) * 3:
            found.append(f"opcode {index} is queued but has times")
        if op.status is OpStatus.RUNNING and op.exec_us is None:
            found.append(f"opcode {index} runs without a start of execution")
        if op.status not in FINAL and op.result is not None:
            found.append(f"opcode {index} has a result before its end")
    if logs is not None:
        serials = [entry.serial for entry in logs]
        if serials != list(range(1, job.log_serial + 1)):
            found.append(f"has log serials {serials} but counts {job.log_serial}")
        if any(a.op_index > b.op_index for a, b in itertools.pairwise(logs)):
            found.append("has log entries out of opcode order")
    return [f"job {job.job_id} {what}" for what in found]
