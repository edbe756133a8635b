"""The old configurations of Ganeti's own test suite are taken over."""

import copy
import json

import pytest

from masterd.config import verify
from masterd.config.document import split
from migrations.legacy import config_data
from migrations.legacy.config_upgrade import upgrade
from tests.migration import ganeti_fixtures as fixtures

pytestmark = fixtures.needs_fixtures


@pytest.mark.parametrize("minor", fixtures.MINORS)
def test_a_configuration_of_every_version_becomes_a_sound_one(minor: int) -> None:
    found = config_data.read(fixtures.path(minor))
    assert found.found_version == 2_000_000 + minor * 10_000
    assert verify.problems(split(found.document)) == []


@pytest.mark.parametrize("minor", fixtures.MINORS)
def test_what_is_taken_over_is_left_alone_the_next_time(minor: int) -> None:
    made = upgrade(fixtures.document(minor)).document
    assert upgrade(made).document == made
    again = upgrade({**made, "version": 2_160_000})
    assert (again.document, again.notes) == (made, ())


@pytest.mark.parametrize("minor", fixtures.MINORS)
def test_the_document_given_is_not_changed(minor: int) -> None:
    document = fixtures.document(minor)
    before = copy.deepcopy(document)
    upgrade(document)
    assert document == before


@pytest.mark.parametrize("minor", fixtures.MINORS)
def test_the_same_file_and_uuids_give_the_same_bytes(minor: int) -> None:
    def numbered() -> str:
        uuids.append(f"00000000-0000-4000-8000-{len(uuids):012}")
        return uuids[-1]

    made = []
    for _ in range(2):
        uuids: list[str] = []
        made.append(upgrade(fixtures.document(minor), new_uuid=numbered).document)
    assert json.dumps(made[0]) == json.dumps(made[1])
