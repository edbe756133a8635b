"""Rows of unfinished jobs, as bodies of transactions read and write them."""

from collections import OrderedDict
from typing import Any

from masterd.errors import JobLost
from masterd.job import documents
from masterd.job.model import Job
from masterd.limits import JOB_STEPS_OPCODES_MIN, JOBS_KNOWN_MAX
from store.schema import JOBS
from store.txn import ReadTxn, WriteTxn


class LiveRows:
    """Rows of unfinished jobs, for bodies; used on the writer's thread alone.

    Of a job of many opcodes a step writes what it changes (`store.job_table`), and the job is one
    row again when it ends. So that a step reads no more either, the last jobs are remembered. That
    is believed only where the store has the very same bytes, so that a body that is undone, or runs
    twice, misleads nobody.
    """

    def __init__(self) -> None:
        #: Each with the bytes that its state had.
        self._known: OrderedDict[int, tuple[bytes, Job]] = OrderedDict()
        self.opcodes_read = 0
        self.opcodes_written = 0

    def get(self, txn: ReadTxn, job_id: int) -> Job:
        """Return a live job.

        Raises:
            JobLost: there is no live job of this id.
        """
        known = self._known.get(job_id)
        if known is not None and JOBS.state(txn, job_id) == known[0]:
            return known[1]
        row = JOBS.get(txn, job_id)
        if row is None:
            raise JobLost(f"Job {job_id} not found")
        job = documents.from_document(job_id, row_document(row))
        self.opcodes_read += len(job.ops)
        return job

    def put(self, txn: WriteTxn, job: Job, before: Job | None = None) -> None:
        """Write a job; `before` is what the store has of it, None of a new one."""
        self._known.pop(job.job_id, None)
        is_long = len(job.ops) >= JOB_STEPS_OPCODES_MIN
        if before is not None and is_long and not job.final:
            pairs = zip(job.ops, before.ops, strict=True)
            fresh = {
                index: documents.op_document(op)
                for index, (op, old) in enumerate(pairs)
                if op is not old
            }
            JOBS.put_step(txn, job.job_id, documents.head(job), fresh)
            self.opcodes_written += len(fresh)
        else:
            JOBS.put(txn, job.job_id, documents.to_document(job), append=before is None)
            self.opcodes_written += len(job.ops)
        if is_long and not job.final:
            state = JOBS.state(txn, job.job_id)
            assert state is not None, job.job_id
            self._known[job.job_id] = state, job
            if len(self._known) > JOBS_KNOWN_MAX:
                self._known.popitem(last=False)


def row_document(row: object) -> dict[str, Any]:
    """Return the document that a row of a job is."""
    assert isinstance(row, dict), row
    return row
