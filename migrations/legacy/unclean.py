"""What becomes of jobs that the master before us left unfinished. Pure.

* A queued job stays queued.
* A job whose opcode waits for locks had not begun it: it goes back to the queue at that opcode.
* A job that ran, or was being canceled, may have changed anything: it ends in error and says so.
* So does whatever is not final in the archive: somebody moved its file there by hand.

Source: jobfile.json status_moves restart_2_2 (which ends waiting jobs too).
"""

from enum import Enum
from typing import Final

from migrations.legacy.job_file import FINAL, Document, LegacyJob, derived_status

#: Result of the opcode that such an end cut off; the reference's words.
UNCLEAN_SHUTDOWN: Final = b'["OpExecError",["Unclean master daemon shutdown"]]'

#: Result of the opcodes behind it, which never began. The reference gives them the first one's here
#: and this one after any other error; the daemon's own recovery always this one.
PRECEDING_FAILED: Final = b'["OpExecError",["Preceding opcode failed"]]'


class Outcome(Enum):
    """What was done with a job."""

    KEPT = "kept"
    REQUEUED = "requeued"
    ENDED = "ended"


def settle(job: LegacyJob, now_us: int, *, archived: bool) -> tuple[LegacyJob, Outcome]:
    """Return the job as it is taken over; the same object when it is kept.

    Args:
        now_us: the end of those that end here, in microseconds since the epoch.
    """
    statuses = {op["status"] for op in job.document["ops"]}
    if statuses <= FINAL:
        return job, Outcome.KEPT
    if archived or job.status in FINAL or statuses & {"running", "canceling"}:
        return _ended(job, now_us), Outcome.ENDED
    if "waiting" in statuses:
        return _put_back(job), Outcome.REQUEUED
    return job, Outcome.KEPT


def _ended(job: LegacyJob, now_us: int) -> LegacyJob:
    ops: list[Document] = []
    first = True
    for op in job.document["ops"]:
        if op["status"] not in FINAL:
            # Opcodes behind the first never began, and have no times, as after any error.
            end_us = now_us if first else None
            result = UNCLEAN_SHUTDOWN if first else PRECEDING_FAILED
            first = False
            op = {**op, "status": "error", "result": result, "end": end_us}
        ops.append(op)
    end_us = job.document["end"]
    return _changed(job, ops, end=now_us if end_us is None else end_us)


def _put_back(job: LegacyJob) -> LegacyJob:
    ops: list[Document] = []
    for op in job.document["ops"]:
        if op["status"] == "waiting":
            op = {**op, "status": "queued", "start": None, "exec": None, "end": None}
        ops.append(op)
    begun = any(op["status"] in FINAL for op in ops)
    put_back = _changed(job, ops, start=job.document["start"] if begun else None)
    # Nobody runs it now; a luxid that comes after us takes a job of a dead process for dead.
    for key in ("livelock", "process_id"):
        put_back.document.pop(key, None)
    return put_back


def _changed(job: LegacyJob, ops: list[Document], **times: int | None) -> LegacyJob:
    document = {**job.document, **times, "ops": ops, "rev": job.document["rev"] + 1}
    status = derived_status(op["status"] for op in ops)
    return LegacyJob(job.job_id, document, job.logs, status)
