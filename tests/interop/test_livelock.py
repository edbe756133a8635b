"""What luxid makes of our jobs when our daemon was killed: they are dead, and it says so."""

import json
import signal
from pathlib import Path
from typing import Any

from masterd.clock import SystemClock
from masterd.config import document
from masterd.luxi.client import Client
from masterd.paths import Paths
from tests import system
from tests.interop import debian, luxid, masters
from tests.interop.luxid import needs_luxid
from tests.luxi_support import until
from tests.sample_config import sample

pytestmark = needs_luxid


def holding(*ops: dict[str, object]) -> list[dict[str, object]]:
    """Return opcodes of a job that ends with one that holds the master's lock."""
    return [*ops, system.delay_op(3600.0, on_master=True, interruptible=True, no_locks=False)]


def job_file(paths: Paths, job_id: int) -> Any:
    """Return the content of a live job's file."""
    return json.loads((paths.queue_dir / f"job-{job_id}").read_bytes())


def statuses(paths: Paths, job_id: int) -> list[str]:
    """Return what the opcodes' states are in a job's file, nothing before there is one."""
    try:
        return [op["status"] for op in job_file(paths, job_id)["ops"]]
    except FileNotFoundError:
        return []


def test_jobs_that_ran_or_waited_when_the_daemon_was_killed_end_under_luxid() -> None:
    made = sample(5)
    made["filters"] = {}  # A rule would hold the jobs.
    config = document.split(made)
    with masters.root(config) as root:
        paths = Paths(root, root.name)
        running, waiting = leave_jobs_behind(paths)
        livelock = Path(job_file(paths, running)["livelock"])
        assert livelock.exists(), "a daemon that is killed removes nothing"
        luxid.give(root)
        written = json.loads(paths.config_file.read_bytes())
        with luxid.luxid(root, config_serial=written["serial_no"]) as socket:
            for job_id in (running, waiting):
                # By itself it looks every 307 s; who wants to kill a job makes it look now.
                told = luxid.ask(socket, "CancelJob", [job_id, True])
                assert told == [True, f"Job {job_id} has been already dead"]
            # Also those that had succeeded: it has one end for the whole job.
            until(lambda: statuses(paths, running) == ["error"] * 3)
            until(lambda: statuses(paths, waiting) == ["error"])


def leave_jobs_behind(paths: Paths) -> tuple[int, int]:
    """Kill a daemon with a job that runs and one that waits; return their ids."""
    arguments = ["--no-voting", "--yes-do-it"]
    process = system.spawn(paths.environment(), arguments=arguments)
    try:
        with Client(
            str(paths.query_socket),
            connect_s=system.START_S,
            answer_s=system.START_S,
            should_serve=lambda: process.poll() is None,
            clock=SystemClock(),
        ) as client:
            ops = [*holding(system.delay_op()), system.delay_op()]
            running = client.call("SubmitJob", ops)
            assert isinstance(running, int)
            debian.wait_for(
                client, running, "opstatus", lambda value: value == ["success", "running", "queued"]
            )
            waiting = client.call("SubmitJob", holding())
            assert isinstance(waiting, int)
            debian.wait_for_status(client, waiting, "waiting")
        until(lambda: statuses(paths, running) == ["success", "running", "queued"])
        until(lambda: statuses(paths, waiting) == ["waiting"])
        assert job_file(paths, running)["process_id"] == process.pid
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(system.END_S)
    return running, waiting
