"""What every story on boxes is made of: steps, and the questions that end each.

Does exactly one node serve, and is everything there that any client was ever told? No command may
hang, and all the time a watch looks for a second master.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic, Self, TypeVar

from tests.boxes import serving
from tests.boxes.box import BoxError
from tests.boxes.cluster import Cluster
from tests.boxes.ledger import Ledger

#: The nodes that every story names.
NODES_MIN: Final = 3

#: Seconds until a job comes to what it must: a master finds by then that its process is gone.
_DEATH_S: Final = 120.0
_LOOK_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Played:
    """A story that ended well."""

    #: Acknowledged, and found again after every step.
    changes: int
    jobs: int
    #: How often all nodes were asked whether they serve.
    looks: int

    def __str__(self) -> str:
        return (
            f"{self.changes} changes and {self.jobs} jobs were acknowledged, none is lost;"
            f" {self.looks} looks at all nodes never saw two masters"
        )


class Story:
    """One playing of a story."""

    def __init__(self, cluster: Cluster, package: Path, say: Callable[[str], None]) -> None:
        """Prepare.

        Args:
            package: the file of our package, in every box.
            say: is told every step.
        """
        self._cluster = cluster
        self._package = package
        self._say = say
        self._ledger = Ledger()
        self._first, self._second, self._third = cluster.nodes[:NODES_MIN]
        self._master = self._first
        self._step = "beginning"
        self._taken: list[str] = []
        self._watch = serving.Watch(cluster.nodes, lambda: self._step)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Look for a second master until the end of the block."""
        with self._watch:
            yield

    def take_next(self, steps: "Sequence[Step[Self]]", step: "Step[Self]") -> Sequence[str]:
        """Play the first of some steps that has not been played; return all that have been then.

        Raises:
            BoxError: an earlier one has failed; or as `take`.
        """
        if [each.name for each in steps[: steps.index(step)]] != self._taken:
            raise BoxError(f"{step.name}: an earlier step has failed")
        self.take(step)
        return self._taken

    def take(self, step: "Step[Self]") -> None:
        """Play one step, and ask the questions that end each.

        Raises:
            BoxError: something is not as it must be; the message says in which step.
        """
        began = time.monotonic()
        self._step = step.name
        self._say(f"{step.name} ...")
        try:
            step.act(self)
            self._check()
        except BoxError as error:
            raise BoxError(f"{step.name}: {error}\n{self._cluster.last_words()}") from error
        self._taken.append(step.name)
        self._say(f"  done in {time.monotonic() - began:.0f} s")

    def ending(self, steps: "Sequence[Step[Self]]") -> Played:
        """Return what all steps come to.

        Raises:
            BoxError: one of them was not played to its end, or two nodes served at once.
        """
        if len(self._taken) != len(steps):
            raise BoxError(f"{len(self._taken)} of {len(steps)} steps were played to their end")
        if self._watch.twice:
            raise BoxError(f"two masters at once: {self._watch.twice}")
        return Played(len(self._ledger.tags), len(self._ledger.jobs), self._watch.looks)

    def _check(self) -> None:
        serving.await_master(self._cluster.nodes, self._master.plan.name)
        self._ledger.check(self._cluster, self._master)
        self._ledger.change(self._cluster, self._master)
        job_id = self._ledger.submit(self._cluster, self._master, 0.1)
        self._await_job(job_id, {"success"})

    def _await_job(self, job_id: int, wanted: set[str]) -> None:
        deadline = time.monotonic() + _DEATH_S
        while (status := self._cluster.job_statuses(self._master).get(job_id)) not in wanted:
            if time.monotonic() > deadline:
                raise BoxError(f"job {job_id} is {status} and not {' or '.join(sorted(wanted))}")
            time.sleep(_LOOK_S)


_Told = TypeVar("_Told", bound=Story, contravariant=True)


@dataclass(frozen=True, slots=True)
class Step(Generic[_Told]):
    """One step of a story."""

    name: str
    act: Callable[[_Told], None]
