"""The daemon in the places of Debian's luxid and wconfd, and beside them."""

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from masterd.config import document
from masterd.luxi.client import Client
from masterd.paths import STOCK_WCONFD, Paths
from masterd.pidfile import holder
from tests import system
from tests.integration.test_names import LAUNCHER
from tests.interop import debian, luxid, masters
from tests.sample_config import sample

pytestmark = [debian.needs_ganeti, luxid.needs_luxid]

#: What a start needs without the other nodes.
ALONE: Final = ("-f", "--no-voting", "--yes-do-it")


@pytest.fixture
def root() -> Iterator[Path]:
    """The root of a master that both could serve."""
    with masters.root(document.split(sample(1))) as path:
        luxid.give(path)
        yield path


def called(root: Path, name: str) -> str:
    """Return a link that calls our launcher by a name."""
    link = root / name
    if not link.is_symlink():
        link.symlink_to(LAUNCHER)
    return str(link)


def environment(root: Path) -> dict[str, str]:
    return {**os.environ, **Paths(root, root.name).environment()}


def finish(root: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    """Run a program that has to end by itself."""
    return subprocess.run(
        command,
        env=environment(root),
        capture_output=True,
        text=True,
        timeout=luxid.PATIENCE_S,
        check=False,
    )


def as_stock(name: str) -> list[str]:
    """Return the command of Debian's daemon, as its own user."""
    groups = ["--groups", "gnt-confd,gnt-luxid,gnt-daemons"]
    user = ["setpriv", "--reuid", "gnt-masterd", "--regid", "gnt-masterd", *groups]
    return [*user, str(STOCK_WCONFD.with_name(name)), *ALONE]


def raw(path: Path, message: bytes) -> bytes:
    """Send bytes to a socket; return the first answer."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(luxid.PATIENCE_S)
        client.connect(str(path))
        client.sendall(message + b"\x03")
        answer = b""
        while not answer.endswith(b"\x03"):
            received = client.recv(65536)
            if not received:
                break
            answer += received
        return answer


@pytest.mark.parametrize("name", ["ganeti-luxid", "ganeti-wconfd"])
def test_beside_ours_debians_daemons_end_at_once(root: Path, name: str) -> None:
    with masters.ours(root):
        ended = finish(root, *as_stock(name))
        assert "already locked" in ended.stderr
        held = [Paths(root, root.name).pid_file_of(each) for each in (name, "ganeti-masterd")]
        assert len({holder(path) for path in held}) == 1
        with Client(str(Paths(root, root.name).query_socket)) as client:
            assert client.call("QueryConfigValues", ["drain_flag"]) == [False]


@pytest.mark.parametrize("ours", ["ganeti-masterd", "ganeti-luxid", "ganeti-wconfd"])
def test_beside_debians_wconfd_ours_ends_at_once_and_names_it(root: Path, ours: str) -> None:
    with luxid.wconfd(root):
        ended = finish(root, called(root, ours), *ALONE)
        path = Paths(root, root.name).pid_file_of("ganeti-wconfd")
        assert ended.returncode == 1
        assert f"ganeti-wconfd (process {holder(path)}) holds {path}" in ended.stderr


@pytest.mark.parametrize("ours", ["ganeti-masterd", "ganeti-luxid"])
def test_beside_debians_luxid_ours_ends_at_once_and_names_it(root: Path, ours: str) -> None:
    serial = json.loads((root / "var/lib/ganeti/config.data").read_bytes())["serial_no"]
    with luxid.luxid(root, config_serial=serial):
        ended = finish(root, called(root, ours), *ALONE)
        path = Paths(root, root.name).pid_file_of("ganeti-luxid")
        assert ended.returncode == 1
        assert f"ganeti-luxid (process {holder(path)}) holds {path}" in ended.stderr


#: Requests to the configuration daemon that both must answer with the same bytes.
REQUESTS: Final = (
    b'{"method":"echo","args":["x"]}',
    b'{"method":"echo","args":["x"],"version":3000000}',
    b'{"method":"echo","args":["x",1]}',
    b'{"method":"echo","args":[]}',
    b'{"method":"echo","args":"x"}',
    b'{"method":"echo","args":[3]}',
)


def test_the_companion_answers_an_echo_as_debians_wconfd_does(root: Path) -> None:
    path = Paths(root, root.name).wconfd_socket
    with luxid.wconfd(root):
        theirs = [raw(path, request) for request in REQUESTS]
    assert finish(root, called(root, "ganeti-wconfd")).returncode == 0
    try:
        assert [raw(path, request) for request in REQUESTS] == theirs
        command = masters.commands(root).ok("gnt-debug", "wconfd", "echo", "hello")
        assert command.output == "Answer: hello\n"
    finally:
        pid = holder(Paths(root, root.name).pid_file_of("ganeti-wconfd"))
        assert pid is not None
        os.kill(pid, signal.SIGTERM)


def test_forced_on_another_node_the_companion_goes_on_as_debians_own(root: Path) -> None:
    paths = Paths(root, root.name)
    (paths.data_dir / "ssconf_master_node").write_text("elsewhere.example.com\n")
    refused = finish(root, called(root, "ganeti-wconfd"), *ALONE)
    assert refused.returncode == 11
    with subprocess.Popen(
        # Not as its own user, who may not run the interpreter of the tests.
        [called(root, "ganeti-wconfd"), *ALONE, "--force-node", "--no-user-checks"],
        env=environment(root),
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            with Client(
                str(paths.wconfd_socket),
                connect_s=system.START_S,
                should_serve=lambda: process.poll() is None,
            ) as client:
                read = client.call("readConfig")
            assert isinstance(read, dict)
            assert read["cluster"]["cluster_name"] == "cluster.example.com"
            # By these `daemon-util` finds it, and stops it at the end of a failover.
            assert Path(f"/proc/{process.pid}/comm").read_text() == "ganeti-wconfd\n"
            assert paths.pid_file_of("ganeti-wconfd").read_text() == f"{process.pid}\n"
        finally:
            process.terminate()
