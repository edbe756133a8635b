"""Whole configurations of older versions are brought to 3.0 without a loss."""

import copy
import itertools
from collections.abc import Callable
from typing import Any

import pytest

from masterd.config.document import split
from migrations.legacy.config_upgrade import STEPS, upgrade
from migrations.legacy.config_work import ConfigFormError
from tests.migration.old_configs import MINORS, comparable, differences, expressible, of_3_1, old

Document = dict[str, Any]
SEEDS = range(3)

each_version = pytest.mark.parametrize("minor", MINORS)
each_seed = pytest.mark.parametrize("seed", SEEDS)


def numbered() -> Callable[[], str]:
    """Return a source of uuids that counts."""
    numbers = itertools.count(1)
    return lambda: f"00000000-0000-4000-8000-{next(numbers):012}"


def made_of(document: Document) -> Document:
    return upgrade(document, new_uuid=numbered()).document


@each_version
@each_seed
def test_an_old_configuration_becomes_what_it_was_made_of(minor: int, seed: int) -> None:
    wanted = expressible(seed, minor)
    made = made_of(old(wanted, minor))
    assert differences(comparable(made), comparable(wanted)) == []


@each_version
@each_seed
def test_the_result_is_read_without_a_complaint(minor: int, seed: int) -> None:
    wanted = expressible(seed, minor)
    snapshot = split(made_of(old(wanted, minor)))
    assert snapshot.serial_no == wanted["serial_no"]
    assert len(snapshot.instances) == len(wanted["instances"])
    assert len(snapshot.disks) == len(wanted["disks"])


@each_version
def test_what_was_made_is_not_changed_again(minor: int) -> None:
    made = made_of(old(expressible(7, minor), minor))
    assert upgrade(made).document is made
    again = upgrade({**made, "version": 2_160_000})
    assert (again.document, again.notes) == (made, ())


@each_version
def test_the_given_document_stays_as_it_is(minor: int) -> None:
    document = old(expressible(7, minor), minor)
    before = copy.deepcopy(document)
    made_of(document)
    assert document == before


@each_version
def test_every_generated_uuid_is_another(minor: int) -> None:
    made = made_of(old(expressible(7, minor), minor))
    uuids = [nic["uuid"] for value in made["instances"].values() for nic in value["nics"]]
    for disk in made["disks"].values():
        uuids += [disk["uuid"], *(child["uuid"] for child in disk["children"])]
    assert len(uuids) == len(set(uuids))


@each_seed
def test_a_configuration_of_3_1_is_taken_over(seed: int) -> None:
    wanted = expressible(seed, 17)
    for name in ("xen-pvm", "xen-hvm"):
        wanted["cluster"]["hvparams"][name]["xen_cmd"] = "xl"
    assert made_of(of_3_1(wanted)) == wanted


def test_a_current_configuration_is_left_as_it_is() -> None:
    document = expressible(1, 17)
    assert upgrade(document).document is document


@pytest.mark.parametrize("version", [1_020_000, 2_060_000, 2_180_000, 3_000_001, 3_020_000])
def test_other_versions_are_refused(version: int) -> None:
    with pytest.raises(ConfigFormError, match=r"documents of \d\.\d+ are not taken over"):
        upgrade({**expressible(1, 16), "version": version})


def test_a_revision_of_a_version_is_taken_over_with_a_note() -> None:
    document = {**old(expressible(1, 15), 15), "version": 2_150_003}
    made = upgrade(document)
    assert made.document["version"] == 3_000_000
    assert made.notes == ("version: 2150003 is a revision; taken as 2.15",)


def test_an_unknown_key_is_kept_for_the_reader_to_refuse() -> None:
    document = old(expressible(1, 12), 12)
    document["cluster"]["colour"] = "green"
    assert made_of(document)["cluster"]["colour"] == "green"


def test_the_steps_stand_in_order_of_the_versions() -> None:
    versions = [version for version, _, _ in STEPS]
    assert versions == sorted(versions)


def test_every_step_can_be_taken_twice() -> None:
    document = old(expressible(3, 7), 7)
    made = made_of(document)
    assert made_of({**made, "version": 2_070_000}) == made
