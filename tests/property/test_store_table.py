"""A table in a store against a dictionary: bodies of one commit, failing ones, scans in between."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store import schema
from store.errors import StoreDamaged
from store.store import Store
from store.txn import ReadTxn, WriteTxn

TABLE: Final = schema.CURSORS
Model = dict[str, int]

KEYS = st.text(st.sampled_from("ab\0\xff"), min_size=1, max_size=2)
STEPS = st.one_of(
    st.tuples(st.just("put"), KEYS, st.integers(0, 9)),
    st.tuples(st.just("append"), KEYS, st.integers(0, 9)),
    st.tuples(st.just("delete"), KEYS, st.just(0)),
    st.tuples(st.just("clear"), st.just(""), st.just(0)),
    st.tuples(st.just("look"), KEYS, st.just(0)),
)
#: Steps of one body, and whether it raises at its end.
BODIES = st.tuples(st.lists(STEPS, max_size=6), st.booleans())
COMMITS = st.lists(st.lists(BODIES, min_size=1, max_size=4), max_size=4)


class WantedError(Exception):
    """Raised by bodies on purpose."""


def carry_out(txn: WriteTxn, model: Model, steps: list[tuple[str, str, int]]) -> None:
    for action, key, number in steps:
        if action in ("put", "append"):
            TABLE.put(txn, key, number, append=action == "append")
            model[key] = number
        elif action == "delete":
            assert TABLE.delete(txn, key) == (model.pop(key, None) is not None)
        elif action == "clear":
            TABLE.clear(txn)
            model.clear()
        compare(txn, model, key or "a")


def compare(txn: ReadTxn, model: Model, key: str) -> None:
    """Compare everything that a table can be asked."""
    rows = sorted(model.items())
    assert list(TABLE.scan(txn)) == rows
    assert list(TABLE.scan(txn, reverse=True)) == rows[::-1]
    assert list(TABLE.keys(txn, key)) == [k for k, _ in rows if k >= key]
    assert list(TABLE.keys(txn, None, key)) == [k for k, _ in rows if k < key]
    assert list(TABLE.keys(txn, None, key, reverse=True)) == [k for k, _ in rows if k < key][::-1]
    assert (
        list(TABLE.keys(txn, key, reverse=True, limit=2))
        == ([k for k, _ in rows if k >= key][::-1][:2])
    )
    assert TABLE.count(txn) == len(rows)
    assert TABLE.last(txn) == (rows[-1] if rows else None)
    assert TABLE.get(txn, key) == model.get(key)
    assert TABLE.has(txn, key) == (key in model)


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    with tempfile.TemporaryDirectory() as directory:
        opened = Store.open(Path(directory, "store"))
        yield opened
        opened.close()


@settings(deadline=None, max_examples=60)
@given(commits=COMMITS)
def test_a_table_is_a_sorted_dictionary(
    store: Store, commits: list[list[tuple[list[tuple[str, str, int]], bool]]]
) -> None:
    store.update(TABLE.clear)
    model: Model = {}
    for bodies in commits:
        tickets = []
        for steps, fails in bodies:

            def body(
                txn: WriteTxn, steps: list[tuple[str, str, int]] = steps, fails: bool = fails
            ) -> Model:
                known = dict(TABLE.scan(txn))
                carry_out(txn, known, steps)
                if fails:
                    raise WantedError
                return known

            tickets.append((store.update_soon(body), fails, steps))
        for ticket, fails, steps in tickets:
            if fails:
                with pytest.raises(WantedError):
                    ticket.result()
                continue
            for action, key, number in steps:
                if action in ("put", "append"):
                    model[key] = number
                elif action == "delete":
                    model.pop(key, None)
                elif action == "clear":
                    model.clear()
            assert ticket.result() == model
        with store.snapshot() as txn:
            compare(txn, model, "a")


def test_a_scan_does_not_see_what_is_written_while_it_goes_on(store: Store) -> None:
    def body(txn: WriteTxn) -> list[str]:
        TABLE.clear(txn)
        TABLE.put(txn, "a", 1)
        found = []
        for key in TABLE.keys(txn):
            found.append(key)
            TABLE.put(txn, key + "x", 1)
        return found

    assert store.update(body) == ["a"]


@pytest.mark.parametrize("key", ["", "x" * 512])
def test_a_key_that_cannot_be_kept_is_refused_and_is_not_there(store: Store, key: str) -> None:
    with pytest.raises(ValueError, match="a key of"):
        store.update(lambda txn: TABLE.put(txn, key, 1))
    with store.snapshot() as txn:
        assert TABLE.get(txn, key) is None


def test_a_row_that_cannot_be_read_is_damage(store: Store) -> None:
    store.update(lambda txn: txn.put_raw(TABLE.name, b"broken", b"\xc1", False))
    with store.snapshot() as txn, pytest.raises(StoreDamaged, match="cursors: unreadable row"):
        TABLE.get(txn, "broken")
    store.update(lambda txn: txn.delete_raw(TABLE.name, b"broken"))
