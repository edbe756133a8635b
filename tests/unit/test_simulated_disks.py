"""Disks of a simulated node: what it was told to make, change and remove."""

from pathlib import Path
from typing import Any

import pytest

from masterd.testing import node_devices, node_facts, node_files, node_mirrors, node_notes
from masterd.testing.node_calls import SimulatedNode
from masterd.testing.node_devices import Devices
from masterd.testing.node_facts import Capacity
from tests.simulated_support import file, plain, refused, well

MIB = 1024 * 1024
OTHER = "192.0.2.2"


@pytest.fixture
def node(tmp_path: Path) -> SimulatedNode:
    root = tmp_path / "node1.example.com"
    (root / node_notes.RUN_DIR).mkdir(parents=True)
    return SimulatedNode(root.name, root)


def drbd(*, peer: str = OTHER, port: int | None = 11000) -> dict[str, Any]:
    sides = {"local-ip": "192.0.2.1", "remote-ip": peer, "local-minor": 0, "remote-minor": 3}
    return {
        **plain(),
        "dev_type": "drbd",
        "logical_id": ["a", "b", port, 0, 3, "secret"],
        "children": [plain("one_data"), plain("one_meta", 128)],
        "dynamic_params": sides,
    }


def create(node: SimulatedNode, disk: dict[str, Any], *, primary: bool = True) -> Any:
    return well(node, "blockdev_create", disk, disk["size"], "inst", primary, "", False)


def make_mirror(node: SimulatedNode, *, primary: bool = True, **named: Any) -> dict[str, Any]:
    disk = drbd(**named)
    for each in (*disk["children"], disk):
        create(node, each, primary=primary)
    return disk


def mirror(node: SimulatedNode, disk: dict[str, Any]) -> dict[str, Any]:
    (state,) = well(node, "blockdev_getmirrorstatus", [disk])
    assert isinstance(state, dict)
    return state


def test_a_disk_of_which_nothing_was_told_is_there(node: SimulatedNode) -> None:
    assert well(node, "blockdev_find", plain())["dev_path"] == "/dev/xenvg/one"
    assert well(node, "blockdev_getdimensions", [plain()]) == [[1025 * MIB, None]]


def test_a_disk_that_was_removed_is_not(node: SimulatedNode) -> None:
    well(node, "blockdev_remove", plain())
    assert well(node, "blockdev_find", plain()) is None
    assert well(node, "blockdev_getdimensions", [plain()]) == [None]
    assert "Failed to find logical volume" in refused(
        node, "blockdev_assemble", plain(), {"name": "inst"}, True, 0
    )
    assert well(node, "blockdev_remove", plain()) is None


def test_a_strict_node_has_only_what_it_made(node: SimulatedNode) -> None:
    node_devices.be_strict(node.root)
    assert well(node, "blockdev_find", plain()) is None
    assert create(node, plain()) == ["xenvg", "one"]
    assert well(node, "blockdev_find", plain()) is not None


def test_a_volume_takes_of_its_group_what_it_has(node: SimulatedNode) -> None:
    node_facts.write_capacity(node.root, Capacity(storage_mib=1500))
    create(node, plain())
    answer = refused(node, "blockdev_create", plain("two"), 1024, "inst", True, "", False)
    text = "Can't create block device: Not enough free space: required 1024, available 476"
    assert answer == text
    _, (unit,), _ = well(node, "node_info", [["lvm-vg", "xenvg", [False]]], None)
    assert unit["storage_free"] == 476
    assert well(node, "lv_list", ["xenvg"])["xenvg/one"] == ["1024.00", False, True]
    names = [each["name"] for each in well(node, "node_volumes")]
    assert names == ["swap", "one"]


def test_physical_volumes_are_the_same_whoever_asks(node: SimulatedNode) -> None:
    create(node, plain(size=1000))
    whole = {"pvlist": ["xenvg"]}
    told = well(node, "node_verify", whole, "cluster", {})
    assert told == well(node, "node_verify_light", whole, "cluster", {})
    fields = ["name", "size", "free"]
    listed = well(node, "storage_list", "lvm-pv", [], None, fields)
    assert listed == [[each[field] for field in fields] for each in told["pvlist"]]
    assert sum(free for _, _, free in listed) == Capacity().storage_mib - 1000


def test_a_volume_is_made_once(node: SimulatedNode) -> None:
    create(node, plain())
    assert "already exists" in refused(
        node, "blockdev_create", plain(), 1024, "inst", True, "", False
    )


def test_spindles_are_asked_for_where_storage_is_exclusive(node: SimulatedNode) -> None:
    told = plain() | {"spindles": 9}
    for disk, text in ((plain(), "Unspecified number of spindles"), (told, "8 available, 9 need")):
        assert text in refused(node, "blockdev_create", disk, 1024, "inst", True, "", True)
    told["spindles"] = 3
    well(node, "blockdev_create", told, 1024, "inst", True, "", True)
    assert well(node, "blockdev_getdimensions", [told]) == [[1024 * MIB, 3]]


def test_a_disk_with_a_field_that_nodes_do_not_know_is_refused(node: SimulatedNode) -> None:
    assert "unknown field `colour`" in refused(node, "blockdev_find", plain() | {"colour": "red"})


def test_disks_in_files_are_files(node: SimulatedNode) -> None:
    directory = "/srv/ganeti/file-storage/inst"
    disk = file(f"{directory}/disk0")
    assert "No such file" in refused(node, "blockdev_create", disk, 3, "inst", True, "", False)
    well(node, "file_storage_dir_create", directory)
    create(node, disk)
    path = node.root / directory[1:] / "disk0"
    assert path.stat().st_size == 3 * MIB
    assert well(node, "get_file_info", f"{directory}/disk0") == [True, {"size": 3 * MIB}]
    assert "File exists" in refused(node, "blockdev_create", disk, 3, "inst", True, "", False)
    assert "not empty" in refused(node, "file_storage_dir_remove", directory)
    well(node, "blockdev_remove", disk)
    well(node, "file_storage_dir_remove", directory)
    assert not path.parent.exists()
    assert well(node, "get_file_info", f"{directory}/disk0") == [False, {}]


def test_only_allowed_directories_hold_disks_where_there_is_a_list(node: SimulatedNode) -> None:
    allowed = node.root / node_devices.ALLOWED_PATHS
    allowed.parent.mkdir(parents=True)
    allowed.write_text("# disks\n/srv/disks\n")
    assert well(node, "blockdev_find", file("/srv/disks/one"))
    for path in ("/srv/others/one", "/srv/disks/../one", "/srv/disks"):
        assert "not acceptable" in refused(node, "blockdev_find", file(path))


def test_devices_of_the_file_system_have_sizes(node: SimulatedNode) -> None:
    node_files.write_device(node.root, "/dev/disk/by-id/one", 7)
    asked = ["/dev/disk/by-id/one", "/dev/disk/by-id/two", "/etc/passwd"]
    assert well(node, "bdev_sizes", asked) == {"/dev/disk/by-id/one": 7}


@pytest.mark.parametrize(
    ("offset", "size", "text"),
    [
        (-1, 1, "Negative offset"),
        (0, -1, "Negative size"),
        (1025, 0, "Wipe offset is bigger than device size"),
        (1000, 25, "Wipe offset and size are bigger than device size"),
    ],
)
def test_only_what_a_device_has_is_wiped(
    node: SimulatedNode, offset: int, size: int, text: str
) -> None:
    create(node, plain())
    well(node, "blockdev_wipe", plain(), 0, 1024)
    assert refused(node, "blockdev_wipe", plain(), offset, size) == text


def test_images_are_files_of_the_node_or_somewhere_else(node: SimulatedNode) -> None:
    assert refused(node, "blockdev_image", plain(), "/srv/image", 5) == (
        "Image '/srv/image' not found"
    )
    well(node, "blockdev_image", plain(), "http://images.example.com/one", 5)
    assert "bigger" in refused(node, "blockdev_image", plain(), "http://a/b", 1025)
    well(node, "blockdev_remove", plain())
    assert "device not found" in refused(node, "blockdev_image", plain(), "http://a/b", 5)


def test_a_disk_grows_below_and_then_itself(node: SimulatedNode) -> None:
    create(node, plain())
    well(node, "blockdev_grow", plain(), 100, True, True, False)
    well(node, "blockdev_grow", plain(), 100, False, False, False)
    assert well(node, "blockdev_getdimensions", [plain()]) == [[1024 * MIB, None]]
    well(node, "blockdev_grow", plain(), 100, False, True, False)
    assert well(node, "blockdev_getdimensions", [plain()]) == [[1124 * MIB, None]]
    text = refused(node, "blockdev_grow", plain(), 10**9, True, True, False)
    assert text.startswith("Failed to grow block device: Can't grow LV /dev/xenvg/one")
    disk = file("/srv/disk")
    (node.root / "srv").mkdir()
    create(node, disk)
    well(node, "blockdev_grow", disk, 2, False, True, False)
    assert (node.root / "srv/disk").stat().st_size == 5 * MIB


def test_disks_are_renamed_as_their_template_allows(node: SimulatedNode) -> None:
    create(node, plain())
    create(node, plain("three"))
    well(node, "blockdev_rename", [[plain(), ["xenvg", "two"]]])
    assert well(node, "blockdev_find", plain()) is None
    assert well(node, "blockdev_find", plain("two")) is not None
    for pair, text in (
        ([plain(), ["xenvg", "four"]], "in rename"),
        ([plain("two"), ["xenvg", "three"]], "already exists"),
        ([plain("two"), ["other", "two"]], "Can't move a logical volume across volume groups"),
        ([make_mirror(node), drbd()["logical_id"]], "Can't rename a drbd device"),
    ):
        assert text in refused(node, "blockdev_rename", [pair])
    (node.root / "srv").mkdir()
    create(node, file("/srv/one"))
    well(node, "blockdev_rename", [[file("/srv/one"), ["loop", "/srv/two"]]])
    assert not (node.root / "srv/one").exists()
    assert (node.root / "srv/two").exists()


def test_snapshots_are_volumes_beside(node: SimulatedNode) -> None:
    create(node, plain())
    for _ in range(2):
        assert well(node, "blockdev_snapshot", plain(), None, None) == ["xenvg", "one.snap"]
    assert well(node, "blockdev_snapshot", make_mirror(node), "name", 7) == ["xenvg", "name"]
    assert "xenvg/one.snap" in well(node, "lv_list", None)
    assert "of type 'file'" in refused(node, "blockdev_snapshot", file("/a"), None, None)
    well(node, "blockdev_remove", plain())
    assert "Cannot find" in refused(node, "blockdev_snapshot", plain(), None, None)


def test_a_disk_is_copied_to_one_that_has_room(node: SimulatedNode) -> None:
    create(node, plain())
    create(node, plain("two", 1023))
    well(node, "blockdev_convert", plain("two"), plain())
    assert "No space left" in refused(node, "blockdev_convert", plain(), plain("two"))
    well(node, "blockdev_remove", plain())
    text = "Cannot copy to device 'uuid of one': device not found"
    assert refused(node, "blockdev_convert", plain("two"), plain()) == text


# --- DRBD ---------------------------------------------------------------------------------------


def test_a_mirror_is_the_same_on_both_sides_at_once_unless_told(node: SimulatedNode) -> None:
    disk = make_mirror(node)
    assert mirror(node, disk) == {
        "dev_path": "/dev/drbd0", "major": 147, "minor": 0, "is_degraded": False,
        "ldisk_status": 1,
    }  # fmt: skip
    assert well(node, "drbd_wait_sync", [disk]) == [True, 100]


def test_a_mirror_goes_on_with_each_look_but_while_it_is_paused(node: SimulatedNode) -> None:
    node_mirrors.write_sync(node.root, [10.0, 60.0])
    disk = make_mirror(node)
    first = mirror(node, disk)
    assert (first["sync_percent"], first["is_degraded"], first["ldisk_status"]) == (10, True, 1)
    assert well(node, "blockdev_pause_resume_sync", [disk], True) == [[True, None]]
    for _ in range(2):
        assert well(node, "drbd_wait_sync", [disk]) == [False, 60]
    well(node, "blockdev_pause_resume_sync", [disk], False)
    assert mirror(node, disk)["sync_percent"] == 60
    assert "sync_percent" not in mirror(node, disk)


def test_the_side_that_is_filled_has_no_data_of_its_own_yet(node: SimulatedNode) -> None:
    node_mirrors.write_sync(node.root, [10.0])
    disk = make_mirror(node, primary=False)
    assert mirror(node, disk)["ldisk_status"] == 2
    assert mirror(node, disk)["ldisk_status"] == 1


def test_a_minor_is_used_once(node: SimulatedNode) -> None:
    disk = make_mirror(node)
    assert refused(node, "blockdev_create", disk, 1024, "inst", True, "", False) == (
        "Can't create block device: drbd0: minor is already in use at Create() time"
    )
    well(node, "blockdev_shutdown", disk)
    assert well(node, "blockdev_find", disk) is None
    assert well(node, "drbd_needs_activation", [disk]) == [disk["uuid"]]
    well(node, "blockdev_assemble", disk, {"name": "inst"}, True, 0)
    assert mirror(node, disk)["is_degraded"] is False


def minors(node: SimulatedNode) -> Any:
    return well(node, "node_verify", {"drbd-list": None}, "cluster", {})["drbd-list"]


def test_minors_of_sides_that_are_up_are_told(node: SimulatedNode) -> None:
    assert minors(node) == []
    disk = make_mirror(node)
    assert minors(node) == [0]
    well(node, "blockdev_shutdown", disk)
    assert minors(node) == []


def test_what_is_cleared_up_by_hand_is_gone(node: SimulatedNode) -> None:
    make_mirror(node)
    node_devices.clear_up(node.root, ["/dev/drbd0", "/dev/xenvg/one_meta"])
    assert minors(node) == []
    assert list(Devices(node.root).volumes()) == [("xenvg", "one_data")]
    with pytest.raises(KeyError):
        node_devices.clear_up(node.root, ["/dev/drbd0"])


def test_a_side_without_a_port_stands_alone_until_it_is_connected(node: SimulatedNode) -> None:
    node_mirrors.write_sync(node.root, [10.0])
    disk = make_mirror(node, primary=False, port=None)
    assert mirror(node, disk)["is_degraded"] is True
    assert "is not in sync" in refused(node, "drbd_wait_sync", [disk])
    assert "missing network info" in refused(node, "drbd_attach_net", [disk], False)
    well(node, "drbd_attach_net", [drbd()], False)
    assert "not standalone" in refused(node, "drbd_attach_net", [drbd()], False)
    assert mirror(node, drbd())["sync_percent"] == 10


def test_a_side_that_meets_another_one_fills_it(node: SimulatedNode) -> None:
    node_mirrors.write_sync(node.root, [10.0])
    well(node, "drbd_disconnect_net", [drbd()])
    assert well(node, "drbd_needs_activation", [drbd()]) == [drbd()["uuid"]]
    well(node, "drbd_attach_net", [drbd()], False)
    assert "sync_percent" not in mirror(node, drbd()), "it is the same side as before"
    well(node, "drbd_disconnect_net", [drbd()])
    well(node, "drbd_attach_net", [drbd(peer="192.0.2.9")], False)
    assert mirror(node, drbd(peer="192.0.2.9"))["sync_percent"] == 10


def test_a_mirror_that_has_grown_is_the_same_again_after_a_while(node: SimulatedNode) -> None:
    disk = make_mirror(node)
    mirror(node, disk)
    node_mirrors.write_sync(node.root, [90.0])
    well(node, "blockdev_grow", disk, 100, False, True, False)
    assert "sync_percent" not in mirror(node, disk)
    well(node, "blockdev_grow", disk, 100, False, False, False)
    assert mirror(node, disk)["sync_percent"] == 90
    assert well(node, "blockdev_getdimensions", [disk, disk["children"][0]]) == [
        [1124 * MIB, None],
        [1124 * MIB, None],
    ]


def test_parts_are_replaced(node: SimulatedNode) -> None:
    node_mirrors.write_sync(node.root, [10.0])
    old, new = drbd(), [plain("two_data"), plain("two_meta", 128)]
    text = "already attached to a local disk"
    assert text in refused(node, "blockdev_addchildren", old, new)
    assert "mismatch" in refused(node, "blockdev_removechildren", old, new)
    well(node, "blockdev_removechildren", old, old["children"])
    assert mirror(node, old)["ldisk_status"] == 4
    well(node, "blockdev_addchildren", old, new)
    assert mirror(node, old)["ldisk_status"] == 2


def test_a_guest_that_runs_holds_its_mirror(node: SimulatedNode) -> None:
    node_facts.write_instance(node.root, "inst", memory_mib=128, processors=1)
    assert "held open" in refused(node, "blockdev_close", "inst", [drbd()])
    node_facts.remove_instance(node.root, "inst")
    well(node, "blockdev_close", "inst", [drbd()])
    well(node, "blockdev_open", "inst", [drbd()], True)
