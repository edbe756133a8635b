"""Another master worked on the files while this daemon was away."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from masterd.errors import GanetiError
from masterd.luxi.client import Client
from masterd.testing.cluster import SimulatedCluster
from tests import system

SETTINGS = "vote_pause_s = 0.1\n"
PATIENCE_S = 60
REPOSITORY = Path(__file__).parents[2]


def run_jobs(client: Client, number: int) -> list[int]:
    """Have some jobs carried out; return their ids."""
    ids = [client.call("SubmitJob", [system.delay_op()]) for _ in range(number)]
    jobs = [int(str(job_id)) for job_id in ids]
    assert all(system.wait_for_end(client, job_id) == "success" for job_id in jobs)
    return jobs


def as_another_master(daemon: system.Daemon, *, jobs: int = 5, serials: int = 5) -> list[int]:
    """Change the files as a master does that carries out jobs and tags the cluster.

    Returns the ids of its jobs.
    """
    path = daemon.paths.config_file
    config = json.loads(path.read_bytes())
    config["serial_no"] += serials
    config["cluster"]["serial_no"] += serials
    config["cluster"]["tags"] = ["by:another"]
    path.write_text(json.dumps(config))
    queue = daemon.paths.queue_dir
    last = int((queue / "serial").read_text())
    model = json.loads((queue / f"job-{last}").read_bytes())
    ids = list(range(last + 1, last + 1 + jobs))
    for job_id in ids:
        (queue / f"job-{job_id}").write_text(json.dumps({**model, "id": job_id}))
    (queue / "serial").write_text(f"{last + jobs}\n")
    return ids


def command(cluster: SimulatedCluster, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Start the daemon as an administrator does."""
    return subprocess.run(
        [sys.executable, "-m", "masterd", *arguments],
        env={**os.environ, **cluster.environment()},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        cwd=REPOSITORY,
    )


def refused(cluster: SimulatedCluster, *arguments: str) -> str:
    """Start the daemon; return why it does not serve."""
    done = command(cluster, *arguments)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def files(directory: Path) -> dict[str, bytes]:
    """Return everything below a directory that another master may have changed."""
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in (directory / "config.data", *(directory / "queue").rglob("*"))
        if path.is_file()
    }


def job_names(daemon: system.Daemon) -> set[str]:
    return {path.name for path in daemon.paths.queue_dir.glob("job-*")}


def adopting(cluster: SimulatedCluster) -> AbstractContextManager[system.Daemon]:
    return system.running(cluster, arguments=["--adopt-files"])


def tags(client: Client) -> object:
    return client.call("QueryTags", "cluster", "")


@pytest.fixture
def left() -> Iterator[tuple[system.Daemon, list[int], list[int]]]:
    """A daemon that ended, its jobs, and those of a master that came after it."""
    with system.simulated_cluster(nodes=1, settings=SETTINGS) as (cluster, _):
        with system.running(cluster) as daemon, daemon.client() as client:
            ours = run_jobs(client, 3)
        yield daemon, ours, as_another_master(daemon)


Left = tuple[system.Daemon, list[int], list[int]]


def test_files_that_are_newer_than_the_store_refuse_the_start(left: Left) -> None:
    daemon, ours, theirs = left
    before = files(daemon.paths.data_dir)
    serial_no = json.loads(before["config.data"])["serial_no"]
    told = refused(daemon.cluster)
    assert files(daemon.paths.data_dir) == before
    assert f"serial number of the store: {serial_no - 5} " in told
    assert f"of config.data: {serial_no} " in told
    assert f"last job of the store: {ours[-1]}, of the queue's files: {theirs[-1]}" in told
    for way in ("--adopt-files", "--keep-store", "ganeti-masterd-check"):
        assert way in told
    checked = subprocess.run(
        [sys.executable, REPOSITORY / "scripts/check"],
        env={**os.environ, **daemon.cluster.environment()},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert checked.returncode == 1, checked.stderr
    assert f"serial_no is {serial_no - 5} in the store, {serial_no} in the file" in checked.stdout
    assert "serial_no, tags differs" in checked.stdout
    assert f"job-{theirs[0]}: of a job that the store does not know" in checked.stdout
    assert refused(daemon.cluster) == told


def test_adopted_files_replace_the_store_which_is_put_aside(left: Left) -> None:
    daemon, ours, theirs = left
    with adopting(daemon.cluster) as daemon, daemon.client() as client:
        assert tags(client) == ["by:another"]
        jobs = client.call("QueryJobs", [*ours, *theirs], ["id", "status"])
        assert jobs == [[i, "success"] for i in (*ours, *theirs)]
        assert run_jobs(client, 1) == [theirs[-1] + 1]
    (aside,) = daemon.paths.data_dir.glob("masterd-store.*")
    assert (aside / "data.mdb").exists()
    with adopting(daemon.cluster) as daemon:
        assert "nobody else has written: --adopt_files has nothing to do" in daemon.log()
    assert list(daemon.paths.data_dir.glob("masterd-store.*")) == [aside]


def test_a_kept_store_outlives_the_files_which_are_put_aside(left: Left) -> None:
    daemon, ours, theirs = left
    theirs_config = json.loads(daemon.paths.config_file.read_bytes())
    keeping = system.running(daemon.cluster, arguments=["--keep-store"])
    with keeping as daemon, daemon.client() as client:
        assert tags(client) == []
        assert client.call("QueryJobs", theirs, ["status"]) == [[None]] * len(theirs)
        # Whoever has seen one of their jobs must not find another under its number.
        (next_id,) = run_jobs(client, 1)
        assert next_id == theirs[-1] + 1
    (aside,) = daemon.paths.data_dir.glob("masterd-files.*")
    assert json.loads((aside / "config.data").read_bytes()) == theirs_config
    assert {path.name for path in (aside / "queue").iterdir()} == {f"job-{i}" for i in theirs}
    assert job_names(daemon) == {f"job-{i}" for i in (*ours, next_id)}
    written = json.loads(daemon.paths.config_file.read_bytes())
    assert written["serial_no"] > theirs_config["serial_no"]
    assert str(theirs[0]) in daemon.log()
    with system.running(daemon.cluster):
        pass


def test_files_that_were_lent_are_taken_over_where_they_hold_the_store(left: Left) -> None:
    daemon, ours, theirs = left
    daemon.paths.lent_file.touch()
    with system.running(daemon.cluster) as daemon, daemon.client() as client:
        assert tags(client) == ["by:another"]
        jobs = client.call("QueryJobs", [*ours, *theirs], ["id", "status"])
        assert jobs == [[i, "success"] for i in (*ours, *theirs)]
    assert len(list(daemon.paths.data_dir.glob("masterd-store.*"))) == 1
    assert not daemon.paths.lent_file.exists()
    # The next master that comes unannounced is refused again.
    as_another_master(daemon)
    refused(daemon.cluster)


def test_files_that_were_lent_and_lack_a_job_of_the_store_refuse_the_start(left: Left) -> None:
    daemon, ours, _ = left
    daemon.paths.lent_file.touch()
    (daemon.paths.queue_dir / f"job-{ours[0]}").unlink()
    before = files(daemon.paths.data_dir)
    assert "--adopt-files" in refused(daemon.cluster)
    assert files(daemon.paths.data_dir) == before
    assert daemon.paths.lent_file.exists()


def test_files_that_were_lent_and_give_a_job_to_another_refuse_the_start(left: Left) -> None:
    daemon, ours, theirs = left
    daemon.paths.lent_file.touch()
    queue = daemon.paths.queue_dir
    other = json.loads((queue / f"job-{theirs[0]}").read_bytes())
    seconds, microseconds = other["received_timestamp"]
    other |= {"id": ours[0], "received_timestamp": [seconds + 1, microseconds]}
    (queue / f"job-{ours[0]}").write_text(json.dumps(other))
    assert "--adopt-files" in refused(daemon.cluster)


def test_an_older_configuration_that_was_lent_refuses_the_start(left: Left) -> None:
    daemon, _, _ = left
    daemon.paths.lent_file.touch()
    as_another_master(daemon, jobs=0, serials=-10)
    assert "--adopt-files" in refused(daemon.cluster)


def test_what_a_kept_store_costs_is_told_on_the_terminal(left: Left) -> None:
    daemon, _, theirs = left
    done = command(daemon.cluster, "--keep-store")
    assert done.returncode == 0, done.stderr
    system.kill_and_wait(int(daemon.paths.pid_file.read_text()), signal.SIGTERM)
    assert "masterd-files." in done.stderr
    assert f"jobs that the store does not know: {theirs[0]}, " in done.stderr


@pytest.mark.parametrize("serial_added", [5, 1, 0, -1])
def test_a_configuration_of_another_is_never_overwritten_unseen(serial_added: int) -> None:
    with system.simulated_cluster(nodes=1, settings=SETTINGS) as (cluster, _):
        with system.running(cluster) as daemon, daemon.client() as client:
            op = {"OP_ID": "OP_TAGS_SET", "kind": "cluster", "name": None, "tags": ["ours"],
                  "reason": []}  # fmt: skip
            system.wait_for_end(client, int(str(client.call("SubmitJob", [op]))))
        as_another_master(daemon, jobs=0, serials=serial_added)
        before = daemon.paths.config_file.read_bytes()
        assert "config.data is not what was last written" in refused(cluster)
        assert daemon.paths.config_file.read_bytes() == before


def test_a_configuration_that_says_the_same_in_other_bytes_is_ours() -> None:
    with system.simulated_cluster(nodes=1, settings=SETTINGS) as (cluster, _):
        with system.running(cluster) as daemon:
            path = daemon.paths.config_file
        path.write_text(json.dumps(json.loads(path.read_bytes()), indent=1))
        with system.running(cluster):
            pass


def test_a_store_that_vanished_is_no_first_start() -> None:
    with system.simulated_cluster(nodes=1, settings=SETTINGS) as (cluster, _):
        with system.running(cluster) as daemon, daemon.client() as client:
            ours = run_jobs(client, 1)
        aside = daemon.paths.data_dir / "masterd-store.old"
        daemon.paths.store_dir.rename(aside)
        told = refused(cluster)
        assert str(aside) in told
        assert "--adopt-files" in told
        assert not daemon.paths.store_dir.exists()
        with adopting(cluster) as daemon, daemon.client() as client:
            assert client.call("QueryJobs", ours, ["status"]) == [["success"]]


def test_the_drain_flag_follows_its_file() -> None:
    with system.simulated_cluster(nodes=1, settings=SETTINGS) as (cluster, _):
        with system.running(cluster) as daemon:
            drain = daemon.paths.queue_dir / "drain"
        drain.touch()
        with system.running(cluster) as daemon, daemon.client() as client:
            with pytest.raises(GanetiError, match="drained"):
                client.call("SubmitJob", [system.delay_op()])
            client.call("SetDrainFlag", True)
        drain.unlink()
        with system.running(cluster) as daemon, daemon.client() as client:
            run_jobs(client, 1)


def test_nothing_counts_of_a_first_start_that_was_refused() -> None:
    with system.simulated_cluster(nodes=1, settings=SETTINGS) as (cluster, _):
        with system.running(cluster) as daemon, daemon.client() as client:
            ours = run_jobs(client, 1)
        shutil.rmtree(daemon.paths.store_dir)
        with (daemon.paths.queue_dir / "lock").open("r+") as lock:
            fcntl.lockf(lock, fcntl.LOCK_EX)
            assert "is locked: another master daemon" in refused(cluster)
        unreadable = daemon.paths.queue_dir / f"job-{ours[0] + 1}"
        unreadable.write_bytes(b"")
        assert f"{unreadable}: " in refused(cluster)
        unreadable.unlink()
        assert not list(daemon.paths.data_dir.glob("*masterd-store*"))

        theirs = as_another_master(daemon)
        with system.running(cluster) as daemon, daemon.client() as client:
            assert tags(client) == ["by:another"]
            assert run_jobs(client, 1) == [theirs[-1] + 1]
        assert json.loads(daemon.paths.config_file.read_bytes())["cluster"]["tags"] == [
            "by:another"
        ]


def test_a_queue_that_cannot_be_looked_at_refuses_the_start_in_a_line(left: Left) -> None:
    daemon, _, _ = left
    serial = daemon.paths.queue_dir / "serial"
    serial.unlink()
    serial.mkdir()
    told = refused(daemon.cluster)
    assert str(serial) in told.splitlines()[-1], told
    assert "Traceback" not in daemon.paths.log_file.read_text()


@pytest.mark.parametrize("way", ["--adopt-files", "--keep-store"])
def test_a_job_that_another_master_still_runs_refuses_the_start(left: Left, way: str) -> None:
    daemon, _, theirs = left
    path = daemon.paths.queue_dir / f"job-{theirs[-1]}"
    livelock = daemon.paths.run_dir / "livelocks" / "job_000008_1"
    job = json.loads(path.read_bytes()) | {"end_timestamp": None, "livelock": str(livelock)}
    job["ops"][0] |= {"status": "running", "end_timestamp": None}
    path.write_text(json.dumps(job))
    with livelock.open("w") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        assert f"{path}: it is still being run" in refused(daemon.cluster, way)
    with system.running(daemon.cluster, arguments=[way]):
        pass


@pytest.mark.parametrize("is_destroyed", [True, False])
def test_a_cluster_that_comes_after_a_destroyed_one_begins_anew(is_destroyed: bool) -> None:
    with system.simulated_cluster(nodes=1, settings=SETTINGS) as (cluster, _):
        with system.running(cluster) as daemon, daemon.client() as client:
            ours = run_jobs(client, 2)
            if is_destroyed:
                op = {"OP_ID": "OP_CLUSTER_DESTROY", "reason": []}
                job_id = int(str(client.call("SubmitJob", [op])))
                assert system.wait_for_end(client, job_id) == "success"
        # `gnt-cluster init` begins nothing where the former master has left its lock.
        assert (daemon.paths.queue_dir / "lock").exists() != is_destroyed
        begin_another_cluster(daemon)
        if not is_destroyed:
            assert "config.data is of another cluster" in refused(cluster)
            return
        with system.running(cluster) as daemon, daemon.client() as client:
            assert client.call("QueryJobs", ours, ["status"]) == [[None]] * len(ours)
            assert run_jobs(client, 1) == [1]
        assert len(list(daemon.paths.data_dir.glob("masterd-store.*"))) == 1


def begin_another_cluster(daemon: system.Daemon) -> None:
    """Leave the files of a cluster that has just begun on the same node."""
    path = daemon.paths.config_file
    config = json.loads(path.read_bytes())
    config["cluster"]["uuid"] = "11111111-2222-4333-8444-555555555555"
    config["serial_no"] = config["cluster"]["serial_no"] = 1
    path.write_text(json.dumps(config))
    shutil.rmtree(daemon.paths.queue_dir)
    daemon.paths.queue_dir.mkdir()
