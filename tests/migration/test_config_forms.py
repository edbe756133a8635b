"""Configurations of older releases become what they were made of, and go back without loss."""

import copy
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from masterd.config import document
from migrations.legacy.config_downgrade import downgrade
from migrations.legacy.config_upgrade import STEPS, upgrade
from migrations.legacy.config_versions import CURRENT
from migrations.legacy.config_work import ConfigFormError, Converted, Step, Work
from tests.migration.old_configs import as_of, as_of_3_1, present
from tests.sample_config import Document, sample

MINORS = range(7, 18)


def upgraded(config: Document) -> Converted:
    uuids = iter(range(10**6))
    return upgrade(config, new_uuid=lambda: f"{next(uuids):08x}-0000-4000-8000-000000000000")


def plain(config: Document, *, with_uuids: bool = True) -> Document:
    """Return a document with sets sorted; without uuids of disks and NICs where they are new."""
    found: Document = json.loads(json.dumps(config))
    cluster = found["cluster"]
    for policy in (cluster["ipolicy"], *(each["ipolicy"] for each in found["nodegroups"].values())):
        if "disk-templates" in policy:
            policy["disk-templates"].sort()
    if with_uuids:
        return found
    # What is enabled follows from what is in use; disks are told in their instances.
    cluster["enabled_disk_templates"] = None
    for policy in (cluster["ipolicy"], *(each["ipolicy"] for each in found["nodegroups"].values())):
        policy.pop("disk-templates", None)
    for instance in found["instances"].values():
        instance["disks"] = [found["disks"][uid] for uid in instance["disks"]]
        for part in (*instance["nics"], *(p for d in instance["disks"] for p in _parts(d))):
            part["uuid"] = None
    del found["disks"]
    return found


def _parts(disk: Document) -> list[Document]:
    return [disk, *disk["children"]]


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("minor", MINORS)
def test_nothing_is_lost_on_the_way_from_an_older_release(minor: int, seed: int) -> None:
    config = present(seed)
    found = upgraded(as_of(config, minor)).document
    assert plain(found, with_uuids=minor > 7) == plain(config, with_uuids=minor > 7)
    assert document.split(found).serial_no == config["serial_no"]


def test_nothing_is_lost_on_the_way_from_3_1() -> None:
    config = copy.deepcopy(sample(4))
    for name in ("xen-pvm", "xen-hvm"):
        config["cluster"]["hvparams"][name]["xen_cmd"] = "xl"
    newer = as_of_3_1(config)
    assert upgraded(newer).document == config
    assert downgrade(newer, CURRENT).document == config


def test_what_only_2_17_has_is_left_out_and_told() -> None:
    told = "".join(upgraded(as_of(present(1), 17)).notes)
    for path in ("maintenance.balance:", "cluster.diagnose_data_collector_filename:",
                 "cluster.ipolicy.memory-ratio:"):  # fmt: skip
        assert path in told


def test_a_maintenance_daemon_at_work_keeps_2_17_from_being_taken_over() -> None:
    old = as_of(present(1), 17)
    old["maintenance"]["jobs"] = [17]
    with pytest.raises(ConfigFormError, match=r"maintenance\.jobs: .* is at work"):
        upgraded(old)


def test_the_document_that_is_converted_stays_as_it_was() -> None:
    old = as_of(present(1), 7)
    before = copy.deepcopy(old)
    upgraded(old)
    assert old == before


@pytest.mark.parametrize("minor", MINORS)
def test_steps_do_nothing_to_what_they_brought(minor: int) -> None:
    once = upgraded(as_of(present(1), minor)).document
    assert upgraded({**once, "version": 2_160_000}).document == once


@pytest.mark.parametrize(("name", "step"), [(name, step) for _, name, step in STEPS])
def test_each_step_alone_leaves_the_present_form_alone(name: str, step: Step) -> None:
    config = upgraded(present(2)).document
    work = Work(lambda: "never")
    assert plain(step(copy.deepcopy(config), work)) == plain(config), name
    assert (work.reasons, work.notes) == ([], [])


# --- what is refused ----------------------------------------------------------------------------


def _no_node(old: Document) -> None:
    next(iter(old["instances"].values()))["primary_node"] = "nowhere.example.com"


def _same_uuid(old: Document) -> None:
    for node in old["nodes"].values():
        node["uuid"] = "one-for-all"


def _no_type(old: Document) -> None:
    for instance in old["instances"].values():
        if instance["disks"]:
            del instance["disks"][0]["dev_type"]
            return


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda old: old.pop("nodes"), r"nodes: missing"),
        (lambda old: old.update(cluster=[]), r"cluster: expected an object, got list"),
        (
            lambda old: old.update(version=1_020_000),
            r"version: documents of 1\.2 are not taken over",
        ),
        (_no_node, r"instances\..*\.primary_node: there is no node nowhere\.example\.com"),
        (_same_uuid, r"nodes\..*: another has the uuid .* too"),
        (_no_type, r"instances\..*\.disks\.0\.dev_type: missing"),
        (lambda old: old["nodes"].update(x="y"), r"nodes\.x: expected an object, got str"),
    ],
)
def test_what_cannot_be_taken_over_is_refused_with_its_place(
    change: Callable[[Document], Any], reason: str
) -> None:
    old = as_of(present(1), 9)
    change(old)
    with pytest.raises(ConfigFormError) as caught:
        upgraded(old)
    assert any(re.fullmatch(reason + ".*", each) for each in caught.value.reasons), caught.value


def test_all_reasons_are_told_at_once() -> None:
    old = as_of(present(1), 9)
    for instance in old["instances"].values():
        instance["primary_node"] = "nowhere.example.com"
    with pytest.raises(ConfigFormError) as caught:
        upgraded(old)
    assert len(caught.value.reasons) == len(old["instances"])


def test_a_3_1_cluster_that_uses_io_uring_is_refused() -> None:
    newer = as_of_3_1(present(1))
    newer["cluster"]["hvparams"]["kvm"]["disk_aio"] = "io_uring"
    with pytest.raises(ConfigFormError, match=r"Ganeti 3\.0 has no 'io_uring'; set 'native'"):
        upgraded(newer)


# --- back ---------------------------------------------------------------------------------------


def test_2_16_and_back_is_the_same() -> None:
    config = present(3)
    older = downgrade(config, 2_160_000).document
    assert older["version"] == 2_160_000
    assert plain(upgraded(older).document) == plain(config)


def test_a_form_that_is_not_given_back_is_refused() -> None:
    with pytest.raises(ConfigFormError, match=r"there is no way back from 3\.0 to 2\.12"):
        downgrade(present(3), 2_120_000)
