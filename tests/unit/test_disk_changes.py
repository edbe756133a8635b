"""What disks of an instance become, one by one or all of them with another template."""

from typing import Any

import pytest

from masterd.config.disk import Disk
from masterd.errors import OpPrereqError
from masterd.instance import conversion, disk_changes
from masterd.instance.disk_changes import Step
from masterd.instance.list_changes import Action, Change


def disk(uuid: str, **fields: Any) -> Disk:
    logical_id = fields.pop("logical_id", ("data", f"{uuid}.disk"))
    return Disk(**{"dev_type": "plain", "size": 64, "uuid": uuid, "serial_no": 1,
                   "logical_id": logical_id, **fields})  # fmt: skip


def mirror() -> Disk:
    parts = (disk("b"), disk("c", logical_id=("meta", "c.disk"), size=128))
    return disk("a", dev_type="drbd", logical_id=("n1", "n2", 11_000, 0, 0, "s"), children=parts,
                size=60, mode="ro", name="root", nodes=("n1", "n2"))  # fmt: skip


def test_volumes_stay_in_their_groups_and_others_go_into_that_of_the_cluster() -> None:
    files = disk("f", dev_type="file", logical_id=("loop", "/f"))
    found = conversion.wanted([disk("a"), mirror(), files], "plain", "xenvg", {})
    assert [each.volume_group for each in found] == ["data", "data", "xenvg"]


def test_access_is_kept_where_the_new_template_has_it_too() -> None:
    there = disk("r", dev_type="rbd", logical_id=("rbd", "r"), params={"access": "userspace"})
    (kept,) = conversion.wanted([there], "gluster", None, {})
    (lost,) = conversion.wanted([there], "file", None, {})
    assert (kept.access, lost.access) == ("userspace", None)


def test_a_provider_is_changed_for_another_one_only() -> None:
    there = disk("e", dev_type="ext", logical_id=("one", "e"), params={"provider": "one"})
    (found,) = conversion.wanted([there], "ext", None, {"provider": "two", "colour": "red"})
    assert (found.provider, found.provided) == ("two", {"colour": "red"})
    with pytest.raises(OpPrereqError, match="provider 'one' already"):
        conversion.wanted([there], "ext", None, {"provider": "one"})


def test_the_data_of_a_mirror_are_called_as_the_mirror_was() -> None:
    data = conversion.data_of(mirror(), "n1")
    assert (data.uuid, data.size, data.mode, data.name) == ("b", 60, "ro", "root")
    assert data.nodes == ("n1",)


def test_a_parameter_of_a_provider_is_taken_away_by_the_word_default() -> None:
    there = disk("e", dev_type="ext", logical_id=("one", "e"),
                 params={"provider": "one", "colour": "red"})  # fmt: skip
    changed = disk_changes.changed(there, {"colour": "Default", "size2": "x", "name": None})
    assert changed.params == {"provider": "one", "size2": "x"}


@pytest.mark.parametrize(
    ("action", "which", "params"),
    [("add", -1, {"name": "root"}), ("attach", 0, {"name": "root"}), ("modify", 1, {"name": "a"})],
)
def test_names_are_looked_at_in_the_list_as_it_becomes(
    action: Action, which: int, params: dict[str, Any]
) -> None:
    present = [disk("a", name="root"), disk("b")]
    wanted = disk_changes.wanted({"size": 64, **params}, "plain", "xenvg")
    step = Step(action=action, which=which, params=params,
                wanted=wanted if action == "add" else None)  # fmt: skip
    with pytest.raises(OpPrereqError, match="already used"):
        disk_changes.check_list([Change(action, which, params)], [step], present)


def test_a_disk_that_is_changed_in_its_mode_alone_counts_as_one_without_a_name() -> None:
    present = [disk("a", name="root"), disk("b")]
    changes: list[Change[Any]] = [
        Change("modify", 0, {"mode": "ro"}), Change("modify", 1, {"name": "root"})
    ]  # fmt: skip
    steps = [Step(action="modify", which=int(each.which), params=each.params) for each in changes]
    disk_changes.check_list(changes, steps, present)
