"""A store as the daemon leaves it, filled by the daemon's own repositories."""

import json
from pathlib import Path

from masterd.clock import SystemClock
from masterd.job import machine
from masterd.job.model import Dependency, Job, Peer
from masterd.job.new import NewJob
from masterd.job.repository import JobRepository
from masterd.job.status import JobStatus
from masterd.opcodes import base as opcodes
from masterd.wconf.repository import ConfigRepository
from store import outbox
from store.check import check
from store.store import Store

CONFIG_DATA = Path(__file__).parent / "conformance/data/config.data"
#: 2026-11-23 18:00:00 UTC, in us.
NOW_US = 1_795_456_800_000_000

#: What `fill` leaves: jobs by what has become of them.
QUEUED, RUNNING, SUCCEEDED, CANCELED, ARCHIVED = 1, 2, 3, 4, 5
LAST_JOB = 5
#: Serial number of the configuration that the first opcode of those that ran has recorded.
CHANGED_TO = 4711


def fill(store: Store) -> None:
    """Put a configuration and one job of each kind into an empty store. Switches."""
    ConfigRepository(store, SystemClock()).import_document(
        json.loads(CONFIG_DATA.read_bytes()), source="a test"
    )
    jobs = JobRepository(store, lambda _changes: None)
    delay = opcodes.load(
        {"OP_ID": "OP_TEST_DELAY", "duration": 1.5, "depends": None}, reason_required=False
    )
    waits = opcodes.load(
        {"OP_ID": "OP_TEST_DELAY", "duration": 2, "depends": [[1, ["success"]]]},
        reason_required=False,
    )
    jobs.submit(
        [NewJob.of([delay]), *(NewJob.of([delay, waits]) for _ in range(LAST_JOB - 1))],
        Peer(0, 0, 4711),
        NOW_US,
        live_max=100,
        ignore_drain=False,
        committed=lambda _submitted: None,
    )
    for job_id in (RUNNING, SUCCEEDED, ARCHIVED):
        jobs.change(job_id, lambda job: machine.pick(job, NOW_US + 1))
        jobs.change(job_id, lambda job: machine.locks_held(job, NOW_US + 2))
        jobs.change(job_id, lambda job: machine.changed_config(job, 0, CHANGED_TO))
        entry = (0, NOW_US + 3, "message", b'"begun"')
        jobs.wait(jobs.append_log(job_id, [entry, entry]))
    for job_id in (SUCCEEDED, ARCHIVED):
        jobs.change(job_id, lambda job: machine.succeed(job, b'{"done":1.0}', NOW_US + 4))
        jobs.change(job_id, lambda job: machine.pick(job, NOW_US + 5))
        jobs.change(job_id, lambda job: machine.locks_held(job, NOW_US + 6))
        jobs.change(job_id, lambda job: machine.succeed(job, b"null", NOW_US + 7))
    jobs.change(CANCELED, lambda job: machine.cancel(job, NOW_US + 8))
    jobs.archive([ARCHIVED])
    jobs.set_drained(True)
    store.update(lambda txn: outbox.set_cursor(txn, "mirror", outbox.last(txn) - 3))
    assert dependency_of(jobs.get(RUNNING)) == Dependency(1, frozenset({JobStatus.SUCCESS}))
    verify(store)


def dependency_of(job: Job | None) -> Dependency:
    """Return the dependency of a job's second opcode."""
    assert job is not None
    (dependency,) = job.ops[1].depends
    return dependency


def verify(store: Store) -> None:
    """Compare the store with itself."""
    with store.snapshot() as txn:
        assert [str(problem) for problem in check(txn)] == []
