"""The way back to older versions, and what is refused on it."""

import copy
from typing import Any

import pytest

from migrations.legacy.config_downgrade import downgrade
from migrations.legacy.config_upgrade import upgrade
from migrations.legacy.config_work import ConfigFormError
from tests.migration.old_configs import expressible, of_3_1, old

Document = dict[str, Any]


def current(seed: int = 1) -> Document:
    return expressible(seed, 17)


def reasons_against(document: Document, version: int) -> list[str]:
    with pytest.raises(ConfigFormError) as caught:
        downgrade(document, version)
    return caught.value.reasons


def test_a_configuration_of_3_1_goes_back_to_3_0_with_the_command_for_xen() -> None:
    made = downgrade(of_3_1(current()), 3_000_000)
    wanted = current()
    for name in ("xen-pvm", "xen-hvm"):
        wanted["cluster"]["hvparams"][name]["xen_cmd"] = "xl"
    assert (made.document, made.notes) == (wanted, ())


def test_a_configuration_of_3_0_goes_back_to_2_16_and_up_again() -> None:
    made = downgrade(current(), 2_160_000).document
    assert made == {**current(), "version": 2_160_000}
    assert upgrade(made).document == current()


def test_two_versions_are_gone_back_one_by_one() -> None:
    made = downgrade(of_3_1(current()), 2_160_000).document
    assert made["version"] == 2_160_000
    assert made["cluster"]["hvparams"]["xen-pvm"]["xen_cmd"] == "xl"


def test_keys_of_ssh_are_kept_whatever_their_type() -> None:
    document = current()
    document["cluster"] |= {"ssh_key_type": "rsa", "ssh_key_bits": 4096}
    made = downgrade(document, 2_160_000).document["cluster"]
    assert (made["ssh_key_type"], made["ssh_key_bits"]) == ("rsa", 4096)


@pytest.mark.parametrize("version", [3_000_000, 2_160_000])
def test_a_document_that_has_the_form_stays_as_it_is(version: int) -> None:
    document = {**current(), "version": version}
    assert downgrade(document, version).document is document


def test_the_given_document_is_not_changed() -> None:
    document = of_3_1(current())
    before = copy.deepcopy(document)
    downgrade(document, 2_160_000)
    assert document == before


@pytest.mark.parametrize(
    ("found", "wanted", "told"),
    [
        (3_000_000, 2_150_000, "from 3.0 to 2.15"),
        (3_000_000, 2_170_000, "from 3.0 to 2.17"),
        (3_000_000, 3_010_000, "from 3.0 to 3.1"),
        (2_160_000, 3_000_000, "from 2.16 to 3.0"),
        (2_120_000, 2_120_000, "from 2.12 to 2.12"),
        (3_020_000, 3_000_000, "from 3.2 to 3.0"),
    ],
)
def test_other_ways_are_refused(found: int, wanted: int, told: str) -> None:
    reasons = reasons_against({**current(), "version": found}, wanted)
    assert reasons == [f"version: there is no way back {told}"]


def test_a_value_that_3_0_does_not_know_is_refused_wherever_it_stands() -> None:
    document = of_3_1(current())
    cluster = document["cluster"]
    cluster["hvparams"]["kvm"]["disk_aio"] = "io_uring"
    cluster["os_hvp"] = {"noop": {"kvm": {"disk_aio": "io_uring"}}}
    uuid, instance = next(iter(document["instances"].items()))
    instance["hvparams"] = {"disk_aio": "io_uring"}
    told = "Ganeti 3.0 has no 'io_uring'; set 'native' first"
    wanted = [
        f"cluster.hvparams.kvm.disk_aio: {told}",
        f"cluster.os_hvp.noop.kvm.disk_aio: {told}",
        f"instances.{uuid}.hvparams.disk_aio: {told}",
    ]
    assert reasons_against(document, 3_000_000) == wanted
    with pytest.raises(ConfigFormError) as caught:
        upgrade(document)
    assert caught.value.reasons == wanted


def test_settings_of_the_maintenance_daemon_are_left_out_with_notes() -> None:
    document = old(current(), 17)
    document["maintenance"] |= {"balance": True, "roundDelay": 60}
    document["cluster"]["ipolicy"]["memory-ratio"] = 1.7
    document["cluster"]["diagnose_data_collector_filename"] = "look"
    made = downgrade(document, 2_160_000)
    assert made.document == {**current(), "version": 2_160_000}
    assert made.notes == (
        "maintenance.roundDelay: left out; there is no maintenance daemon",
        "maintenance.balance: left out; there is no maintenance daemon",
        "cluster.diagnose_data_collector_filename: left out; there is no such collector",
        "cluster.ipolicy.memory-ratio: left out; policies have no such ratio",
    )


def test_a_maintenance_daemon_at_work_is_refused() -> None:
    document = old(current(), 17)
    document["maintenance"] |= {"jobs": [5], "incidents": [{"uuid": "u"}]}
    told = "the maintenance daemon is at work; let it end first"
    wanted = [f"maintenance.jobs: {told}", f"maintenance.incidents: {told}"]
    assert reasons_against(document, 2_160_000) == wanted
    assert reasons_against({**document, "maintenance": 5}, 2_160_000) == [
        "maintenance: expected an object, got int"
    ]


def test_the_maintenance_daemon_of_another_version_is_left_for_the_reader_to_refuse() -> None:
    document = {**old(current(), 16), "maintenance": {}}
    assert upgrade(document).document["maintenance"] == {}
