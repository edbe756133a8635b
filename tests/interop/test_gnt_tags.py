"""Debian's commands for tags do and print the same here as with the reference, for all objects.

The reference is all of it: luxid, wconfd, and the processes that carry out its jobs.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest

from masterd.config import document
from tests.broken_configs import sound
from tests.interop import debian, masters
from tests.interop.debian import Outcome
from tests.interop.luxid import needs_luxid
from tests.interop.masters import Masters

pytestmark = [needs_luxid, debian.needs_ganeti]

#: Command and object of each kind that has tags.
OBJECTS: Final = (
    ("gnt-cluster", ()),
    ("gnt-node", ("node2.example.com",)),
    ("gnt-group", ("group1",)),
    ("gnt-network", ("net1",)),
    ("gnt-instance", ("inst3.example.com",)),
)


@pytest.fixture(scope="module")
def pair() -> Iterator[Masters]:
    with masters.both(document.split(sound()), masters.working_reference) as both:
        yield both


@pytest.mark.parametrize(("command", "name"), OBJECTS, ids=lambda each: str(each))
def test_tags_are_added_listed_and_removed(
    pair: Masters, command: str, name: tuple[str, ...], tmp_path: Path
) -> None:
    def told(verb: str, *tags: str, options: Sequence[str] = ()) -> Outcome:
        return pair.both(command, f"{verb}-tags", *options, *name, *tags)

    found = set(told("list").lines)
    more = tmp_path / "tags"
    more.write_text("from:file\nplus+1\n")
    assert told("add", "new:tag", "@:/._-*", "twice", "twice").code == 0
    assert told("add", "new:tag", options=["--from", str(more)]).code == 0
    added = {"new:tag", "@:/._-*", "twice", "from:file", "plus+1"}
    assert set(told("list").lines) == found | added
    assert told("remove", *sorted(added - {"twice"})).code == 0
    assert set(told("list").lines) == found | {"twice"}


@pytest.mark.parametrize(("command", "name"), OBJECTS, ids=lambda each: str(each))
@pytest.mark.parametrize(
    ("verb", "tags"),
    [
        ("add", ("in valid!",)),
        ("add", ("x" * 129,)),
        ("add", ()),
        ("remove", ("never:there", "nor:this")),
        ("remove", ()),
    ],
    ids=["bad", "long", "none added", "not there", "none removed"],
)
def test_refusals_are_told_alike(
    pair: Masters, command: str, name: tuple[str, ...], verb: str, tags: tuple[str, ...]
) -> None:
    assert pair.both(command, f"{verb}-tags", *name, *tags).code == 1


@pytest.mark.parametrize("verb", ["add", "list", "remove"])
@pytest.mark.parametrize("command", [command for command, name in OBJECTS if name])
def test_unknown_objects_are_told_alike(pair: Masters, command: str, verb: str) -> None:
    assert (
        pair.both(command, f"{verb}-tags", "nobody", *([] if verb == "list" else ["a"])).code == 1
    )
