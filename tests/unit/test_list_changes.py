"""Which item of a list a change means."""

from dataclasses import dataclass

import pytest

from masterd.errors import GanetiError, OpExecError, OpPrereqError
from masterd.instance import list_changes
from masterd.instance.list_changes import Change
from masterd.limits import LU_DEVICE_CHANGES_MAX


@dataclass(frozen=True)
class _Item:
    uuid: str
    name: str | None = None


ITEMS = [_Item("u0", "first"), _Item("u1"), _Item("u2", "u0")]


@pytest.mark.parametrize(
    ("which", "index"), [(0, 0), (2, 2), (-1, 2), ("1", 1), ("-1", 2), ("first", 0), ("u1", 1)]
)
def test_an_item_is_meant_by_number_name_or_uuid(which: int | str, index: int) -> None:
    assert list_changes.index_of("disk", which, ITEMS) == index


def test_the_first_item_of_a_name_or_uuid_is_meant() -> None:
    assert list_changes.index_of("disk", "u0", ITEMS) == 0


@pytest.mark.parametrize(
    ("which", "error"),
    [(3, OpExecError), (-2, OpExecError), ("nobody", OpPrereqError)],
)
def test_an_item_that_is_not_there_is_refused(which: int | str, error: type[GanetiError]) -> None:
    with pytest.raises(error):
        list_changes.index_of("disk", which, ITEMS)


def test_there_is_no_last_item_of_none() -> None:
    with pytest.raises(OpExecError):
        list_changes.index_of("disk", -1, [])


@pytest.mark.parametrize(("which", "index"), [(0, 0), (3, 3), (-1, 3), ("2", 2)])
def test_a_new_item_goes_before_a_number_or_to_the_end(which: int | str, index: int) -> None:
    assert list_changes.index_of_new("NIC", which, 3) == index


@pytest.mark.parametrize(
    ("which", "error"), [(4, OpExecError), (-2, OpExecError), ("first", OpPrereqError)]
)
def test_a_new_item_goes_nowhere_else(which: int | str, error: type[GanetiError]) -> None:
    with pytest.raises(error):
        list_changes.index_of_new("NIC", which, 3)


def test_a_number_in_the_short_form_means_to_modify_that_item() -> None:
    given = [("add", {"a": 1}), (2, {"b": 1})]
    assert list_changes.read("NIC", given) == [
        Change("add", -1, {"a": 1}),
        Change("modify", 2, {"b": 1}),
    ]


def test_the_short_form_changes_the_number_of_items_once() -> None:
    with pytest.raises(OpPrereqError):
        list_changes.read("NIC", [["remove", {}], [0, {}], ["add", {}]])


@pytest.mark.parametrize("names", [["7"], ["a", "a"], ["u0"], ["-1"]])
def test_names_are_no_numbers_and_nobody_else_has_them(names: list[str]) -> None:
    with pytest.raises(OpPrereqError):
        list_changes.check_given_names("disk", [(None, "u0"), *((name, None) for name in names)])


def test_none_is_no_name() -> None:
    list_changes.check_given_names("disk", [("none", None), ("None", None), (None, None)])


def test_only_so_many_changes_are_possible_at_once() -> None:
    changes: list[tuple[str, int, dict[str, object]]] = [("add", -1, {})] * LU_DEVICE_CHANGES_MAX
    assert len(list_changes.read("disk", changes)) == LU_DEVICE_CHANGES_MAX
    with pytest.raises(OpPrereqError, match="129 changes of disks"):
        list_changes.read("disk", [*changes, ("add", -1, {})])
