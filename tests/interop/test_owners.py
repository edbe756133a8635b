"""Who may read what the daemon writes: the same users and groups as with Ganeti's own daemons.

It is started in each way in which a node starts a master, on files that others left in their ways.
Source: files.json; the modes and owners of a 3.0.2 master's directory.
"""

import grp
import os
import pwd
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from masterd.config import document
from masterd.luxi.client import Client
from masterd.paths import Paths
from tests import system
from tests.interop import masters
from tests.interop.luxid import needs_luxid
from tests.luxi_support import until
from tests.sample_config import sample

pytestmark = needs_luxid

_ARCHIVED: Final = (
    Path(__file__).parents[1] / "conformance/data/jobs/16-archived-as-archive-0-job-583.json"
)

#: What Ganeti's start-stop-daemon does for luxid and wconfd, and a start by root.
STARTED_AS: Final = {
    "root": (),
    "luxid": ("setpriv", "--reuid", "gnt-masterd", "--regid", "gnt-luxid", "--init-groups"),
    "wconfd": ("setpriv", "--reuid", "gnt-masterd", "--regid", "gnt-confd", "--init-groups"),
}

PRIVATE: Final = "gnt-masterd:gnt-masterd"
DAEMONS: Final = "gnt-masterd:gnt-daemons"

#: Mode and owner of each path while the daemon serves.
EXPECTED: Final = {
    "var/lib/ganeti/config.data": ("0640", "gnt-masterd:gnt-confd"),
    "var/lib/ganeti/masterd-store": ("0750", PRIVATE),
    "var/lib/ganeti/masterd-store/data.mdb": ("0640", PRIVATE),
    "var/lib/ganeti/masterd-store/lock.mdb": ("0600", PRIVATE),
    "var/lib/ganeti/masterd-store/writer.lock": ("0640", PRIVATE),
    "var/lib/ganeti/queue": ("0750", DAEMONS),
    "var/lib/ganeti/queue/archive": ("0750", DAEMONS),
    "var/lib/ganeti/queue/archive/0": ("0750", DAEMONS),
    "var/lib/ganeti/queue/archive/0/job-583": ("0640", DAEMONS),
    "var/lib/ganeti/queue/lock": ("0640", DAEMONS),
    "var/lib/ganeti/queue/serial": ("0640", DAEMONS),
    "var/lib/ganeti/queue/version": ("0640", DAEMONS),
    "var/lib/ganeti/queue/job-584": ("0640", DAEMONS),
    "var/log/ganeti": ("0770", DAEMONS),
    "var/log/ganeti/master-daemon.log": ("0600", PRIVATE),
    "var/run/ganeti": ("0775", DAEMONS),
    "var/run/ganeti/ganeti-masterd.pid": ("0600", PRIVATE),
    "var/run/ganeti/ganeti-masterd.status.json": ("0640", DAEMONS),
    "var/run/ganeti/livelocks": ("0750", DAEMONS),
    "var/run/ganeti/socket": ("0770", DAEMONS),
    "var/run/ganeti/socket/ganeti-query": ("0660", DAEMONS),
    "var/run/ganeti/socket/ganeti-master": ("0660", DAEMONS),
}

#: Tries what the command line says, "connect" or "read", and prints yes or no for each path.
_TRY: Final = """
import socket, sys
for how, path in zip(sys.argv[1::2], sys.argv[2::2]):
    try:
        if how == "connect":
            socket.socket(socket.AF_UNIX).connect(path)
        else:
            open(path, "rb").read()
        print("yes")
    except PermissionError:
        print("no")
"""


@pytest.fixture(scope="module", params=STARTED_AS)
def served(request: pytest.FixtureRequest) -> Iterator[Path]:
    """The root of a master that serves, started in one of the ways; one job was submitted."""
    with masters.root(document.split(sample(5))) as root:
        paths = Paths(root, root.name)
        leave_files(root, paths)
        through = STARTED_AS[request.param]
        with masters.ours(root, through), Client(str(paths.query_socket)) as client:
            assert client.call("SubmitJob", [system.delay_op()]) == 584
            until(lambda: (paths.queue_dir / "job-584").exists())
            until(lambda: owner_of(root / "var/lib/ganeti/queue/archive/0/job-583")[1] == DAEMONS)
            yield root


def leave_files(root: Path, paths: Paths) -> None:
    """Put files there as luxid leaves them, for its group alone or for everybody."""
    (paths.archive_dir / "0").mkdir()
    shutil.copy(_ARCHIVED, paths.archive_dir / "0/job-583")
    (paths.queue_dir / "serial").write_text("583\n")
    paths.log_file.write_text("")
    paths.log_file.chmod(0o644)
    paths.store_dir.mkdir()
    user, group = pwd.getpwnam("gnt-masterd").pw_uid, grp.getgrnam("gnt-luxid").gr_gid
    for folder, _, names in os.walk(root):
        for name in (".", *names):
            os.chown(Path(folder) / name, user, group)
    for name in ("queue/serial", "queue/archive/0/job-583", "config.data"):
        (paths.data_dir / name).chmod(0o600)


def owner_of(path: Path) -> tuple[str, str]:
    """Return mode and `user:group` of a path."""
    status = path.lstat()
    user, group = pwd.getpwuid(status.st_uid).pw_name, grp.getgrgid(status.st_gid).gr_name
    return f"{stat.S_IMODE(status.st_mode):04o}", f"{user}:{group}"


def may(user: str, root: Path, **tries: str) -> dict[str, bool]:
    """Tell by path below `root` whether a user, as its daemon runs, may do what is tried."""
    arguments = [part for path, how in tries.items() for part in (how, str(root / path))]
    output = subprocess.run(
        ["setpriv", "--reuid", user, "--regid", user, "--init-groups",
         sys.executable, "-c", _TRY, *arguments],
        check=True, capture_output=True, text=True, timeout=system.START_S,
    ).stdout  # fmt: skip
    return dict(zip(tries, (line == "yes" for line in output.split()), strict=True))


def test_everything_has_the_mode_and_owner_of_a_ganeti_master(served: Path) -> None:
    assert {name: owner_of(served / name) for name in EXPECTED} == EXPECTED
    (livelock,) = (served / "var/run/ganeti/livelocks").iterdir()
    assert owner_of(livelock) == ("0600", PRIVATE)


def test_the_remote_api_may_ask_and_confd_may_read_and_neither_more(served: Path) -> None:
    tries = {
        "var/run/ganeti/socket/ganeti-query": "connect",
        "var/lib/ganeti/config.data": "read",
        "var/lib/ganeti/masterd-store/data.mdb": "read",
        "var/log/ganeti/master-daemon.log": "read",
    }
    assert list(may("gnt-rapi", served, **tries).values()) == [True, False, False, False]
    assert list(may("gnt-confd", served, **tries).values()) == [True, True, False, False]


def test_a_start_that_could_not_give_its_files_away_is_refused() -> None:
    with masters.root(document.split(sample(5))) as root:
        before = owner_of(root / "var/lib/ganeti/config.data")
        outcome = subprocess.run(
            ["setpriv", "--reuid", "gnt-masterd", "--regid", "gnt-daemons", "--clear-groups",
             sys.executable, "-m", "masterd", "-f", "--no-voting", "--yes-do-it"],
            env={**os.environ, **Paths(root, root.name).environment()},
            capture_output=True, text=True, timeout=system.START_S, check=False,
        )  # fmt: skip
        assert outcome.returncode == 1
        assert "without the groups gnt-masterd, gnt-confd" in outcome.stderr
        assert outcome.stderr.count("\n") == 1
        assert owner_of(root / "var/lib/ganeti/config.data") == before
