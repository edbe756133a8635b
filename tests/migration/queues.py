"""Queue directories as other masters leave them, recorded and made up."""

import json
from pathlib import Path
from typing import Any

import pytest

from exporter.render import render_job
from migrations.legacy import queue_dir
from migrations.legacy.queue_dir import QueueRefusedError, TakeoverReport
from store import schema
from store.store import Store

RECORDED = Path(__file__).parent.parent / "conformance" / "data" / "jobs"
NOW_US = 1_795_456_800_123_456

#: Seconds another process may take.
PATIENCE_S = 60

#: Recorded jobs that were not at their end.
RUNNING, WAITING = 571, 573

#: What the opcode that was cut off gets as its result.
UNCLEAN = ["OpExecError", ["Unclean master daemon shutdown"]]
#: And the opcodes behind it.
PRECEDING = ["OpExecError", ["Preceding opcode failed"]]


def recorded() -> dict[int, bytes]:
    """Return the recorded live job files by id; the archived one has its own."""
    return {
        json.loads(path.read_bytes())["id"]: path.read_bytes()
        for path in sorted(RECORDED.iterdir())
        if "archived" not in path.name
    }


def op(status: str = "success", **changes: Any) -> dict[str, Any]:
    """Return an opcode of a job file."""
    began = status not in ("queued", "canceled")
    return {
        "input": {"OP_ID": "OP_TEST_DELAY", "duration": 0.5, "depends": None},
        "status": status,
        "result": None,
        "log": [],
        "start_timestamp": [1795417297, 1] if began else None,
        "exec_timestamp": [1795417297, 2] if began and status != "waiting" else None,
        "end_timestamp": [1795417297, 3] if status in ("success", "error", "canceled") else None,
        "priority": 0,
        **changes,
    }


def job(job_id: int, *statuses: str, **changes: Any) -> dict[str, Any]:
    """Return a job file's document, by default of one opcode that succeeded."""
    statuses = statuses or ("success",)
    ended = all(status in ("success", "error", "canceled") for status in statuses)
    begun = any(status != "queued" for status in statuses)
    return {
        "id": job_id,
        "ops": [op(status) for status in statuses],
        "received_timestamp": [1795417296, 999_999],
        "start_timestamp": [1795417297, 1] if begun else None,
        "end_timestamp": [1795417297, 3] if ended else None,
        **changes,
    }


class QueueDir:
    """A queue directory to be filled."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        (path / "archive").mkdir()
        (path / "lock").touch()
        (path / "version").write_text("1\n")
        self.serial(0)

    def serial(self, last: int) -> None:
        (self.path / "serial").write_text(f"{last}\n")

    def drain(self) -> None:
        (self.path / "drain").touch()

    def live(self, job_id: int, content: bytes | dict[str, Any] | None = None) -> Path:
        return self._write(self.path / f"job-{job_id}", job_id, content)

    def archived(self, job_id: int, content: bytes | dict[str, Any] | None = None) -> Path:
        directory = self.path / "archive" / str(job_id // 10_000)
        directory.mkdir(exist_ok=True)
        return self._write(directory / f"job-{job_id}", job_id, content)

    def _write(self, path: Path, job_id: int, content: bytes | dict[str, Any] | None) -> Path:
        if content is None:
            content = job(job_id)
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return path

    def files(self) -> dict[str, bytes]:
        """Return every file by its path below the directory."""
        return {
            path.relative_to(self.path).as_posix(): path.read_bytes()
            for path in sorted(self.path.rglob("*"))
            if path.is_file()
        }


def take_over(store: Store, queue: QueueDir, **changes: Any) -> TakeoverReport:
    return queue_dir.takeover(store, queue.path, now_us=NOW_US, **changes)


def rendered(store: Store) -> dict[int, Any]:
    """Return what the mirror writes of every job, live or archived, as parsed JSON."""
    found: dict[int, Any] = {}
    with store.snapshot() as txn:
        for job_id, row in schema.JOBS.scan(txn):
            assert isinstance(row, dict)
            logs = schema.JOB_LOGS.scan(txn, (job_id, 0), (job_id + 1, 0))
            lines = [[serial, *value] for (_, serial), value in logs]
            found[job_id] = json.loads(render_job(job_id, row, lines))
        for job_id, row in schema.ARCHIVE.scan(txn):
            assert isinstance(row, dict)
            found[job_id] = json.loads(render_job(job_id, row, row["log"]))
    return found


def content(store: Store) -> dict[str, dict[Any, Any]]:
    """Return every row by table, but for the store's own name."""
    with store.snapshot() as txn:
        found: dict[str, dict[Any, Any]] = {
            table.name: dict(table.scan(txn)) for table in schema.TABLES
        }
    del found["meta"]["store_id"]
    return found


def first_start(store: Store, queue: QueueDir) -> TakeoverReport | None:
    """Do what a start of the daemon does with a queue directory."""
    return queue_dir.takeover_if_first_start(store, queue.path, now_us=NOW_US)


def reasons_against(store: Store, queue: QueueDir) -> list[str]:
    """Return why a queue directory is refused; the store stays as it was."""
    before = content(store)
    with pytest.raises(QueueRefusedError) as caught:
        take_over(store, queue)
    assert content(store) == before
    return caught.value.reasons
