"""A cluster's store is dumped while its daemon works, restored after a loss, and goes on."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests import system

SCRIPTS = Path(__file__).parents[2] / "scripts"
PATIENCE_S = 60


def run_script(daemon: system.Daemon, name: str, *arguments: str | Path) -> str:
    done = subprocess.run(
        [sys.executable, SCRIPTS / name, *arguments],
        env={**os.environ, **daemon.cluster.environment()},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_lost_cluster_goes_on_from_its_dump(tmp_path: Path) -> None:
    file = tmp_path / "dump"
    with system.simulated_cluster(nodes=1) as (cluster, _):
        with system.running(cluster) as daemon, daemon.client() as client:
            jobs = [client.call("SubmitJob", [system.delay_op()]) for _ in range(3)]
            assert all(system.wait_for_end(client, int(str(job))) == "success" for job in jobs)
            client.call("ArchiveJob", jobs[0])
            run_script(daemon, "dump", "--with-secrets", file)
            later = client.call("SubmitJob", [system.delay_op()])
        config = daemon.paths.config_file.read_bytes()

        shutil.rmtree(daemon.paths.store_dir)
        shutil.rmtree(daemon.paths.queue_dir)
        daemon.paths.config_file.unlink()
        run_script(daemon, "restore", file)

        with system.running(cluster) as daemon, daemon.client() as client:
            assert client.call("QueryJobs", jobs, ["id", "status"]) == [
                [job, "success"] for job in jobs
            ]
            # What came after the dump is gone, and its number is given out once more.
            assert client.call("SubmitJob", [system.delay_op()]) == later
            assert system.wait_for_end(client, int(str(later))) == "success"
        assert daemon.paths.config_file.read_bytes() == config
        assert "store: 0 problems" in run_script(daemon, "check")
