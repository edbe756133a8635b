"""Jobs for query tests and a source that counts how it is asked."""

from collections.abc import Iterable, Sequence

from masterd.job.model import Job, LogEntry, Op
from masterd.job.status import OpStatus
from masterd.query.job_fields import NEEDS_ARCHIVE, JobRow


def op(
    status: OpStatus = OpStatus.SUCCESS,
    *,
    summary: str = "TEST_DELAY(0.1)",
    priority: int = 0,
    start_us: int | None = None,
) -> Op:
    """Return an opcode."""
    return Op(
        "OP_TEST_DELAY",
        b'{"OP_ID":"OP_TEST_DELAY","duration":0.10}',
        summary,
        priority,
        status=status,
        result=b"null" if status is OpStatus.SUCCESS else None,
        start_us=start_us,
    )


def job(
    job_id: int, *ops: Op, archived: bool = False, end_us: int | None = None, log_serial: int = 0
) -> Job:
    """Return a job with these opcodes, or a single successful one."""
    return Job(
        job_id,
        ops or (op(),),
        received_us=1_000_000 * job_id + 5,
        end_us=end_us,
        archived=archived,
        log_serial=log_serial,
    )


class ListSource:
    """Serves job rows from memory; a working stand-in for the queue."""

    def __init__(self, jobs: Iterable[Job], logs: Sequence[LogEntry] = ()) -> None:
        self._jobs = {job.job_id: job for job in jobs}
        self._logs = logs
        #: Ids looked up, in order.
        self.looked_up: list[int] = []
        self.walks = 0

    def by_keys(self, keys: Sequence[int], needs: frozenset[str]) -> Iterable[JobRow]:
        for key in keys:
            self.looked_up.append(key)
            found = self._jobs.get(key)
            yield JobRow.missing(key) if found is None else self._row(found)

    def all(self, needs: frozenset[str]) -> Iterable[JobRow]:
        self.walks += 1
        for _, found in sorted(self._jobs.items()):
            if not found.archived or NEEDS_ARCHIVE in needs:
                yield self._row(found)

    def _row(self, found: Job) -> JobRow:
        return JobRow.of(found, lambda: self._logs)
