"""Jobs as the source of queries: short snapshots, a turn for others between them."""

from collections.abc import Iterable, Iterator, Sequence

from masterd.job.model import Job, LogEntry
from masterd.job.repository import JobRepository
from masterd.limits import JOB_READ_BATCH_MAX
from masterd.query.job_fields import NEEDS_ARCHIVE, JobRow


class JobSource:
    """Obeys `masterd.filter.fields.Source`.

    Never switches by itself; the engine pauses between rows.
    """

    def __init__(self, repository: JobRepository) -> None:
        self._repository = repository

    def by_keys(self, keys: Sequence[int], needs: frozenset[str]) -> Iterable[JobRow]:
        """Give one row per id, live or archived; an id without a job gives an empty row."""
        for start in range(0, len(keys), JOB_READ_BATCH_MAX):
            ids = keys[start : start + JOB_READ_BATCH_MAX]
            for job_id, job in zip(ids, self._repository.get_many(ids), strict=True):
                yield JobRow.missing(job_id) if job is None else self._row(job)

    def all(self, needs: frozenset[str]) -> Iterable[JobRow]:
        """Give all live jobs by id; the archived ones among them when they are asked for.

        A job that is archived while this goes on is given once, in one state or the other.
        """
        live = self._batches(archived=False)
        if NEEDS_ARCHIVE not in needs:
            return map(self._row, live)
        return map(self._row, _merge(live, self._batches(archived=True)))

    def _batches(self, *, archived: bool) -> Iterator[Job]:
        read = self._repository.archived if archived else self._repository.live
        after_id = -1
        while jobs := read(after_id, JOB_READ_BATCH_MAX):
            yield from jobs
            after_id = jobs[-1].job_id

    def _row(self, job: Job) -> JobRow:
        def logs() -> Sequence[LogEntry]:
            return self._repository.logs(job.job_id)

        return JobRow.of(job, logs)


def _merge(live: Iterator[Job], archived: Iterator[Job]) -> Iterator[Job]:
    """Yield the jobs of both by id; one that moved in between is given once."""
    left, right = next(live, None), next(archived, None)
    while left is not None or right is not None:
        if right is None or (left is not None and left.job_id < right.job_id):
            assert left is not None
            yield left
            left = next(live, None)
        else:
            if left is not None and left.job_id == right.job_id:
                left = next(live, None)
            yield right
            right = next(archived, None)
