"""Old files leave the mirror's archive where settings ask for it; the jobs stay in the store."""

import os
from pathlib import Path

import gevent

from exporter.cleaning import DAY_S, clean
from exporter.layout import Layout
from exporter.rebuild import compare
from store.store import Store
from tests import system
from tests.luxi_support import until


def make_old(path: Path, days: float) -> None:
    """Let a file look as if it was last changed days ago."""
    then_s = path.stat().st_mtime - days * DAY_S
    os.utime(path, (then_s, then_s))


def test_old_files_are_removed_and_their_jobs_are_no_fault() -> None:
    with system.simulated_cluster(nodes=1, settings="archive_keep_days = 21") as (cluster, _):
        layout = Layout(cluster.queue(cluster.master))
        with system.running(cluster) as daemon, daemon.client() as client:
            jobs = [client.call("SubmitJob", [system.delay_op()]) for _ in range(3)]
            for job_id in jobs:
                assert isinstance(job_id, int)
                assert system.wait_for_end(client, job_id) == "success"
                assert client.call("ArchiveJob", job_id) is True
            until(lambda: layout.archived_job(3).exists())
        make_old(layout.archived_job(1), 22)
        make_old(layout.archived_job(2), 20)
        with system.running(cluster) as daemon, daemon.client() as client:
            until(lambda: not layout.archived_job(1).exists())
            until(lambda: "1 old files were removed from the archive" in daemon.log())
            assert client.call("QueryJobs", [1], ["status"]) == [["success"]]
        assert layout.archived_job(2).exists()
        assert layout.archived_job(3).exists()
        store = Store.open(daemon.paths.store_dir, read_only=True)
        try:
            found = compare(store, layout)
        finally:
            store.close()
        assert (found.differences, found.archived, found.removed) == ([], 3, 1)


def test_nothing_is_removed_unless_asked_for() -> None:
    with system.simulated_cluster(nodes=1) as (cluster, _):
        layout = Layout(cluster.queue(cluster.master))
        with system.running(cluster) as daemon, daemon.client() as client:
            assert client.call("SubmitJob", [system.delay_op()]) == 1
            assert system.wait_for_end(client, 1) == "success"
            assert client.call("ArchiveJob", 1) is True
            until(lambda: layout.archived_job(1).exists())
        make_old(layout.archived_job(1), 4000)
        with system.running(cluster) as daemon:
            until(lambda: "INFO Serving" in daemon.log())
            gevent.idle()
        assert layout.archived_job(1).exists()


def test_links_and_jobs_that_the_store_does_not_keep_stay(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "queue")
    (layout.archive / "0").mkdir(parents=True)
    layout.archived_job(99).write_bytes(b"{}")
    target = tmp_path / "target"
    target.write_bytes(b"")
    layout.archived_job(1).symlink_to(target)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "job-10001").write_bytes(b"")
    (layout.archive / "1").symlink_to(elsewhere)
    store = Store.open(tmp_path / "store")
    try:
        assert clean(store, layout, 4e9) == 0
    finally:
        store.close()
    assert layout.archived_job(99).exists()
    assert layout.archived_job(1).is_symlink()
    assert (elsewhere / "job-10001").exists()
