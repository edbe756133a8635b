"""OP_CLUSTER_VERIFY_CONFIG: what it says about a sound cluster and about broken ones."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from masterd.config import document
from masterd.config.snapshot import ConfigSnapshot
from masterd.dialect import DIALECT_3_0, DIALECT_3_1, Dialect
from masterd.opcodes.cluster_verify import OpClusterVerifyConfig
from masterd.testing.certificates import new_server
from tests.broken_configs import BREAKAGES, sound
from tests.lu_support import Run, World, make_world
from tests.sample_config import Document

NOW_US = 1_795_456_800_123_456


class Clock:
    """Obeys `masterd.clock.Clock`; time stands still."""

    def now_us(self) -> int:
        return NOW_US

    def monotonic_s(self) -> float:
        return 0.0


def config(change: Callable[[Document], None] = lambda _: None) -> ConfigSnapshot:
    made = sound()
    for instance in made["instances"].values():
        instance["hvparams"] = {}
    change(made)
    return document.split(made)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """Return a root with certificates that are good."""
    directory = tmp_path / "var/lib/ganeti"
    directory.mkdir(parents=True)
    content = new_server(NOW_US - 3_600_000_000).pem()
    for name in ("server.pem", "rapi.pem", "spice.pem", "spice-ca.pem"):
        (directory / name).write_bytes(content)
    return tmp_path


@pytest.fixture
def make(base: Path) -> Iterator[Callable[[ConfigSnapshot], World]]:
    made: list[World] = []

    def make(config: ConfigSnapshot) -> World:
        made.append(make_world(base, clock=Clock(), config=config))
        return made[-1]

    yield make
    for world in made:
        world.close()


def verified(world: World, op: OpClusterVerifyConfig | None = None) -> tuple[object, list[str]]:
    """Return the result and the lines that tell of problems."""
    run = Run()
    result = world.run(op or OpClusterVerifyConfig(), run)
    return result, [str(line) for line in run.messages() if str(line).startswith("  - ")]


Make = Callable[[ConfigSnapshot], World]


def test_a_sound_cluster_is_good(make: Make) -> None:
    assert verified(make(config())) == (True, [])


@pytest.mark.parametrize("name", ["a port twice", "too few candidates", "a node in no group"])
def test_a_broken_rule_is_told_and_makes_the_result_false(make: Make, name: str) -> None:
    result, lines = verified(make(config(BREAKAGES[name].change)))
    assert result is False
    assert lines[0].startswith("  - ERROR: cluster : ")
    assert BREAKAGES[name].told in lines[0]


def test_lines_for_programs_have_a_code(make: Make) -> None:
    world = make(config(BREAKAGES["a misnamed disk"].change))
    result, (line,) = verified(world, OpClusterVerifyConfig(error_codes=True))
    assert result is False
    assert line.startswith("  - ERROR:ECLUSTERCFG:cluster:None:instance inst")


def test_problems_may_be_ignored_by_their_code(make: Make) -> None:
    world = make(config(BREAKAGES["a misnamed disk"].change))
    op = OpClusterVerifyConfig(ignore_errors=frozenset({"ECLUSTERCFG"}))
    result, (line,) = verified(world, op)
    assert result is True
    assert line.startswith("  - WARNING: cluster : instance inst")


def test_a_node_in_no_group_is_told_with_its_instances(make: Make) -> None:
    _, lines = verified(make(config(BREAKAGES["a node in no group"].change)))
    (line,) = [line for line in lines if "belongs to a node group that does not exist" in line]
    assert line.startswith("  - ERROR: node : ")
    assert "(with instances: " in line


def test_an_instance_on_no_node_is_told(make: Make) -> None:
    _, lines = verified(make(config(BREAKAGES["an instance on no node"].change)))
    assert any("has a primary node that does not exist: inst" in line for line in lines)


@pytest.mark.parametrize(
    ("dialect", "good"), [(DIALECT_3_1, True), (DIALECT_3_0, False)], ids=["3.1", "3.0"]
)
def test_parameters_are_judged_as_the_release_does_that_is_spoken(
    base: Path, dialect: Dialect, good: bool
) -> None:
    def change(made: Document) -> None:
        made["cluster"]["hvparams"]["kvm"].update(disk_aio="io_uring", disk_discard="ignore")
        made["cluster"]["enabled_hypervisors"] = ["kvm"]

    world = make_world(base, clock=Clock(), config=config(change), dialect=dialect)
    try:
        result, lines = verified(world)
    finally:
        world.close()
    assert result is good
    assert (lines == []) is good
    assert all("'disk_aio' must be one of native, threads" in line for line in lines)


def test_wrong_hypervisor_parameters_are_told_with_their_source(make: Make) -> None:
    def change(made: Document) -> None:
        made["cluster"]["hvparams"]["kvm"]["disk_cache"] = "sometimes"
        made["cluster"]["os_hvp"]["noop"]["fake"] = {"migration_mode": "slow"}
        next(iter(made["instances"].values())).update(hypervisor="fake", hvparams={"acpi": True})

    _, lines = verified(make(config(change)))
    told = "\n".join(lines)
    assert "hypervisor kvm (cluster): parameter 'disk_cache' must be one of" in told
    assert "hypervisor fake (OS noop): parameter 'migration_mode' must be one of" in told
    assert "hypervisor fake (instance inst0.example.com): parameter 'acpi' is not" in told


def test_certificates_are_judged(make: Make, base: Path) -> None:
    directory = base / "var/lib/ganeti"
    (directory / "rapi.pem").unlink()
    (directory / "spice.pem").write_bytes(new_server(NOW_US, key_bits=1024).pem())
    result, lines = verified(make(config()))
    assert result is False
    assert len(lines) == 2
    assert lines[0].endswith("rapi.pem: it cannot be read: No such file or directory")
    assert lines[1].startswith("  - WARNING: cluster : certificate ")


def test_false_alarms_come_when_they_are_asked_for(make: Make) -> None:
    result, lines = verified(make(config()), OpClusterVerifyConfig(debug_simulate_errors=True))
    assert result is False
    assert len([line for line in lines if "false alarm" in line]) == 7
