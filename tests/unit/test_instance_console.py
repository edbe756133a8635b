"""How consoles are reached where the comparison with the reference cannot look: it fails there."""

from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from masterd.config.instance import Instance
from masterd.config.snapshot import ConfigSnapshot
from masterd.instance.console import console
from tests.lu_support import make_world

RUN_DIR = Path("/var/run/ganeti")
NO_CONSOLE = {"serial_console": False, "vnc_bind_address": "", "spice_bind": ""}


@pytest.fixture
def config(tmp_path: Path) -> ConfigSnapshot:
    world = make_world(tmp_path)
    world.close()
    return world.config.snapshot()


def told(
    config: ConfigSnapshot, hvparams: Mapping[str, object], port: int | None
) -> dict[str, object]:
    found = config.instances.named("inst1.lab.example")
    assert isinstance(found, Instance)
    kvm = msgspec.structs.replace(
        found, hypervisor="kvm", hvparams={**NO_CONSOLE, **hvparams}, network_port=port
    )
    return console(config, kvm, config.nodes[kvm.primary_node], RUN_DIR)


@pytest.mark.parametrize("way", ["vnc_bind_address", "spice_bind"])
def test_without_a_port_of_its_own_an_instance_has_no_console(
    config: ConfigSnapshot, way: str
) -> None:
    assert told(config, {way: "192.0.2.1"}, None)["kind"] == "msg"


def test_a_port_below_those_of_vnc_leads_to_no_display(config: ConfigSnapshot) -> None:
    assert told(config, {"vnc_bind_address": "192.0.2.1"}, 5900)["kind"] == "msg"


def test_the_serial_console_goes_before_all_others(config: ConfigSnapshot) -> None:
    both = {"serial_console": True, "vnc_bind_address": "192.0.2.1"}
    assert told(config, both, 5907)["kind"] == "ssh"
