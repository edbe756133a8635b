"""What clients were told, written down, and held against what the cluster says later."""

from dataclasses import dataclass, field
from typing import Final

from tests.boxes.box import Box, BoxError
from tests.boxes.cluster import Cluster

_FINAL: Final = frozenset({"success", "error", "canceled"})


@dataclass(slots=True)
class Ledger:
    """Acknowledged changes and jobs."""

    #: Jobs up to this id are not counted: nodes that joined later never got their files.
    after_id: int = 0
    tags: set[str] = field(default_factory=set)
    #: Ids of jobs whose submission was acknowledged.
    jobs: set[int] = field(default_factory=set)
    #: Of these, with the end that a client was told.
    ended: dict[int, str] = field(default_factory=dict)

    def change(self, cluster: Cluster, box: Box) -> None:
        """Change the configuration, and write down that it was acknowledged."""
        tag = f"acknowledged-{len(self.tags)}"
        box.ok("gnt-cluster", "add-tags", tag)
        self.tags.add(tag)
        self._learn(cluster, box)

    def submit(self, cluster: Cluster, box: Box, duration_s: float) -> int:
        """Submit a job, and write down its id.

        Raises:
            BoxError: the id was given out before.
        """
        job_id = cluster.submit_delay(box, duration_s)
        if job_id in self.jobs:
            raise BoxError(f"job {job_id} was given out twice")
        self.jobs.add(job_id)
        return job_id

    def check(self, cluster: Cluster, box: Box) -> None:
        """Compare with what the master says now.

        Raises:
            BoxError: something acknowledged is missing, or has another end.
        """
        lost = self.tags - cluster.tags(box)
        if lost:
            raise BoxError(f"acknowledged changes are lost: {sorted(lost)}")
        statuses = cluster.job_statuses(box)
        missing = self.jobs - statuses.keys()
        if missing:
            raise BoxError(f"acknowledged jobs are lost: {sorted(missing)}")
        turned = {
            job_id: (told, statuses[job_id])
            for job_id, told in self.ended.items()
            if statuses[job_id] != told
        }
        if turned:
            raise BoxError(f"jobs have another end than was told: {turned}")
        self._learn(cluster, box)

    def _learn(self, cluster: Cluster, box: Box) -> None:
        """Write down all jobs and ends that the master tells of."""
        for job_id, status in cluster.job_statuses(box).items():
            if job_id > self.after_id:
                self.jobs.add(job_id)
                if status in _FINAL:
                    self.ended[job_id] = status
