"""Chapters of the tour about who is master, new keys, and the cluster's end."""

import time
from typing import Final

from tests.boxes import serving
from tests.boxes.act import Act, Chapter
from tests.boxes.box import BoxError
from tests.boxes.cluster import Cluster
from tests.boxes.tour_cluster import INIT

_RENEW: Final = "gnt-cluster renew-crypto --force"
#: Seconds until the cluster's address answers; the script that brings it up looks for others first.
_ADDRESS_S: Final = 60.0
_LOOK_S: Final = 0.2


def _cut_power(cluster: Cluster) -> str:
    """Cut the master's power, and boot it."""
    first = cluster.nodes[0]
    first.kill()
    cluster.boot(first)
    serving.await_master(cluster.nodes, first.plan.name)
    return ""


def _await_address(cluster: Cluster) -> str:
    """Wait until the cluster's address is up, which every master brings up beside its work."""
    deadline = time.monotonic() + _ADDRESS_S
    while (seen := cluster.nodes[0].run("fping", "-c1", "cluster")).code:
        if time.monotonic() > deadline:
            raise BoxError(f"the cluster's address does not come up:\n{seen.output}")
        time.sleep(_LOOK_S)
    return ""


CHAPTERS: Final = (
    Chapter(
        "masters in turn",
        (
            Act("gnt-debug delay 0.1"),
            Act("gnt-cluster master-failover", on=2),
            Act("gnt-cluster getmaster", shows="node2", on=3),
            Act("gnt-debug delay 0.1", on=2),
            Act("gnt-cluster verify", lacks="ERROR", on=2),
            Act("gnt-cluster master-failover", on=1),
            Act("gnt-cluster getmaster", shows="node1", on=3),
            Act("gnt-debug delay 0.1"),
            Act("gnt-job list", shows="success"),
            Act("the master's power is cut", does=_cut_power),
            Act("gnt-debug delay 0.1"),
        ),
    ),
    Chapter(
        "new keys",
        (
            Act(
                f"{_RENEW} --new-confd-hmac-key --new-rapi-certificate --new-spice-certificate"
                " --new-cluster-domain-secret"
            ),
            Act(f"{_RENEW} --new-node-certificates"),
            Act(f"{_RENEW} --new-cluster-certificate --new-node-certificates"),
            Act(f"{_RENEW} --new-ssh-keys --no-ssh-key-check"),
            Act("gnt-cluster verify", lacks="ERROR"),
        ),
    ),
    Chapter(
        "the cluster ends",
        (
            Act("gnt-cluster rename --force other.boxes.example", lacks="Failure"),
            Act("gnt-cluster info", shows="^Cluster name: other.boxes.example$"),
            Act("gnt-cluster rename --force cluster.boxes.example", lacks="Failure"),
            Act("gnt-cluster verify", lacks="ERROR"),
            Act("gnt-cluster destroy --yes-do-it", code=1, shows="guest|instance|node"),
            Act("gnt-instance remove --force guest1"),
            Act("gnt-instance remove --force guest2"),
            Act("gnt-node remove node3"),
            Act("gnt-node remove node2"),
            Act("gnt-cluster destroy --yes-do-it"),
            Act("gnt-cluster info", code=1),
            # Another cluster begins where this one was.
            Act(INIT),
            Act("gnt-cluster info", shows="^Cluster name: cluster.boxes.example"),
            Act("the cluster's address comes up", does=_await_address),
            Act("gnt-cluster verify", lacks="ERROR"),
        ),
    ),
)
