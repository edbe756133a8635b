"""What is removed under the running daemon: made again within seconds, or refused and told once."""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import gevent
import pytest

from masterd.errors import GanetiError
from masterd.keeper import Keeper
from masterd.luxi.client import ClientError
from tests import system
from tests.system import Daemon

PATIENCE_S: Final = 60.0


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with (
        system.simulated_cluster(nodes=1) as (cluster, _),
        system.running(cluster) as started,
    ):
        yield started
        assert "Traceback" not in started.log()


def wait_until(condition: Callable[[], bool]) -> None:
    with gevent.Timeout(PATIENCE_S):
        while not condition():
            gevent.sleep(0.05)


def answers(daemon: Daemon) -> bool:
    with contextlib.suppress(ClientError), daemon.client() as client:
        return isinstance(client.call("SubmitJob", [system.delay_op()]), int)
    return False


def held(path: Path) -> bool:
    """Tell whether somebody holds the record lock of a file."""
    with path.open("r+b") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


@pytest.mark.parametrize("name", ["query_socket", "master_socket"])
def test_a_removed_socket_is_there_again(daemon: Daemon, name: str) -> None:
    path: Path = getattr(daemon.paths, name)
    assert path.stat().st_mode & 0o777 == 0o660
    path.unlink()
    wait_until(path.is_socket)
    assert path.stat().st_mode & 0o777 == 0o660
    assert answers(daemon)


def test_removed_sockets_and_their_directory_are_there_again(daemon: Daemon) -> None:
    shutil.rmtree(daemon.paths.socket_dir)
    wait_until(daemon.paths.query_socket.is_socket)
    wait_until(daemon.paths.master_socket.is_socket)
    assert answers(daemon)


def test_a_removed_pid_file_is_there_again_and_held(daemon: Daemon) -> None:
    path = daemon.paths.pid_file
    path.unlink()
    wait_until(lambda: path.exists() and path.read_text() == f"{daemon.pid}\n")
    assert held(path)


def test_a_removed_status_file_is_there_again(daemon: Daemon) -> None:
    daemon.paths.status_file.unlink()
    assert daemon.status()["pid"] == daemon.pid


def test_all_of_the_run_directory_is_there_again(daemon: Daemon) -> None:
    # In one step: what is emptied file by file may get a new one meanwhile.
    daemon.paths.run_dir.rename(daemon.paths.root / "removed")
    for path in (daemon.paths.query_socket, daemon.paths.pid_file, daemon.paths.status_file):
        wait_until(path.exists)
    assert answers(daemon)


def test_a_removed_log_goes_on_in_a_new_one(daemon: Daemon) -> None:
    daemon.paths.log_file.unlink()
    wait_until(lambda: "The log was another file" in daemon.log())
    assert daemon.paths.log_file.stat().st_mode & 0o777 == 0o600


def test_a_log_that_was_rotated_away_goes_on_in_a_new_one(daemon: Daemon) -> None:
    log = daemon.paths.log_file
    log.rename(log.with_suffix(".1"))
    log.touch(mode=0o644)
    wait_until(lambda: "The log was another file" in daemon.log())
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_removed_queue_is_there_again_with_its_lock(daemon: Daemon) -> None:
    queue = daemon.paths.queue_dir
    shutil.rmtree(queue)
    wait_until((queue / "serial").exists)
    wait_until((queue / "lock").exists)
    wait_until(lambda: held(queue / "lock"))
    with daemon.client() as client:
        job_id = client.call("SubmitJob", [system.delay_op()])
        assert isinstance(job_id, int)
        wait_until((queue / f"job-{job_id}").exists)
        system.wait_for_end(client, job_id)
        shutil.rmtree(daemon.paths.archive_dir)
        assert client.call("ArchiveJob", job_id) is True
        wait_until((queue / f"archive/0/job-{job_id}").exists)


def test_without_its_store_the_daemon_takes_nothing_and_says_so_once(daemon: Daemon) -> None:
    store = daemon.paths.store_dir
    aside = store.with_name("aside")
    store.rename(aside)
    with daemon.client() as client:
        for _ in range(3):
            with pytest.raises(
                GanetiError, match=r"data\.mdb was removed while the store was open"
            ):
                client.call("SubmitJob", [system.delay_op()])
        assert client.call("QueryJobs", [], ["id"])
    wait_until(lambda: "Cannot keep the store" in daemon.log())
    assert daemon.log().count("the store is damaged") == 1
    assert not store.exists(), "a new one would hide what was there"
    aside.rename(store)
    wait_until(lambda: "Well again: the store" in daemon.log())
    assert answers(daemon)


def test_a_socket_of_somebody_else_is_left_alone_and_told_once(
    daemon: Daemon, tmp_path: Path
) -> None:
    path = daemon.paths.master_socket
    path.unlink()
    with contextlib.suppress(FileExistsError):
        os.mknod(path, 0o600 | 0o140000)  # a socket nobody listens on
    told = f"{path} is not the socket that was made"
    wait_until(lambda: told in daemon.log())
    daemon.status()
    daemon.status()
    daemon.status()
    assert daemon.log().count(told) == 1
    path.unlink()
    wait_until(path.is_socket)
    wait_until(lambda: "Well again: the sockets" in daemon.log())


# --- the keeper -------------------------------------------------------------------------------


def test_trouble_is_told_once_for_each_change(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    troubles: list[str | None] = ["full", "full", "gone", None, None, "full"]

    def keep() -> str | None:
        if (trouble := troubles.pop(0)) is not None:
            raise OSError(trouble)
        return None

    others = []
    keeper = Keeper({"log": keep, "other": lambda: others.append(1)})
    for _ in range(6):
        keeper.look()
    assert caplog.messages == [
        "Cannot keep the log: full",
        "Cannot keep the log: gone",
        "Well again: the log",
        "Cannot keep the log: full",
    ]
    assert len(others) == 6
