"""Instances that are made on different nodes are made at the same time."""

from typing import Any, Final

from masterd.luxi.client import Client
from masterd.testing.cluster import SimulatedCluster
from masterd.testing.control import NodeControl
from masterd.testing.faults import Fault, FaultKind
from tests import system
from tests.luxi_support import until

_NODES: Final = 10
#: A call in the middle of the work, which no node answers in these tests.
_CALL: Final = "instance_os_add"


def _ops(cluster: SimulatedCluster) -> list[dict[str, Any]]:
    """Return an opcode for a new instance on each node."""
    return [
        {
            "OP_ID": "OP_INSTANCE_CREATE", "reason": [], "instance_name": f"new{number}.lab",
            "mode": "create", "disk_template": "file", "disks": [{"size": 64}], "nics": [{}],
            "hypervisor": "fake", "os_type": "noop", "pnode": node.name, "name_check": False,
            "ip_check": False, "start": False,
        }
        for number, node in enumerate(cluster.nodes)
    ]  # fmt: skip


def _none_is_answered(cluster: SimulatedCluster, control: NodeControl) -> None:
    for node in cluster.nodes:
        control.set(node.name, Fault(FaultKind.HANG, calls=(_CALL,)))


def _await_all(cluster: SimulatedCluster, control: NodeControl) -> None:
    """Return once all nodes are in the call at the same time."""
    until(lambda: control.held() == {node.name: [_CALL] for node in cluster.nodes})


def _statuses(client: Client, ids: list[Any]) -> list[Any]:
    rows: Any = client.call("QueryJobs", ids, ["status"])
    return [status for (status,) in rows]


def test_ten_jobs_make_instances_on_ten_nodes_at_the_same_time() -> None:
    with system.simulated_cluster(nodes=_NODES) as (cluster, control):
        _none_is_answered(cluster, control)
        with system.running(cluster) as daemon, daemon.client() as client:
            ids = [client.call("SubmitJob", [op]) for op in _ops(cluster)]
            _await_all(cluster, control)
            assert _statuses(client, ids) == ["running"] * _NODES
            daemon.kill()


def test_jobs_that_place_instances_together_make_them_at_the_same_time() -> None:
    with system.simulated_cluster(nodes=_NODES) as (cluster, control):
        _none_is_answered(cluster, control)
        op = {"OP_ID": "OP_INSTANCE_MULTI_ALLOC", "reason": [], "instances": _ops(cluster)}
        with system.running(cluster) as daemon, daemon.client() as client:
            job_id: Any = client.call("SubmitJob", [op])
            assert system.wait_for_end(client, job_id) == "success"
            rows: Any = client.call("QueryJobs", [job_id], ["opresult"])
            ids = [child for taken, child in rows[0][0][0]["jobs"] if taken]
            _await_all(cluster, control)
            assert _statuses(client, ids) == ["running"] * _NODES
            daemon.kill()
