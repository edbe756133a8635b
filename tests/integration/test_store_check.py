"""Checking a store against itself: a sound one has no problems, and each damage is found."""

import itertools
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgpack
import pytest

from masterd.job.status import OpStatus, job_status
from store import forms, schema
from store.check import Problem, check
from store.errors import StoreDamaged
from store.store import Store
from store.table import Table
from store.txn import WriteTxn
from tests.store_support import (
    ARCHIVED,
    CANCELED,
    LAST_JOB,
    NOW_US,
    QUEUED,
    RUNNING,
    SUCCEEDED,
    fill,
)

Document = dict[str, Any]
Damage = Callable[[WriteTxn], object]

TABLES: dict[str, Table[Any, Any]] = {table.name: table for table in schema.TABLES}
NODE = ("node", "300c5be3-43b5-42c1-a6ad-f03bbab43ce2")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(tmp_path / "store")
    fill(opened)
    yield opened
    opened.close()


def problems(store: Store, **options: int) -> list[str]:
    with store.snapshot() as txn:
        return [str(problem) for problem in check(txn, **options)]


def changed(job_id: int, change: Callable[[Document], object]) -> Damage:
    """Return a body that changes the document of a live job."""

    def body(txn: WriteTxn) -> None:
        document = schema.JOBS.get(txn, job_id)
        assert isinstance(document, dict)
        change(document)
        schema.JOBS.put(txn, job_id, document)

    return body


def changed_archived(change: Callable[[Document], object]) -> Damage:
    def body(txn: WriteTxn) -> None:
        document = schema.ARCHIVE.get(txn, ARCHIVED)
        assert isinstance(document, dict)
        change(document)
        schema.ARCHIVE.put(txn, ARCHIVED, document)

    return body


def changed_config(key: tuple[str, str], change: Callable[[Document], object]) -> Damage:
    def body(txn: WriteTxn) -> None:
        document = schema.CONFIG.get(txn, key)
        assert isinstance(document, dict)
        change(document)
        schema.CONFIG.put(txn, key, document)

    return body


def raw(table: str, key: bytes, value: bytes) -> Damage:
    return lambda txn: TABLES[table].put_encoded(txn, key, value)


def of_op(name: str, value: object) -> Callable[[Document], object]:
    return lambda document: document["ops"][0].__setitem__(name, value)


def u64(number: int) -> bytes:
    return number.to_bytes(8, "big")


END_US = NOW_US + 7

#: What is done to a sound store, and a part of what is said about it.
DAMAGES: dict[str, tuple[Damage, str]] = {
    "a row that is no msgpack": (
        raw("jobs", u64(QUEUED), b"\xc1"),
        "jobs 1: the row cannot be decoded",
    ),
    "a row cut short": (
        raw("jobs", u64(QUEUED), msgpack.packb({"ops": []})[:-1]),
        "jobs 1: the row cannot be decoded",
    ),
    "a flipped bit in an archived job": (
        raw("archive", u64(ARCHIVED), b"\xff" + zlib.compress(b"\x80")[1:]),
        "archive 5: the row cannot be decoded",
    ),
    "a key of the wrong length": (
        raw("jobs", b"\x01", b"\x80"),
        "jobs 01: the key cannot be decoded",
    ),
    "a key written otherwise": (
        raw("config_names", b"node\x00\x00\xff\x00\x00x", msgpack.packb("y")),
        "config_names",
    ),
    "a value where nothing belongs": (
        raw("unfinished", u64(QUEUED), b"x"),
        "unfinished 1: the row cannot be decoded",
    ),
    "a job that is no map": (raw("jobs", u64(QUEUED), b"\x01"), "jobs 1: the job is not a map"),
    "a job without a key": (
        changed(QUEUED, lambda document: document.pop("rev")),
        "jobs 1: the job has no 'rev'",
    ),
    "a job with an unknown key": (
        changed(QUEUED, lambda document: document.update(colour=1)),
        "jobs 1: the job has an unknown key 'colour'",
    ),
    "a job without opcodes": (
        changed(QUEUED, lambda document: document["ops"].clear()),
        "jobs 1: the job has no opcodes",
    ),
    "a time that is a text": (
        changed(QUEUED, lambda document: document.update(received="now")),
        "jobs 1: the job has a wrong 'received': 'now'",
    ),
    "a peer that is not three numbers": (
        changed(QUEUED, lambda document: document.update(peer=[1, 2])),
        "jobs 1: the job has a wrong 'peer': [1, 2]",
    ),
    "an unknown status": (
        changed(QUEUED, of_op("status", "gone")),
        "jobs 1: opcode 0 has a wrong 'status': 'gone'",
    ),
    "an input that is no JSON": (
        changed(QUEUED, of_op("input", b"{")),
        "jobs 1: opcode 0 has a wrong 'input': b'{'",
    ),
    "a dependency on nothing": (
        changed(QUEUED, of_op("depends", [["1", []]])),
        "jobs 1: opcode 0 has a wrong 'depends'",
    ),
    "an end before the end": (
        changed(RUNNING, lambda document: document.update(end=END_US)),
        "jobs 2: has an end, but is running",
    ),
    "an unfinished job that is not listed": (
        lambda txn: schema.UNFINISHED.delete(txn, QUEUED),
        "unfinished 1: missing; the job is queued",
    ),
    "a finished job listed as unfinished": (
        lambda txn: schema.UNFINISHED.put(txn, SUCCEEDED, None),
        "unfinished 3: the job is success",
    ),
    "an unknown job listed as unfinished": (
        lambda txn: schema.UNFINISHED.put(txn, 77, None),
        "unfinished 77: there is no such live job",
    ),
    "a finished job that is not listed": (
        lambda txn: schema.FINISHED.delete(txn, (END_US, SUCCEEDED)),
        f"finished {END_US}/3: missing; the job is success",
    ),
    "a finished job listed twice": (
        lambda txn: schema.FINISHED.put(txn, (1, SUCCEEDED), None),
        f"finished 1/3: the job ended at {END_US}",
    ),
    "an unfinished job listed as finished": (
        lambda txn: schema.FINISHED.put(txn, (0, RUNNING), None),
        "finished 0/2: the job is running",
    ),
    "an unknown job listed as finished": (
        lambda txn: schema.FINISHED.put(txn, (5, 77), None),
        "finished 5/77: there is no such live job",
    ),
    "a job that is archived as well": (
        lambda txn: schema.ARCHIVE.put(
            txn, CANCELED, {**(schema.JOBS.get(txn, CANCELED) or {}), "log": []}
        ),
        "jobs 4: the job is archived as well",
    ),
    "an archived job that has not ended": (
        changed_archived(lambda document: document["ops"][1].update(status="running")),
        "archive 5: the job is running",
    ),
    "an archived log that lost its end": (
        changed_archived(lambda document: document["log"].pop()),
        "archive 5: the last log entry is 2, but 1 is there",
    ),
    "an archived log whose end is no entry": (
        changed_archived(lambda document: document["log"].append([])),
        "archive 5: a log entry without a serial: []",
    ),
    "an archived log whose end is a number": (
        changed_archived(lambda document: document["log"].append(3)),
        "archive 5: a log entry without a serial: 3",
    ),
    "an archived log out of order": (
        changed_archived(lambda document: document["log"].reverse()),
        "archive 5: log entry 1 stands behind 2",
    ),
    "a log entry of another form": (
        lambda txn: schema.JOB_LOGS.put(txn, (RUNNING, 1), [0, NOW_US, "message"]),
        "job_logs 2/1: is not [opcode index, time, kind, JSON]",
    ),
    "a log entry behind the last": (
        lambda txn: schema.JOB_LOGS.put(txn, (RUNNING, 9), [0, NOW_US, "message", b"1"]),
        "job_logs 2/9: the job's last entry is 2",
    ),
    "a log that lost its end": (
        lambda txn: schema.JOB_LOGS.delete(txn, (RUNNING, 2)),
        "jobs 2: the last log entry is 2, but 1 is the last that is there",
    ),
    "a log entry of an opcode that is not there": (
        lambda txn: schema.JOB_LOGS.put(txn, (RUNNING, 2), [2, NOW_US, "message", b"1"]),
        "job_logs 2/2: of opcode 2, but the job has 2",
    ),
    "the log of no job": (
        lambda txn: schema.JOB_LOGS.put(txn, (ARCHIVED, 1), [0, NOW_US, "message", b"1"]),
        "job_logs 5/1: there is no such live job",
    ),
    "an id above the last": (
        lambda txn: schema.SERIALS.put(txn, "job", LAST_JOB - 1),
        "archive 5: the last id given out is 4",
    ),
    "a serial that is lost": (
        lambda txn: schema.SERIALS.delete(txn, "job"),
        "jobs 1: the last id given out is 0",
    ),
    "a serial of nobody": (
        lambda txn: schema.SERIALS.put(txn, "jobs", 1),
        "serials jobs: a serial that nobody uses",
    ),
    "an unknown switch": (
        lambda txn: schema.FLAGS.put(txn, "darin", True),
        "flags darin: a switch that nobody knows",
    ),
    "a switch that is off": (
        lambda txn: schema.FLAGS.put(txn, "drain", False),
        "flags drain: is False",
    ),
    "a store without a name": (
        lambda txn: schema.META.delete(txn, "store_id"),
        "meta store_id: the row is missing",
    ),
    "another version": (
        lambda txn: schema.META.put(txn, "version", 99),
        "meta version: schema version 99",
    ),
    "an outbox entry of no kind": (
        lambda txn: schema.OUTBOX.put(txn, 3, ["jobs", 1]),
        "outbox 3: unknown kind 'jobs'",
    ),
    "an outbox entry of another form": (
        lambda txn: schema.OUTBOX.put(txn, 3, "job"),
        "outbox 3: is not [kind, number]: 'job'",
    ),
    "an outbox entry of a job never made": (
        lambda txn: schema.OUTBOX.put(txn, 3, ["job", 99]),
        "outbox 3: of job 99; the last number is 5",
    ),
    "a gap in the outbox": (
        lambda txn: schema.OUTBOX.delete(txn, 3),
        "outbox 4: entries behind 2 are missing",
    ),
    "an outbox entry above the last": (
        lambda txn: schema.OUTBOX.put(txn, 999, ["job", 1]),
        "outbox 999: the last number given out is",
    ),
    "a cursor that is too far": (
        lambda txn: schema.CURSORS.put(txn, "mirror", 999),
        "cursors mirror: at 999",
    ),
    "a cursor that is no number": (
        lambda txn: schema.CURSORS.put(txn, "mirror", "far"),
        "cursors mirror: is not a number: 'far'",
    ),
    "a node under another uuid": (
        changed_config(NODE, lambda document: document.update(uuid="x")),
        f"config node/{NODE[1]}: says that its uuid is 'x'",
    ),
    "a node that was renamed alone": (
        changed_config(NODE, lambda document: document.update(name="other")),
        f"config_names node/other: missing; {NODE[1]} has the name",
    ),
    "a name of no node": (
        lambda txn: schema.CONFIG_NAMES.put(txn, ("node", "other"), "no-uuid"),
        "config_names node/other: there is no node no-uuid",
    ),
    "a name that leads to another node": (
        lambda txn: schema.CONFIG_NAMES.put(txn, ("node", "other"), NODE[1]),
        f"config_names node/other: {NODE[1]} is called ",
    ),
    "a configuration without its top": (
        lambda txn: schema.CONFIG.delete(txn, ("config", "top")),
        "config config/top: the row is missing",
    ),
    "two clusters": (
        lambda txn: schema.CONFIG.put(txn, ("cluster", "x"), {"uuid": "x"}),
        "config cluster: there are 2 cluster objects",
    ),
}


def stepped(number: int, *, job_id: int = RUNNING, **changes: object) -> Damage:
    """Return a body after which an opcode (0: the job itself) of a sound job has changed."""

    def body(txn: WriteTxn) -> None:
        document = schema.JOBS.get(txn, RUNNING)
        assert isinstance(document, dict)
        head = {key: value for key, value in document.items() if key != "ops"}
        schema.JOBS.put_step(txn, RUNNING, head, dict(enumerate(document["ops"])))
        row = schema.JOB_STEPS.get(txn, (RUNNING, number))
        schema.JOB_STEPS.put(txn, (job_id, number), {**(row or {}), **changes})

    return body


STEP_DAMAGES: dict[str, tuple[Damage, str]] = {
    "an unknown key of a job": (stepped(0, colour=1), "job_steps 2/0: the job has an unknown key"),
    "an opcode's fixed part": (
        stepped(1, summary="x"),
        "job_steps 2/1: opcode 0 has an unknown key 'summary'",
    ),
    "a wrong status": (stepped(2, status="idle"), "job_steps 2/2: opcode 1 has a wrong 'status'"),
    "an end of a job that runs": (stepped(0, end=5), "jobs 2: has an end, but is running"),
    "no such opcode": (stepped(3), "job_steps 2/3: of opcode 2, but the job has 2"),
    "no such job": (stepped(0, job_id=77), "job_steps 77/0: there is no such live job"),
    "no change of the job itself": (
        stepped(1, job_id=QUEUED),
        "job_steps 1/1: the job's own row is missing",
    ),
    "a job that has ended": (stepped(1, status="error"), "job_steps 2/0: the job is error"),
    "no map": (
        lambda txn: schema.JOB_STEPS.put(txn, (RUNNING, 0), [1]),
        "job_steps 2/0: the job is not a map",
    ),
    "no document": (
        raw("job_steps", u64(RUNNING) + u64(0), b"\xc1"),
        "job_steps 2/0: the row cannot be decoded",
    ),
}


def noted(*row: object, job_id: int = RUNNING) -> Damage:
    """Return a body after which a job has a note of calls to nodes."""
    return lambda txn: schema.NODE_CALLS.put(txn, (job_id, 1), list(row))


CALLS = [["node_stop_master", "node1"], ["os_get", "node2"]]

CALL_DAMAGES: dict[str, tuple[Damage, str]] = {
    "no list of five": (noted(1, 0, 5), "is not [opcode index, sent, calls, answered, done]"),
    "no opcode": (noted(-1, 5, CALLS, None, None), "has a wrong opcode index: -1"),
    "no time": (noted(0, "now", CALLS, None, None), "has a wrong time: 'now'"),
    "no calls": (noted(0, 5, [], None, None), "has calls that are not [call, node]: []"),
    "no node": (noted(0, 5, [["os_get"]], None, None), "has calls that are not [call, node]"),
    "an answer without a time": (noted(0, 5, CALLS, None, [True, True]), "has a wrong answer"),
    "too few answers": (noted(0, 5, CALLS, 6, [True]), "has a wrong answer: [6, [True]]"),
    "answers that say neither": (noted(0, 5, CALLS, 6, [True, 1]), "has a wrong answer"),
    "a job that is not there": (
        noted(0, 5, CALLS, None, None, job_id=77),
        "there is no such live job",
    ),
    "a job that does not run": (
        noted(0, 5, CALLS, None, None, job_id=QUEUED),
        "opcode 0 does not run",
    ),
    "an opcode that does not run": (noted(1, 5, CALLS, None, None), "opcode 1 does not run"),
}


@pytest.mark.parametrize("damage", CALL_DAMAGES)
def test_each_damage_of_what_was_asked_of_nodes_is_found(store: Store, damage: str) -> None:
    store.update(noted(0, 5, CALLS, 6, [True, False]))
    assert problems(store) == []
    body, told = CALL_DAMAGES[damage]
    store.update(body)
    assert any(told in found for found in problems(store))


@pytest.mark.parametrize("damage", STEP_DAMAGES)
def test_each_damage_of_what_changed_of_a_job_is_found(store: Store, damage: str) -> None:
    body, told = STEP_DAMAGES[damage]
    store.update(body)
    found = problems(store)
    assert any(told in problem for problem in found), found


def test_a_job_whose_changes_lie_beside_it_has_no_problems(store: Store) -> None:
    store.update(stepped(1))
    with store.snapshot() as txn:
        assert schema.JOB_STEPS.count(txn) == 3
    assert problems(store) == []


def test_what_changed_of_a_job_and_does_not_fit_it_is_damage(store: Store) -> None:
    store.update(stepped(3))
    with store.snapshot() as txn:
        with pytest.raises(StoreDamaged, match="what changed of job 2 does not fit it"):
            schema.JOBS.get(txn, RUNNING)
        damaged: list[StoreDamaged] = []
        assert RUNNING not in dict(schema.JOBS.scan(txn, damaged=damaged))
        assert len(damaged) == 1


@pytest.mark.parametrize("damage", DAMAGES)
def test_each_damage_is_found(store: Store, damage: str) -> None:
    body, told = DAMAGES[damage]
    store.update(body)
    found = problems(store)
    assert any(told in problem for problem in found), found


def test_a_new_store_has_no_problems(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "new")
    assert problems(store) == []
    store.close()


def test_a_sound_store_has_no_problems_filled_by_the_daemon(store: Store) -> None:
    assert problems(store) == []


def test_one_unreadable_job_is_one_problem_and_its_index_is_not_blamed(store: Store) -> None:
    store.update(raw("jobs", u64(SUCCEEDED), b"\xc1"))
    assert len(problems(store)) == 1


def test_the_list_of_problems_has_an_end(store: Store) -> None:
    def body(txn: WriteTxn) -> None:
        for job_id in range(1000, 1100):
            schema.UNFINISHED.put(txn, job_id, None)

    store.update(body)
    found = problems(store, problems_max=10)
    assert len(found) == 11
    assert found[-1] == "there are more problems than listed here"


def test_the_largest_id_can_be_looked_at(store: Store) -> None:
    store.update(raw("jobs", b"\xff" * 8, b"\x80"))
    assert any("the job has no 'ops'" in problem for problem in problems(store))


def test_a_problem_reads_as_a_line() -> None:
    assert str(Problem("jobs", "7", "is odd")) == "jobs 7: is odd"
    assert str(Problem("jobs", "", "the table is missing")) == "jobs: the table is missing"


@pytest.mark.parametrize("count", range(1, 4))
def test_a_jobs_status_is_derived_as_the_daemon_does(count: int) -> None:
    for statuses in itertools.product(OpStatus, repeat=count):
        assert forms.job_status([str(status) for status in statuses]) == job_status(statuses)
