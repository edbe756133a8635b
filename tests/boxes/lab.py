"""All boxes, and the network between them."""

import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.boxes.box import Box
from tests.boxes.plan import NETWORK_BITS, Plan

_BRIDGE: Final = "between"
_KEY_TYPES: Final = ("rsa", "ecdsa", "ed25519")

#: Where guests' disks may be files, of one node's own and of all nodes', and where exports go.
_SHARED: Final = "/srv/ganeti/shared-file-storage"
FILE_DIRECTORIES: Final = ("/srv/ganeti/file-storage", _SHARED)
_EXPORTS: Final = "/srv/ganeti/export"

#: Kernels without magic SysRq lack this file, and Ganeti's node daemon then reports a fault that is
#: none of ours; Python is told that it is there.
_SYSRQ: Final = Path("/proc/sysrq-trigger")
_PRETEND_SYSRQ: Final = (
    "import os.path; os.path.isfile = lambda path, is_file=os.path.isfile:"
    f" path == {str(_SYSRQ)!r} or is_file(path)\n"
)


class Lab:
    """Boxes that can reach each other. A context manager: ends them all."""

    def __init__(self, plan: Plan, state: Path, shown: tuple[Path, ...] = ()) -> None:
        """Prepare.

        Args:
            state: where their files are kept.
            shown: directories of this machine that are seen in every box, at the same place.
        """
        self.plan = plan
        # As a network's file system would be: all nodes have the same files there.
        shared = state / "shared"
        shared.mkdir()
        seen = (*((path, str(path)) for path in shown), (shared, _SHARED))
        self.boxes = {each.name: Box(each, state, seen) for each in plan.boxes}
        self._state = state
        # Names of network namespaces are the machine's; another lab may run.
        self._hub = f"boxes-{state.name}"

    def __enter__(self) -> Self:
        try:
            self._make_network()
            self._make_keys()
            for box in self.boxes.values():
                self._furnish(box)
                self.start(box)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def start(self, box: Box) -> None:
        """Boot a box and give it its network."""
        box.start()
        # What it had before it was killed may still be there: its namespace goes in the background.
        subprocess.run(
            ["ip", "-n", self._hub, "link", "delete", box.plan.name],
            check=False, capture_output=True,
        )  # fmt: skip
        _ip("-n", self._hub, "link", "add", box.plan.name, "type", "veth", "peer", "name", "eth0",
            "netns", f"/proc/{box.pid}/ns/net")  # fmt: skip
        _ip("-n", self._hub, "link", "set", box.plan.name, "master", _BRIDGE, "up")
        box.ok("ip", "address", "add", f"{box.plan.address}/{NETWORK_BITS}", "dev", "eth0")
        box.ok("ip", "link", "set", "eth0", "up")
        box.ok("ip", "link", "set", "lo", "up")
        box.ok("service", "ssh", "start")

    def cut_off(self, box: Box) -> None:
        """Take a box's cable out: nothing reaches it, and nobody is told."""
        _ip("-n", self._hub, "link", "set", box.plan.name, "down")

    def connect(self, box: Box) -> None:
        """Put a box's cable in again."""
        _ip("-n", self._hub, "link", "set", box.plan.name, "up")

    def _make_network(self) -> None:
        _ip("netns", "add", self._hub)
        _ip("-n", self._hub, "link", "set", "lo", "up")
        _ip("-n", self._hub, "link", "add", _BRIDGE, "type", "bridge")
        _ip("-n", self._hub, "link", "set", _BRIDGE, "up")

    def _make_keys(self) -> None:
        """Make one key for all users and one set for all hosts: nobody is asked anything."""
        keys = self._state / "keys"
        keys.mkdir(mode=0o700, parents=True)
        for name, kind in [
            ("user", "rsa"),
            *((f"ssh_host_{each}_key", each) for each in _KEY_TYPES),
        ]:
            subprocess.run(
                ["ssh-keygen", "-q", "-N", "", "-C", "boxes", "-t", kind, "-f", keys / name],
                check=True,
            )

    def _furnish(self, box: Box) -> None:
        """Write the files in which a box differs from this machine."""
        keys = self._state / "keys"
        ssh, etc = box.upper / "root/.ssh", box.upper / "etc"
        ssh.mkdir(mode=0o700, parents=True)
        ssh.parent.chmod(0o700)
        (etc / "ssh").mkdir(parents=True)
        shutil.copy(keys / "user", ssh / "box_key")
        (ssh / "box_key").chmod(0o600)
        identities = "".join(
            f"  IdentityFile ~/.ssh/{name}\n" for name in ("id_rsa", "id_ed25519", "box_key")
        )
        (ssh / "config").write_text(f"Host *\n{identities}  StrictHostKeyChecking accept-new\n")
        (ssh / "known_hosts").write_text(self._known_hosts())
        shutil.copy(keys / "user.pub", etc / "ssh/box_keys")
        for kind in _KEY_TYPES:
            for suffix in ("", ".pub"):
                shutil.copy(keys / f"ssh_host_{kind}_key{suffix}", etc / "ssh")
        settings = Path("/etc/ssh/sshd_config").read_text()
        (etc / "ssh/sshd_config").write_text(
            "AuthorizedKeysFile .ssh/authorized_keys /etc/ssh/box_keys\n"
            f"PermitRootLogin yes\nUseDNS no\n{settings}"
        )
        (etc / "hostname").write_text(f"{box.plan.name}\n")
        (etc / "hosts").write_text(self.plan.hosts())
        for directory in (*FILE_DIRECTORIES, _EXPORTS):
            (box.upper / directory.lstrip("/")).mkdir(parents=True)
        (etc / "ganeti").mkdir()
        (etc / "ganeti/file-storage-paths").write_text("\n".join(FILE_DIRECTORIES) + "\n")
        if not _SYSRQ.exists():
            packages = box.upper / "usr/lib/python3/dist-packages"
            packages.mkdir(parents=True)
            (packages / "boxes-sysrq.pth").write_text(_PRETEND_SYSRQ)

    def _known_hosts(self) -> str:
        lines = []
        for kind in _KEY_TYPES:
            key = (self._state / f"keys/ssh_host_{kind}_key.pub").read_text().split()
            lines += [
                f"{each.full_name},{each.name},{each.address} {key[0]} {key[1]}\n"
                for each in self.plan.boxes
            ]
        return "".join(lines)

    def _end(self) -> None:
        for box in self.boxes.values():
            box.kill()
        subprocess.run(["ip", "netns", "delete", self._hub], check=False, capture_output=True)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)
