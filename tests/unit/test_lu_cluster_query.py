"""OP_CLUSTER_QUERY and OP_CLUSTER_CONFIG_QUERY."""

import json
from pathlib import Path
from typing import Any

import pytest

from masterd import constants
from masterd.errors import OpPrereqError
from tests.lu_support import WATCHER_PAUSE_S, World, op

RECORDED = Path(__file__).parents[1] / "conformance/data/query-cluster-info.json"


def test_the_answer_is_that_of_a_real_cluster_for_its_enabled_hypervisors(world: World) -> None:
    answer: Any = json.loads(json.dumps(world.run(op("OP_CLUSTER_QUERY"))))
    recorded = json.loads(RECORDED.read_bytes())["result"]
    enabled = recorded["enabled_hypervisors"]
    recorded["hvparams"] = {name: recorded["hvparams"][name] for name in enabled}
    moving = ("architecture", "mtime", "tags")
    assert {key: value for key, value in answer.items() if key not in moving} == {
        key: value for key, value in recorded.items() if key not in moving
    }


def test_values_come_in_the_order_of_the_fields(world: World) -> None:
    config = world.config.snapshot()
    fields = ["drain_flag", "cluster_name", "master_node", "watcher_pause", "software_version"]
    assert world.run(op("OP_CLUSTER_CONFIG_QUERY", output_fields=fields)) == [
        False,
        config.cluster.cluster_name,
        config.master.name,
        WATCHER_PAUSE_S,
        constants.RELEASE_VERSION,
    ]


def test_unknown_fields_are_refused_all_together(world: World) -> None:
    asked = op("OP_CLUSTER_CONFIG_QUERY", output_fields=["zzz", "cluster_name", "aaa"])
    with pytest.raises(OpPrereqError, match="Unknown output fields selected: aaa, zzz"):
        world.run(asked)
