"""Which commands would leave the nodes' certificates half renewed."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from masterd.errors import OpPrereqError
from masterd.job.model import Peer
from masterd.luxi.renewal import refuse_half, renews_nodes

QUESTION: Final = ("cluster_name", "master_node")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("/usr/bin/python3 /usr/sbin/gnt-cluster renew-crypto --new-cluster-certificate", True),
        ("gnt-cluster renew-crypto -f --new-node-certificates", True),
        ("gnt-cluster renew-crypto --new-rapi-certificate --new-cluster-cert", True),
        ("gnt-cluster renew-crypto --new-n", True),
        ("gnt-cluster renew-crypto --new-rapi-certificate --new-confd-hmac-key", False),
        ("gnt-cluster renew-crypto --new-cluster-domain-secret", False),
        ("gnt-cluster renew-crypto --new-ssh-keys", False),
        ("gnt-cluster command --new-node-certificates", False),
        ("", False),
    ],
)
def test_new_certificates_of_nodes_are_told_from_other_renewals(line: str, expected: bool) -> None:
    assert renews_nodes(line.encode().split()) is expected


def test_who_has_gone_is_not_refused(tmp_path: Path) -> None:
    refuse_half(QUESTION, Peer(uid=0, gid=0, pid=0), tmp_path / "gone")
    assert renews_nodes([]) is False


@pytest.fixture
def command() -> Iterator[Peer]:
    """A process that seems to be the command."""
    line = ("-c", "input('up\\n')", "gnt-cluster", "renew-crypto", "--new-node-certificates")
    with subprocess.Popen(
        [sys.executable, *line], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        # Its command line is there once it runs, which is not yet so when it has been started.
        assert process.stdout is not None and process.stdout.readline() == "up\n"
        yield Peer(uid=0, gid=0, pid=process.pid)


def test_the_command_is_refused_where_nobody_can_write_certificates_down(
    command: Peer, tmp_path: Path
) -> None:
    refuse_half(QUESTION, command, Path(sys.executable))
    refuse_half(["cluster_name"], command, tmp_path / "gone")
    with pytest.raises(OpPrereqError, match="nothing was changed"):
        refuse_half(QUESTION, command, tmp_path / "gone")
