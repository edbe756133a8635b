"""What a replica has that nobody sent since it became one: its archive, and files of other times.

A node that was a candidate before, or was away for too long, has files of which nothing is known.
So it is asked for the digests of all files by the names that jobs have, page by page. What it lacks
of the archive is sent; a file of a job that is not in the queue any more gets out of the way,
because a new master would run that job again. Nothing is removed: such a file moves to the archive
if the job is there, or else to a directory of strays.

The archive is compared with the one on this machine: what was removed here need not be there.

`Survey` does, `judge` decides.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from exporter.layout import Layout
from exporter.replica import Replica, digest_of
from exporter.sender import InThread, Sender
from store import schema, serials
from store.store import Store

_log = logging.getLogger(__name__)

#: Job ids of one page.
PAGE_IDS: Final = 500

#: Files of the archive that are sent before the replica's other needs are looked at again.
SENT_MAX: Final = 32


@dataclass(frozen=True, slots=True)
class Page:
    """Some job ids, and what this machine has of them.

    Attributes:
        first: The first of `PAGE_IDS` ids that follow each other.
        live: Those of jobs in the queue.
        archived: Digests of the files in the archive here, by id of the archived job; None where
            there is no file, because it was removed, or has not come yet.
        last: The last job id given out.
    """

    first: int
    live: frozenset[int]
    archived: Mapping[int, str | None]
    last: int

    @property
    def ids(self) -> range:
        """The job ids."""
        return range(self.first, self.first + PAGE_IDS)


@dataclass(slots=True)
class Wants:
    """What a page asks for.

    Attributes:
        owed: Ids of archived jobs whose file the replica lacks, or has elsewhere.
        moved: Ids of archived jobs without a file here that the replica has in the queue.
        strays: Ids of jobs of which only the replica has a file in the queue.
    """

    owed: list[int] = field(default_factory=list)
    moved: list[int] = field(default_factory=list)
    strays: list[int] = field(default_factory=list)


def judge(page: Page, layout: Layout, there: Mapping[Path, str]) -> Wants:
    """Return what has to be done, given the digests of the files that are there."""
    wants = Wants()
    for job_id in page.ids:
        if job_id in page.live:
            continue
        in_queue = layout.job(job_id) in there
        wanted = page.archived.get(job_id)
        if wanted is not None:
            if in_queue or there.get(layout.archived_job(job_id)) != wanted:
                wants.owed.append(job_id)
        elif in_queue and job_id in page.archived:
            wants.moved.append(job_id)
        elif in_queue:
            wants.strays.append(job_id)
    return wants


class Survey:
    """Goes through all job ids once; used by one greenlet, between its other calls."""

    def __init__(
        self,
        store: Store,
        layout: Layout,
        replica: Replica,
        sender: Sender,
        *,
        in_thread: InThread,
        mirrored: Callable[[], bool],
    ) -> None:
        """Prepare.

        Args:
            mirrored: waits a moment until the archive here has what was archived before the survey
                began, and tells whether it has; switches.
        """
        self._store = store
        self._layout = layout
        self._replica = replica
        self._sender = sender
        self._in_thread = in_thread
        self._mirrored = mirrored
        self._next = 1
        self._owed: list[int] = []
        self._sent = 0
        with store.snapshot() as txn:
            #: Archived jobs of which the replica's files are not known yet.
            self.unknown = schema.ARCHIVE.count(txn)

    def step(self) -> bool:
        """Do a little; return whether there may be more to do. Switches.

        Raises:
            ReplicaError: the replica does not answer; call again.
        """
        if not self._mirrored():
            return True
        if not self._owed:
            return self._look()
        some = self._owed[:SENT_MAX]
        self._sender.archive_files(self._in_thread(partial(self._contents, some)))
        del self._owed[: len(some)]
        self._sent += len(some)
        return True

    def _look(self) -> bool:
        """Ask for a page's files; return False behind the last page."""
        page = self._in_thread(self._page)
        paths = [self._layout.job(i) for i in page.ids if i not in page.live]
        paths += [self._layout.archived_job(i) for i, digest in page.archived.items() if digest]
        wants = judge(page, self._layout, self._replica.digests(paths))
        layout = self._layout
        if wants.moved:
            self._replica.rename([(layout.job(i), layout.archived_job(i)) for i in wants.moved])
        if wants.strays:
            self._replica.rename([(layout.job(i), layout.stray(i)) for i in wants.strays])
            _log.warning(
                "%s had files of %d jobs that are not in the queue, the first of job %d; "
                "they are in %s there",
                self._replica.name,
                len(wants.strays),
                wants.strays[0],
                layout.stray(0).parent,
            )
        self._owed = wants.owed
        self._next = page.first + PAGE_IDS
        self.unknown = max(0, self.unknown - len(page.archived))
        if page.first <= page.last or wants.strays:
            return True
        if self._sent:
            _log.info("%s got %d jobs of the archive", self._replica.name, self._sent)
        return False

    def _page(self) -> Page:
        """Read the next page; blocks."""
        first, stop = self._next, self._next + PAGE_IDS
        with self._store.snapshot() as txn:
            last = serials.last(txn, "job")
            live = frozenset(schema.JOBS.keys(txn, first, stop))
            archived = list(schema.ARCHIVE.keys(txn, first, stop))
        return Page(first, live, {i: _digest(self._read(i)) for i in archived}, last)

    def _contents(self, ids: list[int]) -> list[tuple[int, bytes]]:
        found = ((job_id, self._read(job_id)) for job_id in ids)
        return [(job_id, content) for job_id, content in found if content is not None]

    def _read(self, job_id: int) -> bytes | None:
        try:
            return self._layout.archived_job(job_id).read_bytes()
        except FileNotFoundError:
            return None


def _digest(content: bytes | None) -> str | None:
    return None if content is None else digest_of(content)
