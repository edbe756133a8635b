"""Which versions of a hypervisor suit each other, and what nodes tell of a migration."""

import pytest

from masterd.instance import migration


@pytest.mark.parametrize(
    ("hypervisor", "source", "target", "suit"),
    [
        ("kvm", "5.2", "3.1", True),
        ("fake", 1, 1, True),
        ("fake", 1, 2, False),
        ("xen-pvm", [4, 1], [4, 1], True),
        ("xen-pvm", [4, 1, 3], [4, 2, 0], True),
        ("xen-pvm", [4, 1], [4, 3], False),
        ("xen-hvm", [4, 2], [4, 1], False),
        ("xen-hvm", [4, 1], [5, 1], False),
        ("xen-pvm", [4], [4, 0], False),
        ("xen-pvm", "4.1", "4.2", False),
    ],
)
def test_guests_of_xen_survive_one_step_forward(
    hypervisor: str, source: object, target: object, suit: bool
) -> None:
    assert migration.versions_suit(hypervisor, source, target) is suit


def test_progress_is_told_where_the_node_knows_how_much_there_is() -> None:
    assert migration.percent({"transferred_ram": 1, "total_ram": 8}) == 12.5
    assert migration.percent({"transferred_ram": 0, "total_ram": 8}) == 0.0
    assert migration.percent({"status": "active"}) is None
    assert migration.percent({"transferred_ram": 0, "total_ram": 0}) is None


def test_what_is_neither_under_way_nor_failed_is_done() -> None:
    seen = {
        status: (
            migration.is_under_way({"status": status}),
            migration.has_failed({"status": status}),
        )
        for status in ("active", "postcopy-active", "completed", "failed", "cancelled")
    }
    assert seen == {
        "active": (True, False),
        "postcopy-active": (True, False),
        "completed": (False, False),
        "failed": (False, True),
        "cancelled": (False, True),
    }
