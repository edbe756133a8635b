"""The cluster's address comes up beside everything else."""

from masterd.testing.faults import Fault, FaultKind
from tests import system
from tests.luxi_support import until


def test_a_node_daemon_that_hangs_delays_neither_start_nor_end() -> None:
    with system.simulated_cluster(nodes=1) as (cluster, control):
        control.set(cluster.master.name, Fault(FaultKind.HANG, calls=("node_activate_master_ip",)))
        with system.running(cluster) as daemon:
            until(lambda: "INFO Serving" in daemon.log())
            assert daemon.stop() == 0


def test_the_address_is_activated_and_a_failure_is_only_logged() -> None:
    with system.simulated_cluster(nodes=1) as (cluster, control):
        with system.running(cluster):
            until(lambda: control.counts()[cluster.master.name].get("node_activate_master_ip") == 1)
        control.set(cluster.master.name, Fault(FaultKind.FAIL, calls=("node_activate_master_ip",)))
        with system.running(cluster) as daemon:
            until(lambda: "Cannot activate the master IP address" in daemon.log())
