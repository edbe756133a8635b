"""Reading the simple configuration files."""

from pathlib import Path

import pytest

from masterd.errors import ConfigurationError
from masterd.ssconf import SimpleConfig

RECORDED = Path(__file__).parent.parent / "conformance" / "data" / "ssconf"


def test_recorded_files_answer_who_is_master_and_whom_to_ask() -> None:
    ssconf = SimpleConfig(RECORDED)
    assert ssconf.exists()
    assert ssconf.cluster_name() == "cluster.lab.example"
    assert ssconf.master_node() == "node1.lab.example"
    assert ssconf.node_list() == [f"node{n}.lab.example" for n in (1, 2, 3, 4)]
    assert ssconf.node_primary_ips()["node3.lab.example"] == "10.77.0.13"
    assert ssconf.offline_nodes() == []
    assert len(ssconf.master_candidates()) == 4
    assert ssconf.primary_ip_family() == 2


def test_a_machine_without_files_belongs_to_no_cluster(tmp_path: Path) -> None:
    ssconf = SimpleConfig(tmp_path)
    assert not ssconf.exists()
    with pytest.raises(ConfigurationError, match="ssconf_master_node: No such file"):
        ssconf.master_node()


def test_a_cluster_without_address_family_has_ipv4(tmp_path: Path) -> None:
    assert SimpleConfig(tmp_path).primary_ip_family() == 2


@pytest.mark.parametrize(
    ("key", "content", "message"),
    [
        ("master_node", b"\xff\n", "not UTF-8"),
        ("master_node", b"x" * 131073, "exceeds 131072 bytes"),
        ("node_primary_ips", b"node1\n", "'node1' is not a pair"),
        ("primary_ip_family", b"4\n", "holds '4'"),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, key: str, content: bytes, message: str) -> None:
    (tmp_path / f"ssconf_{key}").write_bytes(content)
    ssconf = SimpleConfig(tmp_path)
    with pytest.raises(ConfigurationError, match=message):
        if key == "node_primary_ips":
            ssconf.node_primary_ips()
        elif key == "primary_ip_family":
            ssconf.primary_ip_family()
        else:
            ssconf.master_node()
