"""Taking a store out and bringing it back."""

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cbor2
import pytest

from store import config_uses, outbox, schema, serials
from store.dump import TABLES, dump, write_file
from store.errors import DumpError, StoreBusy, StoreDamaged, StoreError
from store.load import Loaded, load
from store.store import Store
from store.txn import ReadTxn
from tests.store_support import ARCHIVED, NOW_US, RUNNING, fill, verify

FACTS: dict[str, Any] = {"software": "test 1", "created_us": NOW_US}
ASIDE = "store.2026-11-23T18-00-00Z"

DRBD = {
    "uuid": "disk-1",
    "dev_type": "drbd",
    "logical_id": ["node-a", "node-b", 11000, 0, 1, "hush-drbd"],
    "children": [],
}
OS_PARAMETERS = {
    "uuid": "instance-1",
    "name": "web",
    "osparams": {"size": "small"},
    "osparams_private": {"password": "hush-private"},
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(tmp_path / "origin")
    fill(opened)
    yield opened
    opened.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store"


def dumped(store: Store, with_secrets: bool = False) -> bytes:
    stream = io.BytesIO()
    with store.snapshot() as txn:
        dump(txn, stream, **FACTS, with_secrets=with_secrets)
    return stream.getvalue()


def loaded(content: bytes, path: Path, replace: bool = False) -> Loaded:
    return load(io.BytesIO(content), path, now_us=NOW_US, replace=replace)


def all_rows(txn: ReadTxn) -> dict[str, list[tuple[bytes, bytes]]]:
    return {table.name: list(txn.items_raw(table.name, None, None, False)) for table in TABLES}


def items(content: bytes) -> list[Any]:
    stream = io.BytesIO(content)
    found = []
    while stream.tell() < len(content):
        found.append(cbor2.load(stream, read_size=1))
    return found


def nothing_changed(path: Path) -> bool:
    return sorted(each.name for each in path.parent.iterdir()) == ["origin"]


# --- round trip -------------------------------------------------------------------------------


def test_every_row_comes_back_and_the_mirror_is_to_be_written_anew(
    store: Store, path: Path
) -> None:
    done = loaded(dumped(store, with_secrets=True), path)
    restored = Store.open(path)
    verify(restored)
    with store.snapshot() as before, restored.snapshot() as after:
        assert all_rows(after) == all_rows(before)
        assert outbox.first(after) is None
        assert schema.CURSORS.count(after) == 0
        assert serials.last(after, "outbox") == serials.last(before, "outbox")
    restored.close()
    assert done.aside is None
    assert done.header.with_secrets
    assert done.counts["jobs"] == 4
    assert (path.stat().st_mode & 0o777, (path / "data.mdb").stat().st_mode & 0o777) == (
        0o750,
        0o640,
    )


def test_a_job_whose_changes_lie_beside_it_comes_back_as_a_whole(store: Store, path: Path) -> None:
    with store.snapshot() as txn:
        expected: Any = {**schema.JOBS.get(txn, RUNNING), "rev": 99}
    head = {key: value for key, value in expected.items() if key != "ops"}
    expected["ops"] = [{**expected["ops"][0], "priority": -7}, *expected["ops"][1:]]
    store.update(lambda txn: schema.JOBS.put_step(txn, RUNNING, head, {0: expected["ops"][0]}))
    done = loaded(dumped(store, with_secrets=True), path)
    restored = Store.open(path)
    with restored.snapshot() as txn:
        assert schema.JOBS.get(txn, RUNNING) == expected
        assert schema.JOB_STEPS.count(txn) == 0
    restored.close()
    assert "job_steps" not in done.counts


def test_a_dump_of_a_restored_store_is_the_same_dump(store: Store, path: Path) -> None:
    content = dumped(store)
    loaded(content, path)
    restored = Store.open(path, read_only=True)
    assert dumped(restored) == content
    restored.close()


def test_a_dump_is_a_sequence_of_header_rows_and_trailer(store: Store) -> None:
    header, *rows, trailer = items(dumped(store))
    assert header["format"] == "ganeti-masterd-dump"
    assert header["schema_version"] == schema.SCHEMA_VERSION
    assert [table for table, _, _ in rows] == sorted(
        (table for table, _, _ in rows), key=[t.name for t in TABLES].index
    )
    assert sum(trailer["counts"].values()) == len(rows)
    assert not {"outbox", "cursors", "job_steps", "node_calls"} & trailer["counts"].keys()


def test_an_empty_directory_is_filled(store: Store, path: Path) -> None:
    path.mkdir()
    loaded(dumped(store), path)
    assert (path / "data.mdb").exists()


def test_a_new_store_can_be_dumped_and_restored(tmp_path: Path, path: Path) -> None:
    empty = Store.open(tmp_path / "empty")
    content = dumped(empty)
    empty.close()
    loaded(content, path)
    assert (path / "data.mdb").exists()


# --- secrets ----------------------------------------------------------------------------------


@pytest.fixture
def secretive(store: Store) -> Store:
    legacy = b'{"OP_ID":"OP_INSTANCE_CREATE","osparams_secret":{"key":"hush-op"},"x":1.0}'

    def body(txn: Any) -> None:
        schema.CONFIG.put(txn, ("disk", "disk-1"), {**DRBD, "children": [DRBD]})
        schema.CONFIG.put(txn, ("instance", "instance-1"), OS_PARAMETERS)
        schema.CONFIG_NAMES.put(txn, ("instance", "web"), "instance-1")
        for use in config_uses.uses("disk", DRBD):
            schema.CONFIG_USES.put(txn, (use, "disk/disk-1"), None)
        document: Any = schema.ARCHIVE.get(txn, ARCHIVED)
        document["ops"][0]["input"] = legacy
        schema.ARCHIVE.put(txn, ARCHIVED, document)

    store.update(body)
    return store


def test_secrets_are_left_out(secretive: Store, path: Path) -> None:
    content = dumped(secretive)
    assert b"hush" not in content
    loaded(content, path)
    restored = Store.open(path, read_only=True)
    with restored.snapshot() as txn:
        disk: Any = schema.CONFIG.get(txn, ("disk", "disk-1"))
        instance: Any = schema.CONFIG.get(txn, ("instance", "instance-1"))
        job: Any = schema.ARCHIVE.get(txn, ARCHIVED)
    restored.close()
    hidden = ["node-a", "node-b", 11000, 0, 1, "<redacted>"]
    assert (disk["logical_id"], disk["children"][0]["logical_id"]) == (hidden, hidden)
    assert instance["osparams_private"] == {"password": "<redacted>"}
    assert instance["osparams"] == {"size": "small"}
    assert job["ops"][0]["input"] == (
        b'{"OP_ID":"OP_INSTANCE_CREATE","osparams_secret":{"key":"<redacted>"},"x":1.0}'
    )


def test_secrets_are_kept_when_asked_for(secretive: Store) -> None:
    content = dumped(secretive, with_secrets=True)
    assert [secret for secret in (b"hush-drbd", b"hush-private") if secret not in content] == []
    assert b"hush-op" in content


@pytest.mark.parametrize(
    "content",
    [
        b'{"osparams_secret":{"key":"hush',
        b'{"osparams_secret":{},"x":' + b"9" * 5000 + b"}",
        b'{"osparams_secret":{},"x":' + b"[" * 20_000 + b"]" * 20_000 + b"}",
    ],
    ids=["cut off", "a number too long to be read", "nested too deep to be read"],
)
def test_what_cannot_be_searched_for_secrets_is_only_dumped_with_them(
    store: Store, content: bytes
) -> None:
    def body(txn: Any) -> None:
        document: Any = schema.ARCHIVE.get(txn, ARCHIVED)
        document["ops"][0]["input"] = content
        schema.ARCHIVE.put(txn, ARCHIVED, document)

    store.update(body)
    with pytest.raises(StoreDamaged, match=f"archive: row {ARCHIVED} cannot be searched"):
        dumped(store)
    assert content in dumped(store, with_secrets=True)


# --- what is in the way -----------------------------------------------------------------------


def test_a_store_that_is_there_is_left_alone(store: Store, path: Path) -> None:
    content = dumped(store)
    Store.open(path).close()
    before = (path / "data.mdb").read_bytes()
    with pytest.raises(StoreError, match=r"there is a store in .* already"):
        loaded(content, path)
    assert (path / "data.mdb").read_bytes() == before


def test_a_store_that_is_replaced_is_kept_under_a_dated_name(store: Store, path: Path) -> None:
    content = dumped(store)
    Store.open(path).close()
    before = (path / "data.mdb").read_bytes()
    done = loaded(content, path, replace=True)
    assert done.aside == path.with_name(ASIDE)
    assert (done.aside / "data.mdb").read_bytes() == before
    again = loaded(content, path, replace=True)
    assert again.aside == path.with_name(f"{ASIDE}.2")


def test_a_busy_store_is_refused(store: Store, path: Path) -> None:
    content = dumped(store)
    busy = Store.open(path)
    with pytest.raises(StoreBusy, match="open for writing"):
        loaded(content, path, replace=True)
    assert sorted(each.name for each in path.parent.iterdir()) == ["origin", "store"]
    busy.close()


def test_what_a_killed_restore_left_is_removed(store: Store, path: Path) -> None:
    Store.open(path.with_name(".store.restoring")).close()
    loaded(dumped(store), path)
    assert sorted(each.name for each in path.parent.iterdir()) == ["origin", "store"]


def test_a_directory_of_something_else_is_left_alone(store: Store, path: Path) -> None:
    path.mkdir()
    (path / "photos").write_text("x")
    with pytest.raises(OSError, match="not empty"):
        loaded(dumped(store), path)
    assert (path / "photos").read_text() == "x"
    assert not path.with_name(".store.restoring").exists()


# --- dumps that are refused -------------------------------------------------------------------


def rewritten(content: bytes, **changes: object) -> bytes:
    """Return a dump with another header, and a digest that fits it."""
    return sealed([{**items(content)[0], **changes}, *items(content)[1:-1]])


def sealed(parts: list[Any]) -> bytes:
    body = b"".join(map(cbor2.dumps, parts))
    counts = {table.name: 0 for table in TABLES}
    for part in parts[1:]:
        if isinstance(part, list) and part and part[0] in counts:
            counts[part[0]] += 1
    return body + cbor2.dumps({"counts": counts, "sha256": hashlib.sha256(body).digest()})


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"format": "tar"}, "not a dump of a ganeti-masterd store"),
        ({"format_version": 2}, "the dump has format 2, this program reads 1"),
        (
            {"schema_version": 7},
            f"the dump has schema 7, this program needs {schema.SCHEMA_VERSION}",
        ),
        ({"colour": 1}, "header is not in its form"),
        ({"software": 1}, "header has a wrong 'software'"),
    ],
)
def test_a_foreign_dump_is_refused(
    store: Store, path: Path, changes: dict[str, object], told: str
) -> None:
    with pytest.raises(DumpError, match=told):
        loaded(rewritten(dumped(store), **changes), path)
    assert nothing_changed(path)


@pytest.mark.parametrize("content", [b"", b"\x00", b"GIF89a", b"\xff\xff", b"\x9f", b"\xa0"])
def test_what_is_no_dump_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DumpError):
        loaded(content, tmp_path / "store")
    assert list(tmp_path.iterdir()) == []


def test_rows_that_do_not_belong_are_refused(store: Store, path: Path) -> None:
    header, *rows, _ = items(dumped(store))
    jobs = [row for row in rows if row[0] == "jobs"]
    wrong: dict[str, list[Any]] = {
        "out of order": [*rows, rows[0]],
        "no table of this schema": [*rows, ["outbox", b"\x00" * 8, ["job", 1]]],
        "not a row of three": [*rows, [1]],
        "the key is not a byte string": [["meta", "version", 1]],
        "not a row of jobs": [["jobs", b"\x01", {}]],
        "not a row of serials": [["serials", b"job", "x"]],
        "not a row of unfinished": [["unfinished", b"\x00" * 8, 1]],
        "neither a row nor the end": [{"counts": {}}],
    }
    for told, parts in wrong.items():
        with pytest.raises(DumpError, match=told):
            loaded(sealed([header, *parts]), path)
    # Everything is in its form here, but does not make a whole store.
    with pytest.raises(DumpError, match=r"a store with \d+ problems: .*missing"):
        loaded(sealed([header, *jobs]), path)
    assert nothing_changed(path)


def small_dump(tmp_path: Path) -> bytes:
    empty = Store.open(tmp_path / "origin")
    empty.update(lambda txn: schema.FLAGS.put(txn, "drain", True))
    empty.update(lambda txn: serials.raise_to(txn, "job", 300))
    content = dumped(empty)
    empty.close()
    return content


def test_every_truncation_is_refused(tmp_path: Path, path: Path) -> None:
    content = small_dump(tmp_path)
    for length in range(len(content)):
        with pytest.raises(DumpError):
            loaded(content[:length], path)
    assert nothing_changed(path)


@pytest.mark.parametrize("flip", [0x01, 0x20, 0x80, 0xFF])
def test_every_changed_byte_is_refused(tmp_path: Path, path: Path, flip: int) -> None:
    content = small_dump(tmp_path)
    for position in range(len(content)):
        damaged = bytearray(content)
        damaged[position] ^= flip
        with pytest.raises(DumpError):
            loaded(bytes(damaged), path)
    assert nothing_changed(path)


def test_something_behind_the_end_is_refused(store: Store, path: Path) -> None:
    with pytest.raises(DumpError, match="something follows"):
        loaded(dumped(store) + b"\x00", path)
    assert nothing_changed(path)


# --- the file ---------------------------------------------------------------------------------


def test_a_file_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "dump"
    target.write_bytes(b"before")

    def failing(stream: Any) -> None:
        stream.write(b"half")
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        write_file(target, failing)
    assert target.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [target]
    assert write_file(target, lambda stream: stream.write(b"after")) == 5
    assert target.read_bytes() == b"after"
    assert target.stat().st_mode & 0o777 == 0o600
