"""Opening a store, committing in groups, and what happens when the disk does not want to."""

import logging
import subprocess
import sys
from functools import partial
from pathlib import Path

import gevent
import pytest

from store import failpoints, schema, serials
from store.commit import Ticket
from store.errors import (
    SchemaMismatch,
    StoreBusy,
    StoreClosed,
    StoreDamaged,
    StoreFull,
    StoreMissing,
    StoreOverloaded,
)
from store.gate import native_lock
from store.store import Store, store_id
from store.txn import WriteTxn
from tests.store_support import verify

REPOSITORY = Path(__file__).parents[2]
PATIENCE_S = 60


class Gate:
    """A body that keeps the writer at work until it is let go."""

    def __init__(self, store: Store) -> None:
        self._lock = native_lock()
        self._lock.acquire()
        self.ticket: Ticket[bool] = store.update_soon(lambda _txn: self._lock.acquire())

    def open(self) -> None:
        self._lock.release()


def put_number(store: Store, number: int) -> Ticket[None]:
    return store.update_soon(lambda txn: schema.META.put(txn, f"n{number}", number))


def numbers(store: Store) -> list[object]:
    with store.snapshot() as txn:
        return [value for _, value in schema.META.scan(txn, "n", "o")]


# --- opening ----------------------------------------------------------------------------------


def test_a_new_store_is_whole_and_nobody_elses_to_read(tmp_path: Path) -> None:
    path = tmp_path / "store"
    store = Store.open(path)
    verify(store)
    with store.snapshot() as txn:
        name = store_id(txn)
    store.close()
    assert path.stat().st_mode & 0o777 == 0o750
    modes = {each.name: each.stat().st_mode & 0o777 for each in path.iterdir()}
    assert modes == {"data.mdb": 0o640, "lock.mdb": 0o640, "writer.lock": 0o640}
    again = Store.open(path)
    with again.snapshot() as txn:
        assert store_id(txn) == name
    again.close()


def test_nothing_is_made_for_a_reader(tmp_path: Path) -> None:
    with pytest.raises(StoreMissing, match="there is no store"):
        Store.open(tmp_path / "store", read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_another_schema_is_refused_unless_anything_will_do(store: Store) -> None:
    path = store.path
    store.update(lambda txn: schema.META.put(txn, "version", 99))
    store.close()
    needed = schema.SCHEMA_VERSION
    with pytest.raises(SchemaMismatch, match=f"has schema 99, this program needs {needed}"):
        Store.open(path)
    Store.open(path, schema_version=None).close()


def test_rows_without_a_version_are_damage(store: Store) -> None:
    path = store.path
    store.update(lambda txn: schema.META.delete(txn, "version"))
    store.close()
    with pytest.raises(StoreDamaged, match="no schema version"):
        Store.open(path)


def test_only_one_process_may_write_but_others_read(store: Store) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from pathlib import Path\n"
            "from store.errors import StoreBusy\n"
            "from store.store import Store\n"
            "path = Path(sys.argv[1])\n"
            "try: Store.open(path)\n"
            "except StoreBusy as error: print(error)\n"
            "with Store.open(path, read_only=True).snapshot() as txn: print(len(txn.tables))\n",
            store.path,
        ],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    )
    busy, tables = done.stdout.splitlines()
    assert "has the store in" in busy
    assert busy.endswith("open for writing")
    assert int(tables) == len(schema.TABLES)


def test_the_same_process_may_not_open_it_twice(store: Store) -> None:
    with pytest.raises(StoreBusy):
        Store.open(store.path)
    with pytest.raises(StoreBusy):
        Store.open(store.path, read_only=True)


def test_a_forked_child_is_refused(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "ignore",
            "-c",
            "import os, sys; from pathlib import Path\n"
            "from store.errors import StoreClosed\n"
            "from store.store import Store\n"
            "store = Store.open(Path(sys.argv[1]))\n"
            "if os.fork():\n"
            "    os.wait(); os._exit(0)\n"
            "uses = (lambda: store.update(len), lambda: store.snapshot().__enter__())\n"
            "for use in uses:\n"
            "    try: use()\n"
            "    except StoreClosed as error: os.write(1, f'{error}\\n'.encode())\n"
            "os._exit(0)\n",
            tmp_path / "store",
        ],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    )
    assert done.stdout.count("opened by another process") == 2


# --- groups -----------------------------------------------------------------------------------


def test_those_who_wait_share_a_commit(store: Store) -> None:
    before = store.stats
    gate = Gate(store)
    waiting = [gevent.spawn(store.update, lambda txn: serials.next(txn, "job")) for _ in range(64)]
    gevent.sleep(0)
    gate.open()
    gevent.joinall(waiting, raise_error=True)
    assert sorted(each.value for each in waiting) == list(range(1, 65))
    assert store.stats.commits - before.commits <= 2
    assert store.stats.bodies - before.bodies == 65
    assert store.stats.batch_largest >= 32
    assert store.stats.queue_length == 0


def test_a_batch_has_a_bound(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store", batch_max=8)
    gate = Gate(store)
    tickets = [put_number(store, number) for number in range(40)]
    gate.open()
    for ticket in tickets:
        ticket.result()
    assert store.stats.batch_largest == 8
    store.close()


def test_bodies_see_those_before_them_in_the_same_commit(store: Store) -> None:
    gate = Gate(store)
    tickets = [store.update_soon(lambda txn: serials.next(txn, "config")) for _ in range(10)]
    gate.open()
    assert [ticket.result() for ticket in tickets] == list(range(1, 11))


def test_a_body_that_raises_harms_only_itself(store: Store) -> None:
    def failing(txn: WriteTxn) -> None:
        schema.META.put(txn, "n2", "half")
        schema.META.delete(txn, "n1")
        raise LookupError("on purpose")

    gate = Gate(store)
    first = put_number(store, 1)
    bad = store.update_soon(failing)
    third = put_number(store, 3)
    gate.open()
    third.result()
    assert first.succeeded
    with pytest.raises(LookupError, match="on purpose"):
        bad.result()
    assert (bad.done, bad.succeeded) == (True, False)
    assert numbers(store) == [1, 3]
    assert store.stats.bodies_failed == 1


def test_a_body_that_changes_nothing_costs_no_commit(store: Store) -> None:
    before = store.stats.commits
    assert store.update(lambda txn: schema.META.count(txn)) == 2
    assert store.stats.commits == before


def test_callbacks_come_in_order_before_anybody_who_waits(store: Store) -> None:
    seen: list[tuple[str, int]] = []

    def update(number: int) -> None:
        store.update(
            lambda txn: schema.META.put(txn, "n", number), lambda _: seen.append(("after", number))
        )
        seen.append(("woken", number))

    gate = Gate(store)
    waiting = [gevent.spawn(update, number) for number in range(5)]
    gevent.sleep(0)
    gate.open()
    gevent.joinall(waiting, raise_error=True)
    afters = [number for what, number in seen if what == "after"]
    assert afters == list(range(5))
    for number in range(5):
        assert seen.index(("after", number)) < seen.index(("woken", number))


def test_a_callback_that_fails_is_logged_and_stops_nobody(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    def failing(_result: object) -> None:
        raise LookupError("a callback's fault")

    seen: list[int] = []
    gate = Gate(store)
    bad = store.update_soon(lambda txn: schema.META.put(txn, "n1", 1), failing)
    good = store.update_soon(lambda txn: schema.META.put(txn, "n2", 2), lambda _: seen.append(2))
    gate.open()
    with caplog.at_level(logging.ERROR):
        good.result()
    assert bad.succeeded
    assert seen == [2]
    assert "a callback after a commit failed" in caplog.text


def test_no_callback_comes_for_a_body_that_raised(store: Store) -> None:
    seen: list[object] = []

    def failing(_txn: WriteTxn) -> None:
        raise LookupError

    with pytest.raises(LookupError):
        store.update(failing, seen.append)
    assert seen == []


def test_the_hub_turns_while_the_writer_is_at_work(store: Store) -> None:
    gate = Gate(store)
    ticket = put_number(store, 1)
    for _ in range(100):
        gevent.sleep(0)
        with store.snapshot() as txn:
            assert schema.META.get(txn, "n1") is None
    assert not ticket.done
    gate.open()
    ticket.result()


def test_the_hub_turns_while_the_disk_is_slow(store: Store) -> None:
    failpoints.configure("store.before-commit=delay:100")
    ticket = put_number(store, 1)
    turns = 0
    while not ticket.done:
        gevent.sleep(0.001)  # a hub that only spins would keep the interpreter from the writer
        turns += 1
    assert turns > 1
    assert numbers(store) == [1]


def test_who_gives_up_waiting_does_not_stop_the_body(store: Store) -> None:
    gate = Gate(store)
    ticket = put_number(store, 1)
    with pytest.raises(TimeoutError, match="not committed within"):
        ticket.result(timeout_s=0.001)
    killed = gevent.spawn(ticket.result)
    gevent.sleep(0)
    killed.kill()
    gate.open()
    ticket.result()
    assert numbers(store) == [1]


# --- refusals ---------------------------------------------------------------------------------


def test_too_many_waiting_bodies_are_refused(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store", pending_max=3)
    gate = Gate(store)
    tickets = [put_number(store, number) for number in range(2)]
    with pytest.raises(StoreOverloaded, match="3 changes wait"):
        put_number(store, 9)
    gate.open()
    tickets[-1].result()
    put_number(store, 3).result()
    assert numbers(store) == [0, 1, 3]
    store.close()


def test_closing_finishes_what_was_asked_for(store: Store) -> None:
    tickets = [put_number(store, number) for number in range(100)]
    store.close()
    store.close()
    assert all(ticket.succeeded for ticket in tickets)
    for use in (lambda: put_number(store, 1), store.snapshot):
        with pytest.raises(StoreClosed):
            use()


def test_a_reader_cannot_write(store: Store) -> None:
    path = store.path
    store.close()
    reader = Store.open(path, read_only=True)
    with pytest.raises(StoreClosed, match="reading only"):
        put_number(reader, 1)
    reader.close()


def test_another_thread_may_read_but_not_write(store: Store) -> None:
    def write() -> str:
        try:
            put_number(store, 1)
        except StoreClosed as error:
            return str(error)
        return "it was taken"

    pool = gevent.get_hub().threadpool
    assert "only the thread that opened" in pool.apply(write)
    assert pool.apply(numbers, (store,)) == []


# --- the disk ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "point", ["store.before-bodies", "store.before-flush", "store.before-commit"]
)
def test_a_full_disk_refuses_writers_and_serves_readers_until_there_is_room(
    store: Store, point: str
) -> None:
    put_number(store, 1).result()
    failpoints.configure(f"{point}=error:ENOSPC:1-2")
    for _ in range(2):
        with pytest.raises(StoreFull, match="no space"):
            put_number(store, 2).result()
        assert numbers(store) == [1]
    put_number(store, 3).result()
    assert numbers(store) == [1, 3]
    assert store.stats.bodies_refused == 2


def test_a_full_disk_refuses_the_whole_batch(store: Store) -> None:
    gate = Gate(store)
    failpoints.configure("store.before-commit=error:ENOSPC:1")
    tickets = [put_number(store, number) for number in range(5)]
    gate.open()
    with pytest.raises(StoreFull):
        tickets[-1].result()
    assert all(ticket.done for ticket in tickets)
    assert numbers(store) == [n for n, ticket in enumerate(tickets) if ticket.succeeded]


def test_a_failing_disk_is_told_and_the_store_opened_again(store: Store) -> None:
    put_number(store, 1).result()
    failpoints.configure("store.before-commit=error:EIO:1")
    with pytest.raises(StoreDamaged):
        put_number(store, 2).result()
    put_number(store, 3).result()
    assert numbers(store) == [1, 3]
    verify(store)


def test_the_map_grows_with_what_is_written(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store", map_bytes=1024 * 1024)
    for number in range(40):
        content = bytes([number]) * 256 * 1024
        store.update(partial(schema.META.put, key=f"n{number:02}", value=content))
    assert store.stats.map_grown > 0
    assert store.stats.map_bytes > 10 * 1024 * 1024
    assert [value[0] for value in numbers(store)] == list(range(40))  # type: ignore[index]
    store.close()


def test_a_map_that_must_not_grow_refuses_and_serves_readers(tmp_path: Path) -> None:
    bound = 2 * 1024 * 1024
    store = Store.open(tmp_path / "store", map_bytes=bound, map_bytes_max=bound)
    put_number(store, 1).result()
    with pytest.raises(StoreFull, match="cannot grow"):
        store.update(lambda txn: schema.META.put(txn, "big", bytes(3 * 1024 * 1024)))
    assert numbers(store) == [1]
    put_number(store, 2).result()
    assert numbers(store) == [1, 2]
    store.close()


# --- snapshots --------------------------------------------------------------------------------


def test_a_snapshot_stays_as_it_was(store: Store) -> None:
    put_number(store, 1).result()
    with store.snapshot() as before:
        put_number(store, 2).result()
        assert [v for _, v in schema.META.scan(before, "n", "o")] == [1]
        with store.snapshot() as now:
            assert [v for _, v in schema.META.scan(now, "n", "o")] == [1, 2]


def test_a_snapshot_ends_when_its_user_fails(store: Store) -> None:
    for _ in range(600):  # more than there is room for readers
        with pytest.raises(LookupError), store.snapshot():
            raise LookupError
    assert numbers(store) == []


def test_a_copy_is_a_store_like_this_one(store: Store, tmp_path: Path) -> None:
    put_number(store, 1).result()
    (tmp_path / "copy").mkdir()
    store.copy(tmp_path / "copy")
    copy = Store.open(tmp_path / "copy")
    assert numbers(copy) == [1]
    verify(copy)
    copy.close()
