"""A guest moves between two clusters, each of one box, by Ganeti's own move-instance.

It moves from masters of Debian's to ours, to and fro, and between two of ours: the two clusters
have to believe each other whoever serves them.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.boxes import installation
from tests.boxes.act import Act, perform
from tests.boxes.box import Box, BoxError
from tests.boxes.cluster import Cluster
from tests.boxes.lab import FILE_DIRECTORIES
from tests.boxes.tour_cluster import INIT

#: Boxes of the story: a cluster each.
NODES: Final = 2

_TOOL: Final = "/usr/lib/ganeti/tools/move-instance"
_LIMIT_S: Final = 300.0
_GUEST: Final = "guest1.boxes.example"
_ADDRESS: Final = "10.79.0.201"

_USERS: Final = "/var/lib/ganeti/rapi/users"
_CERTIFICATE: Final = "/var/lib/ganeti/rapi.pem"
#: The node daemon. Those of 3.0.2 give the certificates of transfers between clusters the name of
#: the node, and want them to have the cluster's common name: nothing ever arrives with the socat of
#: today. So each box's has that one line changed.
_DAEMON: Final = "/usr/share/ganeti/3.0/ganeti/backend.py"
_MENDED: Final = (
    "s/GenerateSelfSignedX509Cert(netutils.Hostname.GetSysName()/"
    "GenerateSelfSignedX509Cert(constants.X509_CERT_CN/"
)
_DEFAULTS: Final = "/etc/default/ganeti"
_SECRET: Final = "/root/domain-secret"
_PASSWORD: Final = "/root/password"

#: What the guest has on its disk of 128 MiB, and where.
_WORDS: Final = b"what a guest has written\n" * 4000
_PLACE: Final = 100_000_000


class Move:
    """One playing of the story."""

    def __init__(self, cluster: Cluster, package: Path, say: Callable[[str], None]) -> None:
        """Prepare; `package` is the file of our package in every box."""
        self._cluster = cluster
        self._package = package
        self._say = say
        plan = cluster.lab.plan
        self._names = (plan.cluster_name, plan.other_name)

    def play(self) -> str:
        """Play all of it; return what it comes to, in words.

        Raises:
            BoxError: something is not as it must be.
        """
        first, second = self._cluster.nodes
        self._make()
        self._add_guest(first)
        took_s = [self._move(0, "Debian's to Debian's")]
        self._install(first)
        took_s.append(self._move(1, "Debian's to ours"))
        took_s.append(self._move(0, "ours to Debian's", compress="gzip"))
        self._install(second)
        took_s.append(self._move(1, "ours to ours"))
        each = ", ".join(f"{each:.0f}" for each in took_s)
        return f"a guest has moved between two clusters {len(took_s)} times, in {each} s"

    def _make(self) -> None:
        """Make both clusters, which have a secret in common and let the tool in."""
        self._say("two clusters are being made ...")
        secret, password = "5" * 40, "secret"
        for box, name in zip(self._cluster.nodes, self._names, strict=True):
            with box.path("/etc/hosts").open("a") as hosts:
                hosts.write(f"{_ADDRESS} {_GUEST}\n")
            box.ok("sed", "-i", _MENDED, _DAEMON)
            # Debian's remote API answers the own machine only.
            box.ok("sed", "-i", "s/-b 127.0.0.1//", _DEFAULTS)
            box.ok("sh", "-c", INIT.replace(self._names[0], name))
            for path, content in (
                (_SECRET, secret), (_PASSWORD, password), (_USERS, f"mover {password} write\n"),
            ):  # fmt: skip
                box.ok("sh", "-c", f"mkdir -p $(dirname {path}); cat > {path}", typed=content)
            box.ok("chown", "-R", "gnt-rapi:gnt-masterd", str(Path(_USERS).parent))
            box.ok(
                "gnt-cluster", "renew-crypto", "--force", f"--cluster-domain-secret={_SECRET}",
                # The command of 3.0.2 takes a secret only together with something that is new.
                "--new-confd-hmac-key",
            )  # fmt: skip
            box.ok("gnt-cluster", "watcher", "continue")
        one, other = self._cluster.nodes
        for here, there in ((one, other), (other, one)):
            here.path("/root/there.pem").write_bytes(there.path(_CERTIFICATE).read_bytes())

    def _add_guest(self, box: Box) -> None:
        box.ok(
            "gnt-instance", "add", "--os-type=noop", "--no-nics", "--no-name-check",
            "--no-ip-check", "-t", "file", "--disk=0:size=128M", "-n", box.plan.full_name, _GUEST,
        )  # fmt: skip
        with self._disk(box).open("r+b") as disk:
            disk.seek(_PLACE)
            disk.write(_WORDS)

    def _disk(self, box: Box) -> Path:
        """Return the file of the guest's disk."""
        found = [
            file
            for directory in FILE_DIRECTORIES
            for file in box.path(directory).glob(f"{_GUEST}/*.disk0")
        ]
        if len(found) != 1:
            raise BoxError(f"{box.plan.name}: the guest has {len(found)} files for its disk")
        return found[0]

    def _install(self, box: Box) -> None:
        installation.install(box, self._package)

    def _move(self, number: int, told: str, *, compress: str = "none") -> float:
        """Move the guest away from a cluster, by its number; return the seconds it took."""
        self._say(f"from {told} ...")
        boxes = self._cluster.nodes
        source, target = boxes[number], boxes[1 - number]
        words = (
            f"{_TOOL} --verbose --src-ca-file={_CERTIFICATE} --dest-ca-file=/root/there.pem"
            f" --src-username=mover --src-password-file={_PASSWORD} --compress={compress}"
            # Without that the tool of 3.0.2 fails over its own default.
            f" --opportunistic-tries=0 --dest-primary-node={target.plan.full_name}"
            f" {self._names[number]} {self._names[1 - number]} {_GUEST}"
        )
        act = Act(words, on=number + 1, limit_s=_LIMIT_S)
        outcome = perform(self._cluster, act)
        content = self._disk(target).read_bytes()
        if content[_PLACE : _PLACE + len(_WORDS)] != _WORDS:
            raise BoxError(f"the guest has something else on its disk; {outcome.ended.output}")
        for box, wanted in ((source, ""), (target, "running")):
            there = box.ok("gnt-instance", "list", "--no-headers", "-o", "status")
            if there.strip() != wanted:
                raise BoxError(f"{box.plan.name}: the guest is {there!r}, not {wanted!r}")
        self._say(f"  done in {outcome.took_s:.0f} s")
        return outcome.took_s
