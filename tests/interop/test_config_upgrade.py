"""Ganeti's own `cfgupgrade` makes of an old configuration what we make of it.

Needs Debian's package `ganeti`; the recorded old configurations need `ganeti-testsuite` besides.
Skipped, saying why, where they are not there. The program works in a directory of the test's.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from migrations.legacy import config_defaults as defaults
from migrations.legacy import config_hypervisors as hypervisors
from migrations.legacy.config_downgrade import downgrade
from migrations.legacy.config_upgrade import upgrade
from tests.interop.debian import Commands, Outcome, needs_ganeti
from tests.migration import ganeti_fixtures as fixtures
from tests.migration.old_configs import comparable, differences, expressible, old

pytestmark = needs_ganeti

Document = dict[str, Any]

CFGUPGRADE: Final = "/usr/lib/ganeti/tools/cfgupgrade"

#: Versions that the program takes: it never learnt of 2.17.
MINORS: Final = tuple(range(7, 17))

#: Where the two differ, by path, and why that is right.
DIFFERENT: Final = {
    r"serial_no|mtime": "the program counts its own change; the daemon counts when it takes over",
    r"nodegroups\.[^.]+\.mtime": "the program says now; a group without a time has none for us",
}

#: Where they differ up to a version besides.
DIFFERENT_UNTIL: Final = {
    (8, r"disks\.[^.]+\.(dev_type|nodes)"): "disks of shared files had the type of other files; "
    "the program forgets the template of their instance, which told them apart",
    (7, r"cluster\.enabled_disk_templates"): "so it does not see either that the template is used",
}


class Upgrade:
    """Runs the program on one document."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._file = directory / "config.data"
        # What is there already is not made anew, which takes a second.
        for name in ("server.pem", "known_hosts", "rapi.pem", "spice.pem", "spice-ca.pem",
                     "hmac.key", "cluster-domain-secret"):  # fmt: skip
            (directory / name).touch()
        (directory / "ssconf_master_node").write_text("master\n")

    def run(self, document: Document, *options: str) -> Outcome:
        self._file.write_text(json.dumps(document))
        return Commands({}).run(
            CFGUPGRADE, "--force", "--ignore-hostname", f"--path={self._directory}",
            f"--confdir={self._directory}", *options,
        )  # fmt: skip

    def __call__(self, document: Document, *options: str) -> Document:
        outcome = self.run(document, *options)
        assert outcome.code == 0, outcome
        made: Document = json.loads(self._file.read_bytes())
        return made


@pytest.fixture
def cfgupgrade(tmp_path: Path) -> Upgrade:
    return Upgrade(tmp_path)


def same_order(value: Any, key: str = "") -> Any:
    """Return a document with those lists sorted that are sets in the program."""
    if isinstance(value, dict):
        return {name: same_order(item, name) for name, item in value.items()}
    if isinstance(value, list) and key in ("disk-templates", "nodes", "tags", "tcpudp_port_pool"):
        return sorted(value)
    return [same_order(item) for item in value] if isinstance(value, list) else value


def unexplained(ours: Document, theirs: Document, minor: int) -> Iterator[str]:
    reasons = [*DIFFERENT, *(path for until, path in DIFFERENT_UNTIL if minor <= until)]
    for each in differences(same_order(comparable(ours)), same_order(comparable(theirs))):
        path = each.partition(":")[0]
        if not any(re.fullmatch(reason, path) for reason in reasons):
            yield each


def named(config: Document) -> Document:
    """Give planned instances names; the program fails where one has none."""
    for uuid, instance in config["instances"].items():
        instance.setdefault("name", f"planned-{uuid}")
    return config


@pytest.mark.parametrize("minor", MINORS)
@pytest.mark.parametrize("seed", range(2))
def test_a_generated_configuration_becomes_the_same(
    cfgupgrade: Upgrade, minor: int, seed: int
) -> None:
    document = old(named(expressible(seed, minor)), minor)
    ours = upgrade(document).document
    assert [*unexplained(ours, cfgupgrade(document), minor)] == []


@fixtures.needs_fixtures
@pytest.mark.parametrize("minor", fixtures.MINORS)
def test_a_recorded_configuration_becomes_the_same(cfgupgrade: Upgrade, minor: int) -> None:
    document = fixtures.document(minor)
    assert [*unexplained(upgrade(document).document, cfgupgrade(document), minor)] == []


def test_the_program_finds_nothing_left_to_do_in_ours(cfgupgrade: Upgrade) -> None:
    ours = upgrade(old(expressible(1, 7), 7)).document
    assert [*unexplained(ours, cfgupgrade(ours), 10)] == []


@pytest.mark.parametrize(("minor", "taken"), [(6, True), (16, True), (17, False)])
def test_the_program_takes_versions_from_far_back_but_not_2_17(
    cfgupgrade: Upgrade, minor: int, taken: bool
) -> None:
    document = {**old(named(expressible(1, 16)), 16), "version": 2_000_000 + minor * 10_000}
    outcome = cfgupgrade.run(document, "--no-verify")
    assert (outcome.code == 0) is taken, outcome


def test_the_way_back_differs_in_the_keys_of_ssh_only(cfgupgrade: Upgrade) -> None:
    document = named(expressible(1, 15))
    theirs = cfgupgrade(document, "--downgrade")
    assert differences(downgrade(document, 2_160_000).document, theirs) == [
        "cluster.ssh_key_type: 'dsa' != 'nothing'",
        "cluster.ssh_key_bits: 1024 != 'nothing'",
    ]


def test_what_the_program_took_back_is_taken_over_again(cfgupgrade: Upgrade) -> None:
    document = named(expressible(1, 15))
    assert upgrade(cfgupgrade(document, "--downgrade")).document == document


CONSTANTS = """
import json
from ganeti import constants as c
print(json.dumps({
    "hypervisors": c.HVC_DEFAULTS, "node": c.NDC_DEFAULTS, "backend": c.BEC_DEFAULTS,
    "nic": c.NICC_DEFAULTS, "disk": c.DISK_DT_DEFAULTS, "policy": c.IPOLICY_DEFAULTS,
    "collectors": c.DATA_COLLECTOR_NAMES, "tools": c.IEC_DEFAULT_TOOLS,
    "preference": c.DISK_TEMPLATE_PREFERENCE, "global_hypervisor": c.HVC_GLOBALS,
    "running": c.LUXID_MAXIMAL_RUNNING_JOBS_DEFAULT,
    "tracked": c.LUXID_MAXIMAL_TRACKED_JOBS_DEFAULT, "helper": c.DEFAULT_DRBD_HELPER,
}, default=sorted))
"""


def test_the_defaults_are_those_of_the_library() -> None:
    cluster = {key: value for keys in defaults.CLUSTER.values() for key, value in keys.items()}
    theirs = json.loads(Commands({}).ganeti_python(CONSTANTS).output)
    theirs["policy"]["disk-templates"].sort()
    assert theirs == {
        "hypervisors": hypervisors.HYPERVISORS,
        "node": defaults.NODE,
        "backend": defaults.BACKEND,
        "nic": defaults.NIC,
        "disk": defaults.DISK,
        "policy": defaults.POLICY,
        "collectors": sorted(defaults.COLLECTORS),
        "tools": cluster["compression_tools"],
        "preference": list(defaults.TEMPLATE_PREFERENCE),
        "global_hypervisor": sorted(hypervisors.GLOBAL_HYPERVISOR_PARAMETERS),
        "running": cluster["max_running_jobs"],
        "tracked": cluster["max_tracked_jobs"],
        "helper": defaults.DRBD_HELPER,
    }
