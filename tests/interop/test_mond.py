"""Debian's `ganeti-mond` finds in our configuration, through `ganeti-confd`, what it reports.

It asks which instances live on its node and what their disks are, to say whose the node's logical
volumes are, and which collectors are to work. Volumes are those a program called `lvs` tells.
"""

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from masterd.config.snapshot import ConfigSnapshot
from masterd.paths import Paths
from tests.interop import debian, live, luxid, masters
from tests.interop.confd import DEFAULT_PORT, confd, needs_confd
from tests.sample_config import sample

MOND: Final = Path("/usr/sbin/ganeti-mond")

pytestmark = [
    debian.needs_ganeti,
    luxid.needs_luxid,
    pytest.mark.skipif(not MOND.exists(), reason="package ganeti-haskell-3.0 is not installed"),
    needs_confd,
    pytest.mark.skipif(shutil.which("unshare") is None, reason="there is no unshare"),
]

#: A volume that belongs to no instance.
STRANGER: Final = "swap"
#: What `lvs` tells of a volume. Columns: those that ganeti-mond asks for.
_VOLUME: Final = (
    "  nhasjL-cnZi-uqLS-WRLj-tkXI-nvCB-n0o2lj;{name};-wi-ao;-1;-1;253;0;1073741824B;1;;;"
    "uZgXit-eiRr-vRqe-xpEo-e9nU-mTuR-9nfVIU;xenvg;linear;0B;0;1073741824B;;/dev/sda5:0-15;"
    "/dev/sda5(0)\n"
)
#: For an answer, and for what changes by itself. ganeti-mond waits up to ten seconds for confd at
#: each question, and asks every 25 seconds what is to be collected.
REPORT_S: Final = 120.0
#: Seconds between two looks at something that comes by itself.
LOOK_S: Final = 0.2


class Mond:
    """A running ganeti-mond."""

    def __init__(self, port: int) -> None:
        self._base = f"http://127.0.0.1:{port}/1"

    def get(self, path: str) -> Any:
        """Return what stands under a path, None when there is nothing."""
        try:
            with urllib.request.urlopen(f"{self._base}/{path}", timeout=REPORT_S) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise
            return None


@contextmanager
def mond(root: Path, programs: Path) -> Iterator[Mond]:
    """Run ganeti-mond on the node of a root; it serves when the block begins."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        **Paths(root, root.name).environment(),
        "PATH": f"{programs}:{os.environ['PATH']}",
    }
    # It takes the machine's name for the node's; only the process gets that name.
    named = ["unshare", "--uts", "sh", "-c", 'hostname "$1"; shift; exec "$@"', "sh", root.name]
    with subprocess.Popen(
        [*named, str(MOND), "-f", "--no-user-checks", "-b", "127.0.0.1", "-p", str(port)],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as server:  # fmt: skip
        try:
            wait_for(lambda: _serves(port, server))
            yield Mond(port)
        finally:
            server.terminate()


def wait_for(holds: Callable[[], bool]) -> None:
    """Return when something holds that comes by itself."""
    deadline = time.monotonic() + REPORT_S
    while not holds():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(LOOK_S)


def _serves(port: int, server: "subprocess.Popen[bytes]") -> bool:
    assert server.poll() is None, "ganeti-mond ended"
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def volumes(config: ConfigSnapshot) -> dict[str, str]:
    """Return the logical volumes of instances on the master node, with the instances' names."""
    here = config.cluster.master_node
    found: dict[str, str] = {}
    for instance in config.instances.values():
        for disk in (config.disks[uuid] for uuid in instance.disks):
            for part in (disk, *disk.children):
                if part.dev_type == "plain" and here in part.nodes:
                    _, name = part.logical_id or ()
                    found[str(name)] = str(instance.name)
    return found


def write_lvs(programs: Path, names: list[str]) -> None:
    """Write a program `lvs` that tells these volumes."""
    told = programs / "told"
    told.write_text("".join(_VOLUME.format(name=name) for name in names))
    program = programs / "lvs"
    program.write_text(f"#!/bin/sh\nexec cat '{told}'\n")
    program.chmod(0o755)


def test_it_reports_whose_volumes_are_whose_and_what_is_to_be_collected(tmp_path: Path) -> None:
    made = sample(7, nodes=2, groups=1, instances=2)
    made["cluster"]["data_collectors"]["cpu-avg-load"]["active"] = False
    with live.roots(made) as roots, masters.ours(roots.ours):
        owners = volumes(roots.config)
        assert len(set(owners.values())) == 2
        write_lvs(tmp_path, [*owners, STRANGER])
        address = roots.config.master.primary_ip
        with confd(roots.ours, address, DEFAULT_PORT) as told:
            told.wait_loaded(roots.config.serial_no)
            with mond(roots.ours, tmp_path) as monitor:
                report = monitor.get("report/storage/lv")
                reported = {each["name"]: each.get("instance") for each in report["data"]}
                assert reported == {**owners, STRANGER: None}
                wait_for(lambda: monitor.get("report/default/cpu-avg-load") is None)
                wait_for(lambda: monitor.get("report/default/xen-cpu-avg-load") is not None)
