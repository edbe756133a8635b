"""What somebody else puts at a name that the daemon uses is never followed or given away."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import gevent
import pytest

from masterd.luxi.sockets import Listener, SocketSpec
from masterd.testing.cluster import SimulatedCluster
from store.files import PlantedFileError, give_socket, make, open_kept, own_directory
from tests import system
from tests.integration import audited_daemon

PATIENCE_S: Final = 60
PRECIOUS: Final = b"precious\n"

#: Names that are made anew, whatever lies there, below the node's root.
REPLACED: Final = (
    "var/run/ganeti/.ganeti-masterd.status.json.new",
    "var/run/ganeti/ganeti-masterd.status.json",
    "var/run/ganeti/socket/ganeti-query",
    "var/run/ganeti/socket/ganeti-master",
    "var/lib/ganeti/.config.data.new",
    "var/lib/ganeti/queue/.version.new",
    "var/lib/ganeti/queue/.serial.new",
    "var/lib/ganeti/queue/.epoch.new",
    "var/lib/ganeti/queue/.drain.new",
    "var/lib/ganeti/queue/.job-1.new",
    "var/lib/ganeti/queue/.job-2.new",
    "var/lib/ganeti/queue/serial",
    "var/lib/ganeti/queue/drain",
    "var/lib/ganeti/queue/job-1",
)
#: Names of files that stay: a link there ends the start.
REFUSED: Final = (
    "var/run/ganeti/ganeti-masterd.pid",
    "var/run/ganeti/ganeti-luxid.pid",
    "var/run/ganeti/ganeti-wconfd.pid",
    "var/log/ganeti/master-daemon.log",
    "var/lib/ganeti/queue/lock",
    "var/lib/ganeti/masterd-store/writer.lock",
    "var/lib/ganeti/masterd-store/data.mdb",
    "var/lib/ganeti/masterd-store/lock.mdb",
)
#: Made by the parts that run beside the daemon, on other names than fixed ones, or no files.
OTHERS: Final = re.compile(
    r"null|ganeti-masterd_\d+|livelocks|\d+|\.[0-9a-f]+|job-\d+|\.job-\d+\.new|ganeti"
    r"|socket|queue|archive|masterd-store|.*\.pyc(\.\d+)?|audited"
)


class Victim:
    """A file that nobody may touch, and links to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.write_bytes(PRECIOUS)
        path.chmod(0o604)
        self.before = self._state()

    def plant(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.symlink_to(self.path)

    def assert_untouched(self) -> None:
        assert self.path.read_bytes() == PRECIOUS
        assert self._state() == self.before

    def _state(self) -> tuple[int, ...]:
        status = self.path.stat()
        return (status.st_mode, status.st_uid, status.st_gid, status.st_size, status.st_mtime_ns)


@pytest.fixture
def victim(tmp_path: Path) -> Victim:
    return Victim(tmp_path / "precious")


@pytest.fixture
def cluster() -> Iterator[SimulatedCluster]:
    with system.simulated_cluster(nodes=2) as (made, _):
        yield made


def refused_start(cluster: SimulatedCluster) -> str:
    """Start the daemon, which must end by itself; return what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "masterd", "-f"],
        env={**os.environ, **cluster.environment()},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 1
    return done.stderr.decode()


def work(daemon: system.Daemon) -> None:
    """Let the daemon use every file it has."""
    with daemon.client() as client:
        client.call("SetDrainFlag", False)
        client.call("SubmitJob", [system.delay_op()])
        tags = {
            "OP_ID": "OP_TAGS_SET",
            "kind": "cluster",
            "name": None,
            "tags": ["tag"],
            "reason": [],
        }
        job_id = client.call("SubmitJob", [{**tags, "reason": []}])
        assert isinstance(job_id, int)
        assert system.wait_for_end(client, job_id) == "success"
        client.call("ArchiveJob", job_id)
        client.call("SetDrainFlag", True)
        client.call("SetDrainFlag", False)
    daemon.process.send_signal(signal.SIGHUP)
    daemon.wait_replicated()


def test_what_lies_at_the_name_of_a_new_file_is_replaced(
    cluster: SimulatedCluster, victim: Victim, tmp_path: Path
) -> None:
    names = tmp_path / "audited"
    root = Path(cluster.environment()["GANETI_ROOTDIR"])
    with system.running(cluster) as daemon:
        work(daemon)  # the first start takes over what there is, so links are planted later
    for name in REPLACED:
        victim.plant(root / name)
    with system.running(
        cluster,
        module=("tests.integration.audited_daemon",),
        environment={audited_daemon.VARIABLE: str(names)},
    ) as daemon:
        work(daemon)
        victim.plant(root / REPLACED[0])
        daemon.status()
        daemon.status()
        assert not (root / REPLACED[0]).is_symlink()
    victim.assert_untouched()
    known = {Path(name).name for name in (*REPLACED, *REFUSED)}
    used = set(names.read_text().split())
    assert known & used, "nothing was heard"
    assert {name for name in used - known if not OTHERS.fullmatch(name)} == set()


@pytest.mark.parametrize("name", REFUSED)
def test_a_link_in_the_place_of_a_file_that_stays_ends_the_start(
    cluster: SimulatedCluster, victim: Victim, name: str
) -> None:
    path = Path(cluster.environment()["GANETI_ROOTDIR"]) / name
    if "masterd-store" in name:
        with system.running(cluster):
            assert path.exists()  # a first start makes the store elsewhere
    victim.plant(path)
    told = refused_start(cluster)
    assert f"{path} is a symbolic link" in told
    assert "Traceback" not in told
    victim.assert_untouched()


def test_a_rotated_log_is_not_reopened_through_a_link(
    cluster: SimulatedCluster, victim: Victim
) -> None:
    with system.running(cluster) as daemon:
        log = daemon.paths.log_file
        log.rename(log.with_suffix(".1"))
        victim.plant(log)
        daemon.process.send_signal(signal.SIGHUP)
        with gevent.Timeout(PATIENCE_S):
            while "is a symbolic link" not in log.with_suffix(".1").read_text():
                gevent.sleep(0.05)
        victim.assert_untouched()


# --- the helper -------------------------------------------------------------------------------


def test_a_pipe_is_refused_without_waiting_for_its_other_end(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "log")
    for flags in (os.O_WRONLY, os.O_RDWR, os.O_RDONLY):
        with pytest.raises(PlantedFileError, match="is not a file"):
            open_kept(tmp_path / "log", flags | os.O_CREAT, 0o600)


def test_a_second_name_of_a_file_is_refused(tmp_path: Path, victim: Victim) -> None:
    (tmp_path / "log").hardlink_to(victim.path)
    with pytest.raises(PlantedFileError, match="has another name"):
        open_kept(tmp_path / "log", os.O_WRONLY | os.O_CREAT, 0o600)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_strangers_file_is_refused_unless_the_directory_is_his(tmp_path: Path) -> None:
    (tmp_path / "log").touch()
    os.chown(tmp_path / "log", 4711, 4711)
    with pytest.raises(PlantedFileError, match="belongs to user 4711"):
        open_kept(tmp_path / "log", os.O_WRONLY, 0o600)
    os.close(open_kept(tmp_path / "log", os.O_WRONLY, 0o600, owner=(4711, 4711)))
    os.chown(tmp_path, 4711, 4711)
    os.close(open_kept(tmp_path / "log", os.O_WRONLY, 0o600))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes links of others")
def test_a_directory_is_reached_through_links_of_root_alone(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o711)
    link = tmp_path / "socket"
    link.symlink_to("elsewhere")
    own_directory(link, 0o770, None)
    assert elsewhere.stat().st_mode & 0o777 == 0o770
    os.chown(link, 4711, 4711, follow_symlinks=False)
    with pytest.raises(PlantedFileError, match="symbolic link of user 4711"):
        own_directory(link, 0o700, None)
    assert elsewhere.stat().st_mode & 0o777 == 0o770


def test_a_new_file_takes_the_place_of_a_link_and_has_its_mode(
    tmp_path: Path, victim: Victim
) -> None:
    victim.plant(tmp_path / "new")
    os.close(make(tmp_path / "new", 0o664))
    assert (tmp_path / "new").lstat().st_mode & 0o7777 == 0o664
    victim.assert_untouched()


def test_only_the_socket_that_was_bound_is_given_away(tmp_path: Path, victim: Victim) -> None:
    victim.plant(tmp_path / f".{os.getpid():x}")
    listener = Listener(SocketSpec(tmp_path / "s", 0o660), 1)
    assert (tmp_path / "s").is_socket()
    assert (tmp_path / "s").stat().st_mode & 0o777 == 0o660
    listener.close()
    assert not (tmp_path / "s").exists()
    victim.plant(tmp_path / "t")
    with pytest.raises(PlantedFileError):
        give_socket(tmp_path / "t", 0o666, None)
    with pytest.raises(PlantedFileError):
        give_socket(victim.path, 0o666, None)
    victim.assert_untouched()
