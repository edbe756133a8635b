"""Which commands would leave the nodes' certificates half renewed."""

import pytest

from masterd.job.model import Peer
from masterd.luxi.renewal import refuse_half, renews_nodes


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


def test_who_has_gone_is_not_refused() -> None:
    refuse_half(["cluster_name", "master_node"], Peer(uid=0, gid=0, pid=0))
    assert renews_nodes([]) is False
