"""The whole daemon and its master candidates: who waits for them, and for which."""

from collections.abc import Iterator
from typing import Final

import gevent

from exporter.sender import CALLS_MAX
from masterd.testing.faults import Fault, FaultKind
from tests import system

#: Clients, and jobs of all of them; seconds a slow candidate takes for a call.
CLIENTS: Final = 16
JOBS: Final = 500
CALL_S: Final = 0.05

WAITING: Final = "vote_pause_s = 0.1\nwait_for_candidates = true\nwait_for_candidates_s = 60\n"


def test_a_submission_waits_for_the_candidates_that_can_be_reached_and_for_no_others() -> None:
    with (
        system.simulated_cluster(settings=WAITING) as (cluster, control),
        system.running(cluster) as daemon,
        daemon.client() as client,
    ):
        _, refusing, hanging, well = cluster.nodes
        job_id = client.call("SubmitJob", [system.delay_op(60.0)])
        for node in (refusing, hanging, well):
            assert (cluster.queue(node) / f"job-{job_id}").exists()
        control.set(refusing.name, Fault(FaultKind.REFUSE))
        control.set(hanging.name, Fault(FaultKind.HANG))
        # Refused would be an error; the first waits until the one that hangs counts as unreachable.
        for _ in range(3):
            job_id = client.call("SubmitJob", [system.delay_op(60.0)])
            assert (cluster.queue(well) / f"job-{job_id}").exists()
            assert not (cluster.queue(refusing) / f"job-{job_id}").exists()
        mirror = daemon.status()["mirror"]
        assert set(mirror["troubles"]) == {refusing.name, hanging.name}
        assert mirror["reachable"] == [well.name]
        control.clear()
        daemon.wait_replicated()
        assert (cluster.queue(refusing) / f"job-{job_id}").exists()
        daemon.kill()


def test_at_full_load_slow_candidates_hold_all_but_the_newest_jobs() -> None:
    settings = "vote_pause_s = 0.1\ncandidates_behind_max_s = 1\n"
    with (
        system.simulated_cluster(nodes=3, settings=settings) as (cluster, control),
        system.running(cluster) as daemon,
    ):
        for node in cluster.nodes[1:]:
            control.set(
                node.name, Fault(FaultKind.DELAY, calls=("jobqueue_update",), delay_s=CALL_S)
            )
        submitted = unheld = 0

        def held() -> int:
            return max(
                sum(1 for _ in cluster.queue(node).glob("job-*")) for node in cluster.nodes[1:]
            )

        def client(numbers: Iterator[int]) -> None:
            nonlocal submitted, unheld
            with daemon.client() as client:
                for _ in numbers:
                    client.call("SubmitJob", [system.delay_op()])
                    submitted += 1
                    unheld = max(unheld, submitted - held())

        numbers = iter(range(JOBS))
        clients = [gevent.spawn(client, numbers) for _ in range(CLIENTS)]
        gevent.joinall(clients, raise_error=True)
        # What one of them can take in the second that is allowed, and one more of each client.
        assert unheld <= CALLS_MAX / CALL_S + CLIENTS
        entrance = daemon.status()["mirror"]["entrance"]
        assert entrance["waited"] > 0
        assert entrance["behind_max_s"] == 1.0
        daemon.wait_replicated()
        calls = control.counts()[cluster.nodes[1].name]["jobqueue_update"]
        assert calls <= 2 * JOBS, "candidates that cannot keep up get each job's newest state"
