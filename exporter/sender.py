"""Plans carried out on a replica: several files under way at once, in an order that is safe.

What a new master would need comes first: the serial, so that no job id is given out twice, then
the jobs that have not ended, then those that have, and the archive last. Nothing is removed: a file
only ever gets a newer content or its place in the archive. All of this switches greenlets, and
raises `ReplicaError` when the replica does not take something; what was sent by then does no harm.
"""

from collections.abc import Callable, Container, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Final, Protocol, TypeVar

import gevent

from exporter import plan as plans
from exporter.held import Held
from exporter.layout import Layout, number_content
from exporter.plan import Plan
from exporter.replica import Replica, ReplicaError, digest_of
from store.errors import StoreDamaged
from store.store import Store
from store.txn import ReadTxn

T = TypeVar("T")

#: Files under way at once to a replica that must not fall behind further. A node daemon forks for
#: each and makes it durable by itself, so that a few at once take hardly longer than one; it serves
#: 20 clients in all.
CALLS_MAX: Final = 4

#: Seconds for which a file waits at most for a moment in which nobody else has work: under full
#: load clients go first, and candidates get a share.
GIVE_WAY_S: Final = 0.003

#: Files moved by one call.
MOVES_MAX: Final = 200

File = tuple[Path, bytes]


class InThread(Protocol):
    """Runs a function on a native thread and returns its result. Switches."""

    def __call__(self, work: Callable[[], T]) -> T: ...


class Sender:
    """Brings files to one replica. One greenlet at a time."""

    def __init__(
        self, store: Store, layout: Layout, replica: Replica, held: Held, in_thread: InThread
    ) -> None:
        """Prepare; `held` is kept up to date with what the replica was given."""
        self._store = store
        self._layout = layout
        self._replica = replica
        self._held = held
        self._in_thread = in_thread
        #: Whether several files go at once, before other work; set by whoever knows the lag.
        self.hurry = False

    def carry_out_anew(self, plan: Plan) -> None:
        """Do what a plan of live jobs asks for, but send no file that the replica has already.

        Whoever was a candidate under the master before has most of them.
        """
        digests = self._in_thread(partial(self._digests, plan))
        try:
            there = self._replica.digests(list(digests))
        except ReplicaError:
            # It may take files all the same.
            there = {}
        same = {path for path, digest in digests.items() if there.get(path) == digest}
        self.carry_out(plan, sure=True, but=same)

    def carry_out(self, plan: Plan, *, sure: bool, but: Container[Path] = frozenset()) -> None:
        """Do what a plan asks for.

        Args:
            sure: the replica's live files of jobs that the plan only moves are as new as the jobs;
                without it they are sent before they move.
            but: live files that the replica has already as the plan wants them.
        """
        if plan.drained is not None:
            self._replica.set_drain(plan.drained)
        if plan.serial is not None and plan.serial != self._held.serial:
            self._replica.update(self._layout.serial, number_content(plan.serial))
        if plan.epoch is not None and plan.epoch != self._held.epoch:
            self._replica.update(self._layout.epoch, number_content(plan.epoch))
        files = [(self._layout.job(i), content) for i, content in plan.urgent_first()]
        self.send([(path, content) for path, content in files if path not in but])
        ids = list(plan.archived)
        for start in range(0, len(ids), MOVES_MAX):
            some = ids[start : start + MOVES_MAX]
            self._send_archived([i for i in some if plan.archived[i] or not sure])
            self._move(some)
        plan.remember(self._held)

    def archive_files(self, files: Sequence[tuple[int, bytes]]) -> None:
        """Give the replica files of archived jobs, wherever it has them now."""
        # Sent to where live ones lie, because only moving makes directories.
        self.send((self._layout.job(job_id), content) for job_id, content in files)
        self._rename([job_id for job_id, _ in files])

    def send(self, files: Iterable[File]) -> None:
        """Write files; begun in their order, in a hurry several at once."""
        waiting = iter(files)
        errors: list[ReplicaError] = []

        def work() -> None:
            for path, content in waiting:
                try:
                    self._replica.update(path, content)
                except ReplicaError as error:
                    errors.append(error)
                if errors:
                    return
                if not self.hurry:
                    _give_way()

        helpers = [gevent.spawn(work) for _ in range(CALLS_MAX - 1 if self.hurry else 0)]
        try:
            work()
            gevent.joinall(helpers, raise_error=True)
        finally:
            gevent.killall(helpers, block=False)
        if errors:
            raise errors[0]

    def _digests(self, plan: Plan) -> dict[Path, str]:
        return {self._layout.job(i): digest_of(content) for i, content in plan.urgent_first()}

    def _move(self, ids: Sequence[int]) -> None:
        """Move jobs to the archive; where one is not there, send all of them first."""
        try:
            self._rename(ids)
        except ReplicaError as error:
            if not error.missing:
                raise
            # They were moved before and the answer got lost, or they never arrived.
            self._send_archived(ids)
            self._rename(ids)

    def _rename(self, ids: Sequence[int]) -> None:
        if ids:
            layout = self._layout
            self._replica.rename([(layout.job(i), layout.archived_job(i)) for i in ids])

    def _send_archived(self, ids: Sequence[int]) -> None:
        """Send archived jobs to where live ones lie, as `archive_files` does."""
        if ids:
            contents = self._in_thread(partial(self._archived_contents, ids))
            self.send((self._layout.job(job_id), content) for job_id, content in contents)

    def _archived_contents(self, ids: Sequence[int]) -> list[tuple[int, bytes]]:
        with self._store.snapshot() as txn:
            found = [(job_id, self._archived_content(txn, job_id)) for job_id in ids]
        return [(job_id, content) for job_id, content in found if content is not None]

    def _archived_content(self, txn: ReadTxn, job_id: int) -> bytes | None:
        try:
            return plans.archived_content(txn, job_id)
        except StoreDamaged as error:
            self._store.note_damage(str(error))
            return None


def _give_way() -> None:
    """Let others work first, for a moment. Switches."""
    with gevent.Timeout(GIVE_WAY_S, False):
        gevent.idle()
