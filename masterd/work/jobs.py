"""Jobs that an opcode submits before its end.

A unit that hands the rest of its work to jobs returns `WithJobs` instead: then they come with the
end of the opcode, or not at all.
"""

from collections.abc import Sequence

from masterd.errors import ProgrammerError
from masterd.job.new import inherited
from masterd.opcodes.base import OpCode
from masterd.work.context import Jobs
from masterd.work.work import Submit


def submitter(jobs: Jobs, job_id: int, op_index: int) -> Submit:
    """Return what submits jobs on behalf of an opcode of a job."""

    def submit(wanted: Sequence[Sequence[OpCode]]) -> Sequence[tuple[bool, int | str]]:
        job = jobs.get(job_id)
        if job is None:
            raise ProgrammerError(f"job {job_id} is not there while it runs")
        parent = job.ops[op_index]
        return jobs.submit_many([[inherited(op, parent) for op in ops] for ops in wanted], job.peer)

    return submit
