"""How fast opcodes change the configuration, the scripts of nodes around them included."""

from typing import Any, Final

from tests.benchmarks.figure import Figure
from tests.benchmarks.scenarios import NODES, cluster_with_daemon, cpu_s, load

CLIENTS: Final = 16


def units(quick: bool) -> list[Figure]:
    """Jobs that change the configuration: new groups with hooks, tags."""
    count = 40 if quick else 600
    add: dict[str, Any] = {"OP_ID": "OP_GROUP_ADD", "group_name": "g{n}", "reason": []}
    tag: dict[str, Any] = {
        "OP_ID": "OP_TAGS_SET", "kind": "nodegroup", "name": "g{n}", "tags": ["t"], "reason": [],
    }  # fmt: skip
    with cluster_with_daemon() as daemon:
        begun_s = cpu_s(daemon)
        added = load(daemon, "work", clients=CLIENTS, jobs=count, ops=[add])
        added_s = cpu_s(daemon)
        tagged = load(daemon, "work", clients=CLIENTS, jobs=count, ops=[tag])
        tagged_s = cpu_s(daemon)
    where = f"{CLIENTS} clients, {NODES} nodes"
    return [
        Figure("units", f"OP_GROUP_ADD with hooks, {where}", added["per_s"], "jobs/s", 100),
        Figure("units", "daemon's processor time for each", 1000 * (added_s - begun_s) / count,
               "ms"),
        Figure("units", f"OP_TAGS_SET, each on another object, {where}", tagged["per_s"], "jobs/s",
               300),
        Figure("units", "daemon's processor time for each", 1000 * (tagged_s - added_s) / count,
               "ms"),
    ]  # fmt: skip
