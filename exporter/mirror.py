"""The mirror on this machine: plans carried out on files. Blocks; one thread at a time.

Every step may be repeated after a crash. Writing a file twice does no harm; moving one to the
archive twice finds it moved; and a file that somebody removed from the archive after it had moved
stays removed, because only a job whose live file is still owed is written before it moves.
"""

import logging
import os
from typing import Final

from exporter import plan as plans
from exporter.files import QueueFiles
from exporter.held import Held
from exporter.layout import VERSION_CONTENT, Layout, job_id_of, number_content
from exporter.plan import LeftBehindError, Plan
from store import outbox, schema
from store.errors import StoreDamaged
from store.store import Store
from store.txn import ReadTxn

_log = logging.getLogger(__name__)

#: Name of the mirror's cursor in the outbox.
CURSOR: Final = "mirror"


class Mirror:
    """Keeps the files of a queue directory equal to the store."""

    def __init__(self, store: Store, layout: Layout) -> None:
        self._store = store
        self._files = QueueFiles(layout)
        self._layout = layout
        self._held = Held()

    def prepare(self) -> None:
        """Make the directory ready; to be called once before everything else.

        Raises:
            OSError: the disk fails.
        """
        self._files.prepare()
        if not _holds(self._layout, VERSION_CONTENT):
            self._files.write(self._layout.version, VERSION_CONTENT)

    def step(self, after: int | None) -> int:
        """Do what the next entries behind `after` ask for; all of it is durable on return.

        A mirror that never was (`after` is None) is written whole, and so is one for which entries
        behind `after` are gone.

        Returns:
            The number of the last entry that is done; `after` when there was nothing to do.

        Raises:
            OSError: the disk fails; call again.
            StoreError: the store cannot be read.
        """
        if not self._files.are_there():
            _log.warning(
                "%s or its archive was removed; live jobs are written anew, and archived ones by"
                " ganeti-exporter rebuild --archive",
                self._layout.directory,
            )
            self.prepare()
            return max(self.write_whole(), after or 0)
        if after is None:
            return self._begin()
        try:
            with self._store.snapshot() as txn:
                plan = plans.read(txn, after, self._held)
            plans.note_damage(self._store, plan)
        except LeftBehindError:
            return self.write_whole()
        if plan.through == after:
            return after
        try:
            self._carry_out(plan)
            self._files.sync()
        except OSError:
            # What the files show now is anybody's guess.
            self._held.forget()
            raise
        self._held.passed(plan.through)
        return plan.through

    def _begin(self) -> int:
        """Write everything; what the outbox has from its first entry on is done behind that.

        A job may have been archived before any mirror saw it.
        """
        through = self.write_whole()
        with self._store.snapshot() as txn:
            kept = outbox.first(txn) == 1
        return 0 if kept else through

    def write_whole(self) -> int:
        """Write every live job, the numbers and the drain flag; errors as `step`."""
        start: int | None = 0
        through = 0
        self._held.forget()
        while start is not None:
            with self._store.snapshot() as txn:
                plan, start = plans.page(txn, start)
            plans.note_damage(self._store, plan)
            if plan.serial is not None:
                through = plan.through
            self._carry_out(plan)
        self._move_strays()
        self._files.sync()
        return through

    def _move_strays(self) -> None:
        """Move the files of jobs that went to the archive while nobody looked."""
        with os.scandir(self._layout.directory) as entries:
            ids = [job_id for entry in entries if (job_id := job_id_of(entry.name)) is not None]
        for start in range(0, len(ids), plans.ENTRIES_MAX):
            with self._store.snapshot() as txn:
                strays = [i for i in ids[start : start + plans.ENTRIES_MAX] if _archived(txn, i)]
            for job_id in strays:
                self._archive(job_id, owed=True)

    def _carry_out(self, plan: Plan) -> None:
        layout, files = self._layout, self._files
        if plan.drained is not None:
            if plan.drained:
                files.write(layout.drain, b"")
            else:
                files.remove(layout.drain)
        if plan.serial is not None and plan.serial != self._held.serial:
            files.write(layout.serial, number_content(plan.serial))
        if plan.epoch is not None and plan.epoch != self._held.epoch:
            files.write(layout.epoch, number_content(plan.epoch))
        for job_id, content in plan.jobs.items():
            files.write(layout.job(job_id), content)
        for job_id, owed in plan.archived.items():
            self._archive(job_id, owed)
        plan.remember(self._held)

    def _archive(self, job_id: int, owed: bool) -> None:
        live, archived = self._layout.job(job_id), self._layout.archived_job(job_id)
        if owed:
            try:
                with self._store.snapshot() as txn:
                    content = plans.archived_content(txn, job_id)
            except StoreDamaged:
                content = None  # told; the file that is there is moved as it is
            if content is not None:
                self._files.write(live, content)
        self._files.move(live, archived)


def _archived(txn: ReadTxn, job_id: int) -> bool:
    return not schema.JOBS.has(txn, job_id) and schema.ARCHIVE.has(txn, job_id)


def _holds(layout: Layout, version: bytes) -> bool:
    try:
        return layout.version.read_bytes() == version
    except FileNotFoundError:
        return False
