"""Whatever the rows are: a dump brings them back, and looking for problems never fails itself."""

import io
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store import schema
from store.check import check
from store.codec import U64_MAX
from store.dump import dump
from store.load import Reader
from store.store import Store
from store.table import Table
from store.txn import WriteTxn
from tests.store_support import ARCHIVED, NOW_US, SUCCEEDED, fill

numbers = st.integers(0, U64_MAX)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
names = texts.filter(bool)
documents = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), U64_MAX)
    | st.floats(allow_nan=False)
    | texts
    | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)

#: A key and a value of each table that holds documents, numbers or nothing.
ROWS: dict[str, tuple[Table[Any, Any], st.SearchStrategy[Any], st.SearchStrategy[Any]]] = {
    "flags": (schema.FLAGS, names, documents),
    "serials": (schema.SERIALS, names, numbers),
    "jobs": (schema.JOBS, numbers, documents),
    "job_logs": (schema.JOB_LOGS, st.tuples(numbers, numbers), documents),
    "archive": (schema.ARCHIVE, numbers, documents),
    "unfinished": (schema.UNFINISHED, numbers, st.none()),
    "config": (schema.CONFIG, st.tuples(texts, texts), documents),
}
contents = st.fixed_dictionaries(
    {name: st.dictionaries(key, value, max_size=4) for name, (_, key, value) in ROWS.items()}
)


class UndoneError(Exception):
    """Ends a body whose changes are not to stay."""


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    with tempfile.TemporaryDirectory() as directory:
        opened = Store.open(Path(directory) / "store")
        fill(opened)
        yield opened
        opened.close()


def try_out(store: Store, body: Any) -> None:
    """Run `body` in a transaction that leaves nothing behind. Switches."""

    def undone(txn: WriteTxn) -> None:
        body(txn)
        raise UndoneError

    with pytest.raises(UndoneError):
        store.update(undone)


@given(content=contents)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_rows_come_back_byte_for_byte(store: Store, content: dict[str, Any]) -> None:
    def body(txn: WriteTxn) -> None:
        for name, (table, _, _) in ROWS.items():
            table.clear(txn)
            for key, value in content[name].items():
                table.put(txn, key, value)
        stream = io.BytesIO()
        counts = dump(txn, stream, software="test", created_us=NOW_US, with_secrets=True)
        stream.seek(0)
        reader = Reader(stream)
        found = [(table.name, key, value) for table, key, value in reader.rows()]
        assert reader.counts == counts
        for name, (kept, _, _) in ROWS.items():
            there = [
                (key, kept.encoded(txn, key, raw))
                for key, raw in txn.items_raw(name, None, None, False)
            ]
            assert [(key, value) for table, key, value in found if table == name] == there

    try_out(store, body)


@given(
    where=st.sampled_from([(schema.JOBS, SUCCEEDED), (schema.ARCHIVE, ARCHIVED)]),
    steps=st.lists(st.integers(0, 20), min_size=1, max_size=5),
    value=documents,
)
@settings(max_examples=200, deadline=None)
def test_looking_at_any_damage_of_a_job_ends_with_problems(
    store: Store, where: tuple[Table[int, Any], int], steps: list[int], value: Any
) -> None:
    table, job_id = where

    def body(txn: WriteTxn) -> None:
        document: Any = table.get(txn, job_id)
        # Some place in it, at any depth, holds something of no documented form.
        place, key = document, chosen(document, steps[0])
        for step in steps[1:]:
            if not (isinstance(place[key], dict | list) and place[key]):
                break
            place = place[key]
            key = chosen(place, step)
        place[key] = {"damage": value}
        table.put(txn, job_id, document)
        assert check(txn) != []

    try_out(store, body)


def chosen(place: dict[str, Any] | list[Any], step: int) -> Any:
    """Return one of the keys or indexes of something that is not empty."""
    keys = sorted(place) if isinstance(place, dict) else range(len(place))
    return keys[step % len(keys)]
