"""What mirrors still have to do: appended with the change, kept until every consumer is done."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from store import outbox, schema, serials
from store.errors import StoreDamaged, StoreOverloaded
from store.outbox import Entry
from store.store import Store
from store.txn import WriteTxn
from tests.store_support import verify


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(tmp_path / "store")
    opened.update(lambda txn: serials.raise_to(txn, "job", 10_000))
    yield opened
    verify(opened)
    opened.close()


def append(store: Store, count: int) -> None:
    def body(txn: WriteTxn) -> None:
        for number in range(1, count + 1):
            outbox.append(txn, outbox.JOB, number)

    store.update(body)


def kept(store: Store) -> list[int]:
    with store.snapshot() as txn:
        return list(schema.OUTBOX.keys(txn))


def set_cursor(store: Store, name: str, seq: int) -> None:
    store.update(lambda txn: outbox.set_cursor(txn, name, seq))


def prune(store: Store, **options: int) -> int:
    return store.update(lambda txn: outbox.prune(txn, **options))


def test_entries_are_read_behind_a_number_in_their_order(store: Store) -> None:
    append(store, 3)
    store.update(lambda txn: outbox.append(txn, outbox.DRAIN, 1))
    with store.snapshot() as txn:
        assert outbox.read(txn, 1, 2) == [Entry(2, "job", 2), Entry(3, "job", 3)]
        assert outbox.read(txn, 3, 9) == [Entry(4, "drain", 1)]
        assert outbox.read(txn, 4, 9) == []
        assert (outbox.first(txn), outbox.last(txn)) == (1, 4)


def test_an_empty_outbox_has_no_first_entry(store: Store) -> None:
    with store.snapshot() as txn:
        assert (outbox.first(txn), outbox.last(txn)) == (None, 0)


def test_an_entry_of_a_body_that_raises_is_none(store: Store) -> None:
    def failing(txn: WriteTxn) -> None:
        outbox.append(txn, outbox.JOB, 1)
        raise LookupError

    with pytest.raises(LookupError):
        store.update(failing)
    append(store, 1)
    assert kept(store) == [1]


def test_nothing_is_removed_before_the_first_consumer_is_known(store: Store) -> None:
    append(store, 3)
    assert prune(store) == 0
    assert kept(store) == [1, 2, 3]


def test_entries_go_when_the_slowest_consumer_is_done(store: Store) -> None:
    append(store, 5)
    set_cursor(store, "mirror", 4)
    set_cursor(store, "replica:node2", 2)
    assert prune(store) == 2
    assert kept(store) == [3, 4, 5]
    assert prune(store) == 0


def test_a_consumer_that_is_dropped_holds_nothing_back(store: Store) -> None:
    append(store, 5)
    set_cursor(store, "mirror", 5)
    set_cursor(store, "replica:node2", 0)
    assert prune(store) == 0
    assert store.update(lambda txn: outbox.drop_cursor(txn, "replica:node2"))
    assert not store.update(lambda txn: outbox.drop_cursor(txn, "replica:node2"))
    assert prune(store) == 5
    assert kept(store) == []


def test_one_pruning_removes_a_bounded_number(store: Store) -> None:
    append(store, 5)
    set_cursor(store, "mirror", 5)
    assert prune(store, limit=2) == 2
    assert kept(store) == [3, 4, 5]


def test_a_consumer_too_far_behind_finds_a_gap(store: Store) -> None:
    append(store, 10)
    set_cursor(store, "mirror", 10)
    set_cursor(store, "replica:node2", 1)
    assert prune(store, kept_max=4) == 6
    with store.snapshot() as txn:
        behind = outbox.get_cursor(txn, "replica:node2")
        assert behind == 1
        assert outbox.read(txn, behind, 1) == [Entry(7, "job", 7)]


def test_numbers_go_on_behind_what_was_removed(store: Store) -> None:
    append(store, 3)
    set_cursor(store, "mirror", 3)
    prune(store)
    append(store, 1)
    assert kept(store) == [4]


def test_nothing_is_appended_while_a_consumer_is_stuck(store: Store) -> None:
    def fill(txn: WriteTxn) -> None:
        for number in range(1, 1024):
            outbox.append(txn, outbox.JOB, number, entries_max=500)

    store.update(fill)
    with pytest.raises(StoreOverloaded, match="1023 changes behind"):
        store.update(lambda txn: outbox.append(txn, outbox.JOB, 1, entries_max=500))
    set_cursor(store, "mirror", 1000)
    prune(store)
    assert store.update(lambda txn: outbox.append(txn, outbox.JOB, 1, entries_max=500)) == 1024


def test_a_cursor_is_none_before_it_is_set(store: Store) -> None:
    with store.snapshot() as txn:
        assert outbox.get_cursor(txn, "mirror") is None


def test_a_cursor_cannot_pass_the_last_entry(store: Store) -> None:
    append(store, 1)
    with pytest.raises(AssertionError):
        set_cursor(store, "mirror", 2)


@pytest.mark.parametrize("value", [3, ["job"], ["job", 1, 2]])
def test_an_entry_of_another_form_is_damage(store: Store, value: Any) -> None:
    append(store, 1)
    store.update(lambda txn: schema.OUTBOX.put(txn, 1, value))
    with store.snapshot() as txn, pytest.raises(StoreDamaged, match="outbox: entry 1"):
        outbox.read(txn, 0, 9)
    store.update(lambda txn: schema.OUTBOX.put(txn, 1, ["job", 1]))


def test_serials_only_rise(store: Store) -> None:
    def body(txn: WriteTxn) -> list[int]:
        return [
            serials.next(txn, "config"),
            serials.next(txn, "config", 5),
            serials.next(txn, "config"),
            serials.raise_to(txn, "config", 3),
            serials.raise_to(txn, "config", 30),
            serials.last(txn, "config"),
        ]

    assert store.update(body) == [1, 2, 7, 7, 30, 30]
