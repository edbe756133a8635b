"""The file `config.data` beside a real store."""

import hashlib
import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from masterd.clock import SystemClock
from masterd.config.kinds import CLUSTER
from masterd.wconf.repository import ConfigRepository
from masterd.wconf.writer import ConfigWriter, FileState
from store.store import Store

CONFIG_DATA = (Path(__file__).parent.parent / "conformance" / "data" / "config.data").read_bytes()
PATIENCE_S = 20.0


@pytest.fixture
def repository(store: Store) -> ConfigRepository:
    made = ConfigRepository(store, SystemClock())
    made.import_document(
        json.loads(CONFIG_DATA), source="a test", digest=hashlib.sha256(CONFIG_DATA).hexdigest()
    )
    return made


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.data"


@pytest.fixture
def writer(repository: ConfigRepository, path: Path) -> Iterator[ConfigWriter]:
    made = ConfigWriter(repository, path, retry_s=0.01)
    yield made
    made.stop(PATIENCE_S)


def change(repository: ConfigRepository, tag: str) -> int:
    """Change something; return the new serial number."""
    repository.update(lambda draft: draft.add_tags(CLUSTER, draft.cluster.uuid, [tag]))
    return repository.snapshot().serial_no


def test_a_missing_file_is_written_readable_by_its_group_only(
    writer: ConfigWriter, path: Path
) -> None:
    assert writer.start().state is FileState.MISSING
    assert writer.wait_written(1043, PATIENCE_S)
    assert path.read_bytes() == CONFIG_DATA
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_file_that_shows_the_store_is_left_alone(writer: ConfigWriter, path: Path) -> None:
    path.write_bytes(CONFIG_DATA)
    before = path.stat()
    assert writer.start().state is FileState.CURRENT
    assert writer.wait_written(1043, PATIENCE_S)
    assert writer.stop(PATIENCE_S)
    assert path.stat().st_ino == before.st_ino


def test_after_a_change_the_file_shows_it(
    writer: ConfigWriter, repository: ConfigRepository, path: Path
) -> None:
    writer.start()
    serial_no = change(repository, "x")
    assert writer.wait_written(serial_no, PATIENCE_S)
    assert writer.written_serial == serial_no
    assert path.read_bytes() == repository.render()
    assert json.loads(path.read_bytes())["cluster"]["tags"] == ["x"]


def test_stopping_writes_what_was_changed_last(
    writer: ConfigWriter, repository: ConfigRepository, path: Path
) -> None:
    writer.start()
    for number in range(50):
        change(repository, f"t{number}")
    assert writer.stop(PATIENCE_S)
    assert path.read_bytes() == repository.render()


def test_a_file_behind_the_store_is_ours_and_brought_up_to_date(
    writer: ConfigWriter, repository: ConfigRepository, path: Path
) -> None:
    path.write_bytes(CONFIG_DATA)
    serial_no = change(repository, "x")
    report = writer.start()
    assert (report.state, report.saved) == (FileState.BEHIND, None)
    assert writer.wait_written(serial_no, PATIENCE_S)
    assert path.read_bytes() == repository.render()


def test_an_edited_file_is_reported_and_saved_before_it_is_replaced(
    writer: ConfigWriter, repository: ConfigRepository, path: Path
) -> None:
    edited = CONFIG_DATA.replace(b"node4", b"node7")
    path.write_bytes(edited)
    report = writer.start()
    assert report.state is FileState.EDITED
    assert report.saved is not None
    assert report.saved.read_bytes() == edited
    assert writer.wait_written(1043, PATIENCE_S)
    assert path.read_bytes() == CONFIG_DATA
    assert repository.snapshot().nodes.named("node7.lab.example") is None


def test_a_file_edited_while_the_daemon_runs_is_saved_too(
    writer: ConfigWriter, repository: ConfigRepository, path: Path
) -> None:
    writer.start()
    assert writer.wait_written(1043, PATIENCE_S)
    path.write_bytes(b"{}")
    assert writer.wait_written(change(repository, "x"), PATIENCE_S)
    assert path.read_bytes() == repository.render()
    (saved,) = path.parent.glob("config.data.edited-*")
    assert saved.read_bytes() == b"{}"


def test_a_file_removed_while_the_daemon_runs_comes_back(
    writer: ConfigWriter, repository: ConfigRepository, path: Path
) -> None:
    writer.start()
    assert writer.wait_written(1043, PATIENCE_S)
    path.unlink()
    assert writer.wait_written(change(repository, "x"), PATIENCE_S)
    assert path.read_bytes() == repository.render()


def test_a_crash_between_record_and_rename_leaves_a_file_that_is_ours(
    store: Store, writer: ConfigWriter, repository: ConfigRepository, path: Path
) -> None:
    writer.start()
    assert writer.wait_written(1043, PATIENCE_S)
    serial_no = change(repository, "x")
    assert writer.wait_written(serial_no, PATIENCE_S)
    path.write_bytes(CONFIG_DATA)  # as if the last rename had not happened
    again = ConfigWriter(ConfigRepository(store, SystemClock()), path)
    assert again.start().state is FileState.BEHIND
    assert again.wait_written(serial_no, PATIENCE_S)
    again.stop(PATIENCE_S)


def test_a_write_that_fails_is_tried_again_until_it_succeeds(
    repository: ConfigRepository, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    writer = ConfigWriter(repository, folder / "config.data", retry_s=0.01)
    writer.start()
    assert not writer.wait_written(1043, 0.05)
    folder.mkdir()
    assert writer.wait_written(1043, PATIENCE_S)
    assert writer.stop(PATIENCE_S)
    assert (folder / "config.data").read_bytes() == CONFIG_DATA


def test_stopping_says_when_the_file_could_not_be_written(
    repository: ConfigRepository, tmp_path: Path
) -> None:
    writer = ConfigWriter(repository, tmp_path / "nowhere" / "config.data", retry_s=0.01)
    writer.start()
    assert not writer.stop(PATIENCE_S)


def test_waiting_gives_up_in_time_and_forgets(
    writer: ConfigWriter, repository: ConfigRepository
) -> None:
    writer.start()
    assert not writer.wait_written(5000, 0.01)
    assert writer.wait_written(change(repository, "x"), PATIENCE_S)


def test_nothing_but_the_file_is_left_in_its_folder(
    writer: ConfigWriter, repository: ConfigRepository, path: Path
) -> None:
    writer.start()
    assert writer.wait_written(change(repository, "x"), PATIENCE_S)
    writer.stop(PATIENCE_S)
    assert sorted(each.name for each in path.parent.iterdir()) == ["config.data", "store"]
