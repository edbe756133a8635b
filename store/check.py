"""The store against itself: every row, every index, every number.

A seal tells a row that was changed on the disk, but a bug writes rows as durably, and sealed, as
anything else; so this looks at everything: rows decode and have their form (`forms`), each index is
what its primary says, numbers given out lie above those in use, and nothing is there twice.

One snapshot is held while it looks: some seconds for 100,000 jobs. Memory does not grow with the
store.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, Final

from store import config_uses, forms, outbox
from store.codec import U64_MAX
from store.errors import StoreDamaged
from store.schema import (
    ARCHIVE,
    CONFIG,
    CONFIG_NAMES,
    CONFIG_USES,
    CURSORS,
    FINISHED,
    JOB_LOGS,
    JOB_STEPS,
    JOBS,
    META,
    NODE_CALLS,
    OUTBOX,
    SERIALS,
    TABLES,
    UNFINISHED,
)
from store.table import Table
from store.txn import ReadTxn

#: Problems listed; a damaged page can bring as many as there are rows.
PROBLEMS_MAX: Final = 1000


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as it must be.

    Attributes:
        table: Where it shows; empty when it is the list of problems that ends early.
        key: The row, as one reads it; hexadecimal where the key itself cannot be decoded.
        text: What is wrong.
    """

    table: str
    key: str
    text: str

    def __str__(self) -> str:
        where = " ".join(part for part in (self.table, self.key) if part)
        return f"{where}: {self.text}" if where else self.text


def check(txn: ReadTxn, *, problems_max: int = PROBLEMS_MAX) -> list[Problem]:
    """Return what is wrong with the store; an empty list when nothing is.

    Args:
        problems_max: Where the list ends; its last item then says so.
    """
    missing = [table.name for table in TABLES if table.name not in txn.tables]
    if missing:
        return [Problem(name, "", "the table is missing") for name in missing]
    found = list(islice(_Check(txn).problems(), problems_max + 1))
    if len(found) > problems_max:
        found[problems_max:] = [Problem("", "", "there are more problems than listed here")]
    return found


class _Check:
    """One look at everything.

    Rows that cannot be decoded are reported once, by the table they are in; the comparisons between
    tables pass over them.
    """

    def __init__(self, txn: ReadTxn) -> None:
        self._txn = txn
        self._last = {name: self._serial(name) for name in forms.SERIAL_NAMES}

    def problems(self) -> Iterator[Problem]:
        """Yield the problems, table by table."""
        parts: list[Callable[[], Iterator[Problem]]] = [
            *(partial(self._forms, table) for table in TABLES),
            self._versions,
            self._live_jobs,
            self._steps,
            self._logs_of_no_job,
            self._node_calls,
            self._unfinished,
            self._finished,
            self._archived_jobs,
            self._outbox,
            self._cursors,
            self._config,
            self._config_names,
            self._config_uses,
        ]
        for part in parts:
            try:
                yield from part()
            except StoreDamaged as error:
                # What lies behind that page in this table cannot be looked at.
                yield Problem("", "", str(error))

    # --- rows by themselves -------------------------------------------------------------------

    def _forms(self, table: Table[Any, Any]) -> Iterator[Problem]:
        for raw_key, raw in self._txn.items_raw(table.name, None, None, False):
            try:
                key = table.key.decode(raw_key)
            except ValueError as error:
                yield Problem(table.name, raw_key.hex(), f"the key cannot be decoded: {error}")
                continue
            if table.key.encode(key) != raw_key:
                yield _problem(table, key, f"the key is written otherwise: {raw_key.hex()}")
            try:
                value = table.decode(self._txn, raw_key, raw)
            except (ValueError, TypeError) as error:
                yield _problem(table, key, f"the row cannot be decoded: {error}")
                continue
            for flaw in forms.flaws(table.name, key, value):
                yield _problem(table, key, flaw)

    def _versions(self) -> Iterator[Problem]:
        for key in ("version", "store_id"):
            if not META.has(self._txn, key):
                yield _problem(META, key, "the row is missing")

    # --- jobs ---------------------------------------------------------------------------------

    def _live_jobs(self) -> Iterator[Problem]:
        txn = self._txn
        for job_id, row in self._rows(JOBS):
            document = self._whole(job_id, row)
            if ARCHIVE.has(txn, job_id):
                yield _problem(JOBS, job_id, "the job is archived as well")
            if job_id > self._last["job"]:
                yield _problem(JOBS, job_id, f"the last id given out is {self._last['job']}")
            status = _status(document)
            if status is None:
                continue
            if status not in forms.FINAL:
                if not UNFINISHED.has(txn, job_id):
                    yield _problem(UNFINISHED, job_id, f"missing; the job is {status}")
                if document.get("end") is not None:
                    yield _problem(JOBS, job_id, f"has an end, but is {status}")
            elif not FINISHED.has(txn, _finished_key(job_id, document)):
                key = _finished_key(job_id, document)
                yield _problem(FINISHED, key, f"missing; the job is {status}")
            yield from self._logs(job_id, document)

    def _steps(self) -> Iterator[Problem]:
        """Look at what changed of jobs; changes of opcodes follow those of their job."""
        job_id, ops = -1, 0
        for key in self._keys(JOB_STEPS):
            if key[0] != job_id:
                job_id = key[0]
                document = self._job(job_id)
                ops = len(document.get("ops", ())) if isinstance(document, dict) else 0
                if not JOBS.has(self._txn, job_id):
                    yield _problem(JOB_STEPS, key, "there is no such live job")
                elif key[1] != 0:
                    yield _problem(JOB_STEPS, key, "the job's own row is missing")
                elif _status(document) in forms.FINAL:
                    yield _problem(JOB_STEPS, key, f"the job is {_status(document)}")
            if ops and key[1] > ops:
                yield _problem(JOB_STEPS, key, f"of opcode {key[1] - 1}, but the job has {ops}")

    def _node_calls(self) -> Iterator[Problem]:
        """Look at what opcodes asked of nodes: only one that runs has anything under way."""
        for key, value in self._rows(NODE_CALLS):
            document = self._job(key[0])
            ops = document.get("ops") if isinstance(document, dict) else None
            if not JOBS.has(self._txn, key[0]):
                yield _problem(NODE_CALLS, key, "there is no such live job")
            elif isinstance(ops, list) and isinstance(value, list) and value:
                running = [i for i, op in enumerate(ops) if op.get("status") == "running"]
                if value[0] not in running:
                    yield _problem(NODE_CALLS, key, f"opcode {value[0]!r} does not run")

    def _logs(self, job_id: int, document: dict[str, Any]) -> Iterator[Problem]:
        last = document.get("log_serial")
        if not isinstance(last, int):
            return
        ops = len(document["ops"])
        newest = 0
        behind = None if job_id == U64_MAX else (job_id + 1, 0)
        for key, value in self._rows(JOB_LOGS, (job_id, 0), behind):
            newest = key[1]
            if not 1 <= newest <= last:
                yield _problem(JOB_LOGS, key, f"the job's last entry is {last}")
            if isinstance(value, list) and value and isinstance(value[0], int) and value[0] >= ops:
                yield _problem(JOB_LOGS, key, f"of opcode {value[0]}, but the job has {ops}")
        if newest < last:
            text = f"the last log entry is {last}, but {newest} is the last that is there"
            yield _problem(JOBS, job_id, text)

    def _logs_of_no_job(self) -> Iterator[Problem]:
        known, there = -1, False
        for key in self._keys(JOB_LOGS):
            if key[0] != known:
                known, there = key[0], JOBS.has(self._txn, key[0])
            if not there:
                yield _problem(JOB_LOGS, key, "there is no such live job")

    def _unfinished(self) -> Iterator[Problem]:
        for job_id in self._keys(UNFINISHED):
            status = _status(self._job(job_id))
            if status in forms.FINAL:
                yield _problem(UNFINISHED, job_id, f"the job is {status}")
            elif not JOBS.has(self._txn, job_id):
                yield _problem(UNFINISHED, job_id, "there is no such live job")

    def _finished(self) -> Iterator[Problem]:
        for key in self._keys(FINISHED):
            job_id = key[1]
            document = self._job(job_id)
            status = _status(document)
            if not JOBS.has(self._txn, job_id):
                yield _problem(FINISHED, key, "there is no such live job")
            elif status is not None and status not in forms.FINAL:
                yield _problem(FINISHED, key, f"the job is {status}")
            elif status is not None and key != _finished_key(job_id, document):
                yield _problem(FINISHED, key, f"the job ended at {document.get('end')}")

    def _archived_jobs(self) -> Iterator[Problem]:
        for job_id, document in self._rows(ARCHIVE):
            if job_id > self._last["job"]:
                yield _problem(ARCHIVE, job_id, f"the last id given out is {self._last['job']}")
            status = _status(document)
            if status is not None and status not in forms.FINAL:
                yield _problem(ARCHIVE, job_id, f"the job is {status}")
            if status is None or not isinstance(document.get("log"), list):
                continue
            newest = document["log"][-1] if document["log"] else [0]
            if not isinstance(newest, list) or not newest:
                continue  # reported with the forms
            last = newest[0]
            if last != document.get("log_serial"):
                text = f"the last log entry is {document.get('log_serial')}, but {last} is there"
                yield _problem(ARCHIVE, job_id, text)

    # --- outbox -------------------------------------------------------------------------------

    def _outbox(self) -> Iterator[Problem]:
        last = self._last[outbox.SERIAL_NAME]
        before: int | None = None
        for seq, value in self._rows(OUTBOX):
            if seq > last:
                yield _problem(OUTBOX, seq, f"the last number given out is {last}")
            elif before is not None and seq != before + 1:
                yield _problem(OUTBOX, seq, f"entries behind {before} are missing")
            before = seq
            if isinstance(value, list) and len(value) == 2 and isinstance(value[1], int):
                name = _NUMBERED_BY.get(value[0]) if isinstance(value[0], str) else None
                if name is not None and value[1] > self._last[name]:
                    text = f"of {value[0]} {value[1]}; the last number is {self._last[name]}"
                    yield _problem(OUTBOX, seq, text)
        if before is not None and before < last:
            yield _problem(OUTBOX, before, f"the last entry, but {last} were appended")

    def _cursors(self) -> Iterator[Problem]:
        last = self._last[outbox.SERIAL_NAME]
        for name, seq in self._rows(CURSORS):
            if isinstance(seq, int) and seq > last:
                yield _problem(CURSORS, name, f"at {seq}; the last entry appended is {last}")

    # --- configuration ------------------------------------------------------------------------

    def _config(self) -> Iterator[Problem]:
        clusters = 0
        rows = 0
        for (kind, uuid), value in self._rows(CONFIG):
            rows += 1
            clusters += kind == "cluster"
            name = _name(kind, value)
            if name is None:
                continue
            listed = self._decoded(CONFIG_NAMES, (kind, name))
            if listed is None:
                yield _problem(CONFIG_NAMES, (kind, name), f"missing; {uuid} has the name")
            elif listed != uuid:
                yield _problem(CONFIG, (kind, uuid), f"the name {name} belongs to {listed}")
        if rows and not CONFIG.has(self._txn, forms.TOP):
            yield _problem(CONFIG, forms.TOP, "the row is missing")
        if rows and clusters != 1:
            yield Problem(CONFIG.name, "cluster", f"there are {clusters} cluster objects")

    def _config_names(self) -> Iterator[Problem]:
        for (kind, name), uuid in self._rows(CONFIG_NAMES):
            if not isinstance(uuid, str):
                continue
            if not CONFIG.has(self._txn, (kind, uuid)):
                yield _problem(CONFIG_NAMES, (kind, name), f"there is no {kind} {uuid}")
                continue
            row = self._decoded(CONFIG, (kind, uuid))
            if row is not None and _name(kind, row) != name:
                text = f"{uuid} is called {_name(kind, row)}"
                yield _problem(CONFIG_NAMES, (kind, name), text)

    def _config_uses(self) -> Iterator[Problem]:
        expected = {
            (each, config_uses.user(kind, uuid))
            for (kind, uuid), row in self._rows(CONFIG)
            for each in config_uses.uses(kind, row)
        }
        listed = set(self._keys(CONFIG_USES))
        for key in sorted(expected - listed):
            yield _problem(CONFIG_USES, key, "missing; the object says so")
        for key in sorted(listed - expected):
            yield _problem(CONFIG_USES, key, "no object says so")

    # --- rows that may be unreadable ----------------------------------------------------------

    def _rows(self, table: Table[Any, Any], start: Any = None, stop: Any = None) -> Iterator[Any]:
        """Yield `(key, value)` of the rows that can be decoded."""
        for raw_key, raw in self._txn.items_raw(
            table.name,
            None if start is None else table.key.encode(start),
            None if stop is None else table.key.encode(stop),
            False,
        ):
            try:
                row = table.key.decode(raw_key), table.decode(self._txn, raw_key, raw)
            except (ValueError, TypeError):
                continue
            yield row

    def _keys(self, table: Table[Any, Any]) -> Iterator[Any]:
        for raw_key, _ in self._txn.items_raw(table.name, None, None, False):
            try:
                key = table.key.decode(raw_key)
            except ValueError:
                continue
            yield key

    def _decoded(self, table: Table[Any, Any], key: Any) -> Any:
        """Return a row; None where there is none that can be decoded."""
        raw_key = table.key.encode(key)
        raw = self._txn.get_raw(table.name, raw_key)
        try:
            return None if raw is None else table.decode(self._txn, raw_key, raw)
        except (ValueError, TypeError):
            return None

    def _job(self, job_id: int) -> Any:
        """Return a live job; None where there is none that can be decoded."""
        row = self._decoded(JOBS, job_id)
        return None if row is None else self._whole(job_id, row)

    def _whole(self, job_id: int, row: Any) -> Any:
        """Return a live job with what has changed; as its row has it where that does not fit."""
        try:
            return JOBS.whole(self._txn, job_id, row)
        except StoreDamaged:
            return row  # what is wrong is told of the rows themselves

    def _serial(self, name: str) -> int:
        value = self._decoded(SERIALS, name)
        return value if isinstance(value, int) else 0


#: The serial that the number in an outbox entry comes from, by the entry's kind.
_NUMBERED_BY: Final = {
    outbox.JOB: "job",
    outbox.ARCHIVE: "job",
    outbox.SERIAL: "job",
    outbox.CONFIG: "config",
}


#: A list, so that anything can be looked for in it.
_WORDS: Final = list(forms.STATUSES)


def _problem(table: Table[Any, Any], key: object, text: str) -> Problem:
    shown = "/".join(map(str, key)) if isinstance(key, tuple) else str(key)
    return Problem(table.name, shown, text)


def _status(document: object) -> str | None:
    """Return a job's status; None where the document is not one that has it."""
    ops = document.get("ops") if isinstance(document, dict) else None
    if not isinstance(ops, list) or not ops:
        return None
    found = [op["status"] for op in ops if isinstance(op, dict) and op.get("status") in _WORDS]
    return forms.job_status(found) if len(found) == len(ops) else None


def _finished_key(job_id: int, document: dict[str, Any]) -> tuple[int, int]:
    end = document.get("end")
    return (end if isinstance(end, int) and end > 0 else 0), job_id


def _name(kind: str, value: object) -> str | None:
    if kind not in forms.NAMED_KINDS or not isinstance(value, dict):
        return None
    name = value.get("name")
    return None if name is None else str(name)
