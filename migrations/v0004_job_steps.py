"""Version 4: what changes of a job of many opcodes lies in rows of its own (`store.job_table`).

The rows of version 3 are read as they are. The way back makes each job one row again.
"""

from typing import Final

from migrations.step import Step
from store.schema import JOB_STEPS, JOBS
from store.txn import WriteTxn


def _up(_txn: WriteTxn) -> None:
    """Leave all rows as they are."""


def _down(txn: WriteTxn) -> None:
    for job_id in {job_id for job_id, _ in JOB_STEPS.keys(txn)}:
        JOBS.put(txn, job_id, JOBS.get(txn, job_id))


STEP: Final = Step(
    version=4,
    name="the steps of long jobs in rows of their own",
    up=_up,
    down=_down,
    tables=(JOBS.name, JOB_STEPS.name),
)
