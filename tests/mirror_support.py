"""A store with jobs for tests of the mirror, and a candidate in memory."""

import hashlib
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gevent

from exporter.entrance import Entrance
from exporter.replica import ReplicaError
from store import outbox, schema, serials
from store.store import Store
from store.txn import WriteTxn

#: 2026-11-23 18:00:00 UTC, in us.
NOW_US = 1_795_456_800_000_000


def document(status: str = "queued", *, rev: int = 0, log_serial: int = 0) -> dict[str, Any]:
    """Return the row of a job with one opcode."""
    final = status in ("success", "error", "canceled")
    return {
        "received": NOW_US,
        "start": None if status == "queued" else NOW_US + 1,
        "end": NOW_US + 3 if final else None,
        "log_serial": log_serial,
        "rev": rev,
        "peer": None,
        "ops": [
            {
                "id": "OP_TEST_DELAY",
                "input": b'{"OP_ID":"OP_TEST_DELAY","duration":1.50}',
                "summary": "TEST_DELAY(1.5)",
                "priority": 0,
                "depends": [],
                "status": status,
                "result": b"null" if status == "success" else None,
                "start": None,
                "exec": None,
                "end": NOW_US + 2 if final else None,
            }
        ],
    }


class Queue:
    """Writes jobs as the daemon's repository does, with their outbox entries."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def put(self, job_id: int, status: str = "queued", *, rev: int = 0) -> int:
        """Write a live job; return the outbox number."""
        return self.put_all([job_id], status, rev=rev)

    def put_all(self, job_ids: Sequence[int], status: str = "queued", *, rev: int = 0) -> int:
        """Write live jobs at once; return the last outbox number."""

        def body(txn: WriteTxn) -> int:
            seq = 0
            for job_id in job_ids:
                row = document(status, rev=rev)
                schema.JOBS.put(txn, job_id, row)
                if row["end"] is None:
                    schema.UNFINISHED.put(txn, job_id, None)
                else:
                    schema.UNFINISHED.delete(txn, job_id)
                serials.raise_to(txn, "job", job_id)
                seq = outbox.append(txn, outbox.JOB, job_id)
            return seq

        return self.store.update(body)

    def log(self, job_id: int, messages: Sequence[str]) -> int:
        """Give a job a log; return the outbox number."""

        def body(txn: WriteTxn) -> int:
            for serial, message in enumerate(messages, start=1):
                value = [0, NOW_US + serial, "message", json.dumps(message).encode()]
                schema.JOB_LOGS.put(txn, (job_id, serial), value)
            schema.JOBS.put(txn, job_id, document("running", rev=2, log_serial=len(messages)))
            return outbox.append(txn, outbox.JOB, job_id)

        return self.store.update(body)

    def archive(self, *job_ids: int) -> int:
        """Move jobs to the archive; return the last outbox number."""

        def body(txn: WriteTxn) -> int:
            seq = 0
            for job_id in job_ids:
                row = schema.JOBS.get(txn, job_id)
                assert isinstance(row, dict)
                schema.JOBS.delete(txn, job_id)
                schema.ARCHIVE.put(txn, job_id, {**row, "log": []})
                seq = outbox.append(txn, outbox.ARCHIVE, job_id)
            return seq

        return self.store.update(body)

    def drain(self, drained: bool) -> int:
        """Set or clear the drain flag; return the outbox number."""

        def body(txn: WriteTxn) -> int:
            if drained:
                schema.FLAGS.put(txn, "drain", True)
            else:
                schema.FLAGS.delete(txn, "drain")
            return outbox.append(txn, outbox.DRAIN, int(drained))

        return self.store.update(body)

    def forget_outbox(self) -> None:
        """Prune everything, as if every consumer but one had come to the end long ago."""

        def body(txn: WriteTxn) -> None:
            for seq in list(schema.OUTBOX.keys(txn)):
                schema.OUTBOX.delete(txn, seq)

        self.store.update(body)


def make_entrance(
    *, behind_max_s: float = 5.0, wait_s: float = 60.0, waiting_max: int = 100
) -> Entrance:
    """Return what lets submissions in."""
    return Entrance(
        time.monotonic, behind_max_s=behind_max_s, wait_s=wait_s, waiting_max=waiting_max
    )


def status_in(content: bytes) -> str:
    """Return the status that a job file shows."""
    found: str = json.loads(content)["ops"][0]["status"]
    return found


class MemoryReplica:
    """A candidate's queue directory in memory. Obeys `exporter.replica.Replica`."""

    def __init__(self, name: str = "node2") -> None:
        self.name = name
        self.files: dict[Path, bytes] = {}
        self.drained = False
        self.updates: list[Path] = []
        self.calls = 0
        #: Where there were files once that were moved.
        self.vanished: set[Path] = set()
        self.answers_digests = True
        #: While this is set, every call fails with it.
        self.trouble: str | None = None
        #: Seconds each call takes.
        self.takes_s = 0.0
        #: Calls that are carried out, but whose answer gets lost.
        self.answers_lost = 0

    def update(self, path: Path, content: bytes) -> None:
        self._begin()
        self.updates.append(path)
        self.files[path] = content
        self._end()

    def rename(self, pairs: Sequence[tuple[Path, Path]]) -> None:
        self._begin()
        for old, new in pairs:
            if old not in self.files:
                raise ReplicaError(f"{old} is not there", missing=True)
            self.files[new] = self.files.pop(old)
            self.vanished.add(old)
        self._end()

    def set_drain(self, drained: bool) -> None:
        self._begin()
        self.drained = drained
        self._end()

    def digests(self, paths: Sequence[Path]) -> dict[Path, str]:
        self._begin()
        if not self.answers_digests:
            raise ReplicaError("nobody verifies here")
        found = {path: self.files[path] for path in paths if path in self.files}
        return {path: hashlib.sha1(content).hexdigest() for path, content in found.items()}

    def _begin(self) -> None:
        self.calls += 1
        if self.takes_s:
            gevent.sleep(self.takes_s)
        if self.trouble is not None:
            raise ReplicaError(self.trouble)

    def _end(self) -> None:
        if self.answers_lost:
            self.answers_lost -= 1
            raise ReplicaError("the answer got lost")
