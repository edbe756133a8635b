"""The configuration of a running cluster: taken apart, put together, asked.

`data/config.data`, `data/query-cluster-info.json` and `data/ssconf` were recorded together on the
master of a Ganeti 3.0.2 cluster with four nodes and four instances.
"""

import json
from pathlib import Path

from masterd.config import document
from masterd.config.render import render
from masterd.dialect import DIALECT_3_0
from masterd.query.cluster_info import ARCHITECTURE, cluster_info, cluster_info_json

DATA = Path(__file__).parent / "data"
CONFIG_DATA = (DATA / "config.data").read_bytes()


def test_taken_apart_and_put_together_nothing_is_lost() -> None:
    recorded = json.loads(CONFIG_DATA)
    joined = document.join(document.split(recorded))
    assert joined == recorded


def test_the_rendering_has_the_bytes_the_reference_wrote() -> None:
    assert render(document.split(json.loads(CONFIG_DATA))) == CONFIG_DATA


def test_every_object_survives_as_a_row() -> None:
    recorded = json.loads(CONFIG_DATA)
    rows = {
        (kind.section, uuid): row for kind, uuid, row in document.rows(document.split(recorded))
    }
    cluster = recorded["cluster"]
    expected = {("cluster", cluster["uuid"]): cluster}
    for section in ("nodes", "nodegroups", "instances", "networks", "disks", "filters"):
        expected.update({(section, uuid): row for uuid, row in recorded[section].items()})
    assert rows == expected


def test_cluster_info_is_what_luxid_answered() -> None:
    recorded = json.loads((DATA / "query-cluster-info.json").read_text())["result"]
    recorded["architecture"] = list(ARCHITECTURE)
    info = cluster_info(document.split(json.loads(CONFIG_DATA)), DIALECT_3_0)
    assert info == recorded
    assert list(info) == list(recorded)


def test_encoded_cluster_info_is_the_same_answer_and_made_once() -> None:
    snapshot = document.split(json.loads(CONFIG_DATA))
    encode = cluster_info_json(DIALECT_3_0)
    encoded = encode(snapshot)
    assert json.loads(encoded) == cluster_info(snapshot, DIALECT_3_0)
    assert encode(snapshot) is encoded
