"""New disks: what is asked for, what becomes of it, and in which pieces disks are overwritten."""

from collections.abc import Sequence
from itertools import count

import msgspec
import pytest

from masterd.config import document, ports
from masterd.errors import OpPrereqError
from masterd.instance import disk_trees, disks, new_disks
from masterd.instance.disk_trees import Place
from masterd.instance.new_disks import NewDisk
from masterd.lu.disks import creation as disk_creation
from tests.broken_configs import sound

CONFIG = document.split(sound())
FIRST, SECOND = list(CONFIG.nodes)[:2]


class Counted:
    """Draws one number after the other."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def uuid(self) -> str:
        return f"uuid-{next(self._numbers)}"

    def port(self) -> int:
        return 11_000 + next(self._numbers)

    def secret(self) -> str:
        return f"secret-{next(self._numbers)}"

    def minors(self, node_uuids: Sequence[str]) -> Sequence[int]:
        return [next(self._numbers) for _ in node_uuids]


@pytest.mark.parametrize("size", [1, 9, 64, 1024, 10_241, 1_000_000])
@pytest.mark.parametrize("begin", [0, 5, 64, 1000])
def test_pieces_cover_a_disk_of_any_size_once(begin: int, size: int) -> None:
    pieces = list(disk_creation._pieces(begin, size))
    assert [offset for offset, _ in pieces] == [begin + sum(p for _, p in pieces[:n]) for n in
                                               range(len(pieces))]  # fmt: skip
    assert sum(piece for _, piece in pieces) == max(0, size - begin)
    assert all(0 < piece <= 1024 for _, piece in pieces)


@pytest.mark.parametrize("size", [-1, "-4"])
def test_no_disk_is_smaller_than_nothing(size: object) -> None:
    with pytest.raises(OpPrereqError, match="Invalid disk size"):
        new_disks.read({"size": size, "provider": "p"}, "ext", None)


@pytest.mark.parametrize("below", ["..", "a/../../b", "/etc"])
def test_files_do_not_leave_the_directory_of_the_cluster(below: str) -> None:
    with pytest.raises(OpPrereqError, match="does not lie below"):
        new_disks.directory(CONFIG.cluster, "file", "../inst", below)


def test_the_parts_of_a_mirror_have_its_nodes_and_one_name() -> None:
    place = Place(template="drbd", instance="i", primary=FIRST, secondary=SECOND, made_s=7.0)
    wanted = [NewDisk(size=64, volume_group="data", meta_group="meta")]
    (disk,) = disk_trees.trees(CONFIG, place, wanted, Counted())
    data, meta = disk.children
    assert data.logical_id == ("data", "uuid-1.disk0_data")
    assert meta.logical_id == ("meta", "uuid-1.disk0_meta")
    assert (data.size, meta.size) == (64, 128)
    assert disk.nodes == data.nodes == meta.nodes == (FIRST, SECOND)
    assert (data.ctime, meta.mtime) == (7.0, 7.0)
    assert len({disk.uuid, data.uuid, meta.uuid}) == 3


def test_disks_are_made_on_the_primary_node_first() -> None:
    place = Place(template="drbd", instance="i", primary=SECOND, secondary=FIRST)
    made = disk_trees.trees(CONFIG, place, [NewDisk(size=1), NewDisk(size=1)], Counted())
    assert disk_trees.nodes(made, SECOND) == [SECOND, FIRST]


def test_a_secret_is_not_told_with_its_disk() -> None:
    place = Place(template="drbd", instance="i", primary=FIRST, secondary=SECOND)
    (disk,) = disk_trees.trees(CONFIG, place, [NewDisk(size=64)], Counted())
    assert "secret" in str(disk.logical_id[5])
    assert "secret" not in disks.shown(disk)


def test_ports_that_are_taken_leave_the_pool_and_count() -> None:
    before = msgspec.structs.replace(
        CONFIG.cluster, highest_used_port=11_005, tcpudp_port_pool=(11_003, 11_001)
    )
    after = ports.taken(before, [11_001, 11_006])
    assert (after.highest_used_port, after.tcpudp_port_pool) == (11_006, (11_003,))
    assert ports.given_back(after, [11_001]).tcpudp_port_pool == (11_001, 11_003)
    assert ports.taken(before, [11_003]).highest_used_port == 11_005


def test_ports_that_were_passed_over_are_in_the_pool() -> None:
    before = msgspec.structs.replace(
        CONFIG.cluster, highest_used_port=11_005, tcpudp_port_pool=(11_003,)
    )
    after = ports.taken(before, [11_007, 11_009])
    assert (after.highest_used_port, after.tcpudp_port_pool) == (11_009, (11_003, 11_006, 11_008))


@pytest.mark.parametrize("key", ["size", "spindles"])
def test_a_providers_disk_has_no_number_that_cannot_be_kept(key: str) -> None:
    given = {"provider": "one", "size": 64, key: "9223372036854775808"}
    with pytest.raises(OpPrereqError, match=f"Invalid disk {key}"):
        new_disks.read(given, "ext", None)
