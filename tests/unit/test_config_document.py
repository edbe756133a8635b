"""What is refused as a configuration, and how the refusal names the place."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from masterd.config import document
from masterd.config.document import DocumentError

CONFIG_DATA = Path(__file__).parent.parent / "conformance" / "data" / "config.data"
RECORDED = json.loads(CONFIG_DATA.read_bytes())
INSTANCE = "01b06ffd-68b3-42e4-925e-91f50b164329"
NODE = "300c5be3-43b5-42c1-a6ad-f03bbab43ce2"
DISK = "2b194a31-07ec-48b9-8dff-2d6df116ef61"

Change = Callable[[dict[str, Any]], object]


def problems_after(change: Change) -> list[str]:
    changed = copy.deepcopy(RECORDED)
    change(changed)
    with pytest.raises(DocumentError) as caught:
        document.split(changed)
    return caught.value.problems


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda d: d.update(extra=1), "config: unknown key 'extra'"),
        (lambda d: d.pop("filters"), "config: missing key 'filters'"),
        (lambda d: d.update(version=2160000), "version: expected 3000000 or 3010000, got 2160000"),
        (lambda d: d.update(serial_no="7"), "serial_no: expected a number, got str"),
        (lambda d: d.update(serial_no=True), "serial_no: expected a number, got bool"),
        (lambda d: d.update(nodes=[]), "nodes: expected an object, got list"),
        (
            lambda d: d["cluster"].update(default_bridge="x"),
            "cluster: unknown key 'default_bridge'",
        ),
        (
            lambda d: d["cluster"]["ndparams"].pop("ssh_port"),
            "cluster.ndparams: missing key 'ssh_port'",
        ),
        (
            lambda d: d["cluster"]["ipolicy"]["minmax"][0]["max"].update({"memory_size": 1}),
            "cluster.ipolicy.minmax[0].max: unknown key 'memory_size'",
        ),
        (
            lambda d: d["instances"][INSTANCE]["nics"][0].update(pci=3),
            f"instances.{INSTANCE}.nics[0]: unknown key 'pci'",
        ),
        (
            lambda d: d["nodes"][NODE].update(offline="no"),
            f"nodes.{NODE}.offline: expected `bool`, got `str`",
        ),
        (
            lambda d: d["nodes"][NODE].update(uuid="other"),
            f"nodes.{NODE}: says its uuid is 'other'",
        ),
        (
            lambda d: d["nodes"][NODE].update(name="node2.lab.example"),
            "nodes.c003a3e2-9edc-4af8-b82c-a5fd0efd93ce: has the name 'node2.lab.example' of "
            + NODE,
        ),
        (
            lambda d: d["disks"][DISK].update(logical_id=["loop"]),
            f"disks.{DISK}: logical_id of a file disk must be driver (str), path (str)",
        ),
        (
            lambda d: d["disks"][DISK].update(dev_type="diskless"),
            f"disks.{DISK}: a disk cannot have template 'diskless'",
        ),
        (
            lambda d: d["disks"][DISK].update(dev_type="floppy"),
            f"disks.{DISK}.dev_type: invalid enum value 'floppy'",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_path(change: Change, problem: str) -> None:
    assert problems_after(change) == [problem]


def test_all_problems_are_told_at_once() -> None:
    def spoil(config: dict[str, Any]) -> None:
        config["nodes"][NODE]["beauty"] = 1
        config["disks"][DISK]["size"] = None
        config["odd"] = 0

    assert len(problems_after(spoil)) == 3


def test_something_that_is_no_object_is_refused() -> None:
    with pytest.raises(DocumentError, match="expected an object, got list"):
        document.split([])


def test_missing_keys_with_defaults_are_filled_in() -> None:
    changed = copy.deepcopy(RECORDED)
    for key in ("tags", "ctime", "nics", "osparams"):
        del changed["instances"][INSTANCE][key]
    instance = document.join(document.split(changed))["instances"][INSTANCE]  # type: ignore[index]  # a JSON document
    assert (instance["tags"], instance["ctime"], instance["nics"]) == ([], 0, [])
    assert instance["osparams"] == {}


def test_a_planned_instance_may_lack_everything_but_its_identity() -> None:
    changed = copy.deepcopy(RECORDED)
    changed["instances"]["u"] = {"uuid": "u", "serial_no": 1, "forthcoming": True}
    changed["disks"]["v"] = {"uuid": "v", "serial_no": 1, "forthcoming": True, "size": 1024}
    joined = document.join(document.split(changed))
    assert joined["instances"]["u"]["forthcoming"] is True  # type: ignore[index]  # a JSON document
    assert joined["disks"]["v"]["size"] == 1024  # type: ignore[index]  # a JSON document


def test_parts_of_a_planned_disk_may_say_that_they_are_planned() -> None:
    changed = copy.deepcopy(RECORDED)
    part = {
        "uuid": "p", "serial_no": 1, "forthcoming": True, "dev_type": "plain", "size": 1024,
        "logical_id": ["xenvg", "p_data"],
    }  # fmt: skip
    common = {"serial_no": 1, "forthcoming": True, "dev_type": "drbd", "size": 1024}
    changed["disks"]["v"] = {"uuid": "v", **common, "children": [part]}
    joined: Any = document.join(document.split(changed))
    (child,) = joined["disks"]["v"]["children"]
    assert {key: child[key] for key in part} == part


def test_a_real_object_that_says_it_is_not_planned_is_read_without_the_word() -> None:
    changed = copy.deepcopy(RECORDED)
    changed["instances"][INSTANCE]["forthcoming"] = False
    assert document.join(document.split(changed)) == RECORDED


def test_whole_numbers_may_be_written_with_a_fraction_of_zero() -> None:
    changed = copy.deepcopy(RECORDED)
    changed["cluster"]["data_collectors"]["drbd"]["interval"] = 5000000.0
    assert document.join(document.split(changed)) == RECORDED


def test_empty_static_state_of_a_node_is_not_written() -> None:
    changed = copy.deepcopy(RECORDED)
    changed["nodes"][NODE]["hv_state_static"] = {}
    assert document.join(document.split(changed)) == RECORDED
