"""What luxid bears in a configuration is taken over; what it does not bear is refused once."""

import json
from pathlib import Path
from typing import Any

import pytest

from masterd.config import document
from masterd.config.render import render
from migrations.legacy import config_data
from migrations.legacy.config_data import ConfigDataRefusedError
from tests.broken_configs import sound

Document = dict[str, Any]

SECTIONS = ["cluster", "nodes", "nodegroups", "networks", "instances", "disks"]


def one(config: Document, section: str) -> Document:
    """Return an object of a section that is there, not only planned."""
    found = [config[section]] if section == "cluster" else config[section].values()
    return next(each for each in found if "forthcoming" not in each)


def read(tmp_path: Path, config: Document) -> bytes:
    """Return what is written back of a configuration that is taken over."""
    path = tmp_path / "config.data"
    path.write_text(json.dumps(config))
    return render(document.split(config_data.read(path).document))


@pytest.mark.parametrize(
    ("section", "key"),
    [
        (section, key)
        for section in SECTIONS
        for key in ("ctime", "mtime", "tags", "mode")
        if key in one(sound(), section)
    ],
)
def test_a_null_stands_for_what_is_not_there(tmp_path: Path, section: str, key: str) -> None:
    null, without = sound(), sound()
    one(null, section)[key] = None
    del one(without, section)[key]
    assert read(tmp_path, null) == read(tmp_path, without)


@pytest.mark.parametrize("key", ["ctime", "mtime"])
def test_the_whole_may_have_null_times(tmp_path: Path, key: str) -> None:
    null, without = sound(), sound()
    null[key] = None
    del without[key]
    assert read(tmp_path, null) == read(tmp_path, without)


def test_a_serial_number_may_have_a_fraction_of_zero(tmp_path: Path) -> None:
    config = {**sound(), "serial_no": 77.0}
    config["cluster"]["serial_no"] = 5.0
    found = json.loads(read(tmp_path, config))
    assert (found["serial_no"], found["cluster"]["serial_no"]) == (77, 5)
    with pytest.raises(ConfigDataRefusedError, match="no serial number"):
        read(tmp_path, {**sound(), "serial_no": 77.5})


def test_a_tag_may_stand_twice(tmp_path: Path) -> None:
    config = sound()
    config["cluster"]["tags"] = ["b", "a", "b"]
    assert json.loads(read(tmp_path, config))["cluster"]["tags"] == ["a", "b"]


def test_disks_inside_other_objects_are_mended_too(tmp_path: Path) -> None:
    config = sound()
    disk = next(each for each in config["disks"].values() if each.get("children"))
    disk["children"][0]["mode"] = None
    before = json.loads(read(tmp_path, sound()))["disks"]
    assert json.loads(read(tmp_path, config))["disks"].keys() == before.keys()


@pytest.mark.parametrize("section", SECTIONS)
def test_a_null_that_luxid_does_not_bear_is_named_with_its_path(
    tmp_path: Path, section: str
) -> None:
    config = sound()
    one(config, section)["serial_no"] = None
    path = tmp_path / "config.data"
    path.write_text(json.dumps(config))
    (problem,) = document.problems(config_data.read(path).document)
    assert problem.startswith(section)
    assert "serial_no" in problem


@pytest.mark.parametrize("version", [2_050_000, 2_060_000])
def test_of_an_older_release_the_way_is_named(tmp_path: Path, version: int) -> None:
    with pytest.raises(ConfigDataRefusedError, match="cfgupgrade"):
        read(tmp_path, {**sound(), "version": version})
