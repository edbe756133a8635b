"""QueryConfigValues, and what the watcher's pause file means."""

import json
from pathlib import Path

import pytest

from masterd.config import document
from masterd.query.config_values import ClusterState, config_values, parse_watcher_pause

CONFIG_DATA = Path(__file__).parent.parent / "conformance" / "data" / "config.data"


@pytest.fixture
def state() -> ClusterState:
    config = document.split(json.loads(CONFIG_DATA.read_bytes()))
    return ClusterState(config=config, drained=True, watcher_pause=1795459999)


def test_known_names_give_the_values_luxid_gives(state: ClusterState) -> None:
    names = [
        "cluster_name", "watcher_pause", "master_node", "drain_flag", "modify_ssh_setup",
        "ssh_key_type", "ssh_key_bits",
    ]  # fmt: skip
    assert config_values(state, names) == [
        "cluster.lab.example", 1795459999, "node1.lab.example", True, True, "rsa", 2048,
    ]  # fmt: skip


def test_an_unknown_name_gives_none_in_its_place(state: ClusterState) -> None:
    assert config_values(state, ["no_such_thing", "drain_flag"]) == [None, True]


def test_asking_nothing_answers_nothing(state: ClusterState) -> None:
    assert config_values(state, []) == []


@pytest.mark.parametrize(
    ("text", "until"),
    [
        (None, None),
        ("", None),
        ("1795459999\n", 1795459999),
        ("1005\n", None),
        ("1795459999.25\n", None),
        ("abc\n", None),
    ],
)
def test_a_pause_is_a_whole_number_of_seconds_in_the_future(
    text: str | None, until: int | None
) -> None:
    assert parse_watcher_pause(text, now_s=1795450000.0) == until
