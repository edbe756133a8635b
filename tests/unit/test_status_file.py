"""The daemon tells of itself in a file."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from masterd.status_file import StatusFile
from masterd.testing.clock import ManualClock


@dataclass
class Numbers:
    entries: int = 3


def status(path: Path) -> StatusFile:
    return StatusFile(path, {"jobs": lambda: {"live": 2}, "mirror": Numbers}, ManualClock())


def test_the_file_holds_every_part(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    status(path).write()
    document = json.loads(path.read_bytes())
    assert document["jobs"] == {"live": 2}
    assert document["mirror"] == {"entries": 3}
    assert sorted(document) == ["jobs", "mirror", "pid", "time_s"]
    assert path.stat().st_mode & 0o777 == 0o640
    assert [each.name for each in tmp_path.iterdir()] == ["status.json"]


def test_stopping_removes_it(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    kept = status(path)
    kept.write()
    kept.stop()
    kept.stop()
    assert not path.exists()


def test_a_directory_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        status(tmp_path / "none/status.json").write()
