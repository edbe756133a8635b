"""How fast instances are made, on simulated nodes that answer at once."""

import time
from typing import Any, Final

from tests import system
from tests.benchmarks.figure import Figure
from tests.benchmarks.load import private_bytes
from tests.benchmarks.scenarios import cluster_with_daemon, cpu_s, load
from tests.system import Daemon

_CLIENTS: Final = 20
_NODES: Final = 20
_MIB: Final = 1024 * 1024


def guests(quick: bool) -> list[Figure]:
    """1,000 instances by as many jobs, each with a disk and a NIC, spread over 20 nodes."""
    count, nodes = (40, 4) if quick else (1000, _NODES)
    with cluster_with_daemon(nodes=nodes) as daemon:
        before = private_bytes(daemon.process.pid)
        used_s = cpu_s(daemon)
        made = load(
            daemon, "work", clients=_CLIENTS, jobs=count, nodes=_names(daemon),
            ops=[_creation("file", [{"size": 128}], [{}])],
        )  # fmt: skip
        used_s = cpu_s(daemon) - used_s
        after = private_bytes(daemon.process.pid)
    where = f"{count:,} on {nodes} nodes, {_CLIENTS} clients"
    return [
        Figure("guests", f"instances made, {where}", made["per_s"], "jobs/s"),
        Figure("guests", "submit to end, median", made["median_ms"], "ms"),
        Figure("guests", "submit to end, p99", made["p99_ms"], "ms"),
        Figure("guests", "daemon's processor time for each", 1000 * used_s / count, "ms"),
        Figure("guests", "daemon's private memory more than before", (after - before) / _MIB,
               "MiB"),
    ]  # fmt: skip


def many(quick: bool) -> list[Figure]:
    """100 instances without disks: by one OP_INSTANCE_MULTI_ALLOC, and by 100 jobs."""
    count = 20 if quick else 100
    with cluster_with_daemon() as daemon:
        names = _names(daemon)
        creation = _creation("diskless", [], [])
        apart = load(daemon, "work", clients=count, jobs=count, nodes=names, ops=[creation])
        ops = [
            {**creation, "instance_name": f"many{n}.example.com", "pnode": names[n % len(names)]}
            for n in range(count)
        ]
        began_s = time.monotonic()
        _finish(daemon, {"OP_ID": "OP_INSTANCE_MULTI_ALLOC", "instances": ops, "reason": []})
        took_s = time.monotonic() - began_s
    return [
        Figure("many", f"{count} instances without disks, by as many jobs", apart["elapsed_s"],
               "s"),
        Figure("many", f"{count} instances without disks, by one job for all", took_s, "s"),
    ]  # fmt: skip


def _creation(template: str, disks: list[dict[str, Any]], nics: list[dict[str, Any]]) -> Any:
    return {
        "OP_ID": "OP_INSTANCE_CREATE", "mode": "create", "instance_name": "inst{n}.example.com",
        "disk_template": template, "disks": disks, "nics": nics, "os_type": "noop",
        "pnode": "{node}", "name_check": False, "ip_check": False, "start": True,
        "hypervisor": "fake", "beparams": {}, "hvparams": {}, "osparams": {}, "reason": [],
    }  # fmt: skip


def _names(daemon: Daemon) -> list[str]:
    return [node.name for node in daemon.cluster.nodes]


def _finish(daemon: Daemon, op: dict[str, Any]) -> None:
    """Wait for a job and all that it has submitted."""
    with daemon.client() as client:
        first = client.call("SubmitJob", [op])
        assert system.wait_for_end(client, int(str(first))) == "success"
        answer: Any = client.call("QueryJobs", [first], ["opresult"])
        for taken, job_id in answer[0][0][0]["jobs"]:
            assert taken, job_id
            assert system.wait_for_end(client, job_id) == "success"
