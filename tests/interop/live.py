"""luxid and our daemon on the same generated configuration, with nodes that answer.

Both ask the same simulated node daemons, so that what lives on nodes is the same for both.
"""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from masterd.config import document
from masterd.config.instance import Instance
from masterd.config.params import fill
from masterd.config.snapshot import ConfigSnapshot
from masterd.testing import certificates, node_facts
from masterd.testing import cluster as clusters
from masterd.testing.cluster import ClusterNode, SimulatedCluster
from masterd.testing.control import NodeControl
from masterd.testing.node_facts import Capacity
from tests.interop import luxid, luxid_support, masters
from tests.sample_config import Document

#: Of the instances that should run, one in so many does not, and one in so many runs elsewhere.
_LOST: Final = 5
_STRAYED: Final = 7


@dataclass(frozen=True, slots=True)
class Roots:
    """Two masters of the same name with the same configuration, and nodes that answer both.

    Attributes:
        config: what `config.data` of both holds.
        cluster: the nodes; the master's root is that of our daemon.
        theirs: root for luxid.
        ours: root for our daemon.
        control: tells nodes to misbehave.
    """

    config: ConfigSnapshot
    cluster: SimulatedCluster
    theirs: Path
    ours: Path
    control: NodeControl


@contextmanager
def at_work(made: Document) -> Iterator[Roots]:
    """Run both masters of a configuration, the reference with what carries out its jobs."""
    with (
        roots(made) as found,
        luxid.luxid(found.theirs, config_serial=found.config.serial_no),
        luxid.wconfd(found.theirs),
        masters.ours(found.ours),
    ):
        yield found


@contextmanager
def roots(made: Document) -> Iterator[Roots]:
    """Make two masters of a configuration and run the daemons of its nodes.

    Most of the instances that should run do. Nodes differ in size.
    """
    # Not under pytest's own directory, which other users may not enter.
    base = Path(tempfile.mkdtemp(prefix="gm-"))
    try:
        base.chmod(0o755)
        cluster = clusters.build(base / "ours", nodes=len(made["nodes"]))
        config = document.split(moved(made, cluster))
        theirs = base / "theirs" / cluster.master.name
        shutil.copytree(cluster.master_root, theirs)
        for root in (theirs, cluster.master_root):
            luxid_support.write_configuration(root, config)
        luxid.give(theirs)
        _populate(config, cluster)
        with clusters.node_processes(cluster) as control:
            yield Roots(config, cluster, theirs, cluster.master_root, control)
    finally:
        shutil.rmtree(base)


def moved(made: Document, cluster: SimulatedCluster) -> Document:
    """Return a configuration whose nodes are the first of a cluster, in the same order.

    A secondary address `NET.<number>` is one in the cluster's network, others are as the primary.
    """
    pairs = list(zip(made["nodes"].items(), cluster.nodes[: len(made["nodes"])], strict=True))
    digests = {
        uuid: certificates.read_digest(cluster.data(node) / "client.pem")
        for (uuid, told), node in pairs
        if told["master_candidate"]
    }
    return {
        **made,
        "cluster": {
            **made["cluster"],
            "master_ip": cluster.master_ip,
            "candidate_certs": digests,
        },
        "nodes": {uuid: _moved_node(told, node) for (uuid, told), node in pairs},
    }


def _moved_node(told: Document, node: ClusterNode) -> Document:
    net, second = node.address.rpartition(".")[0], str(told["secondary_ip"])
    return {
        **told,
        "name": node.name,
        "primary_ip": node.address,
        "secondary_ip": second.replace("NET", net) if second.startswith("NET.") else node.address,
    }


def _populate(config: ConfigSnapshot, cluster: SimulatedCluster) -> None:
    """Give nodes sizes, and let instances run."""
    nodes: Mapping[str, Path] = {each.name: cluster.root(each) for each in cluster.nodes}
    for number, root in enumerate(nodes.values()):
        size = Capacity(
            memory_mib=131_072 + 4096 * number,
            memory_own_mib=4096,
            processors=32 + number,
            storage_mib=2_000_000 + 1000 * number,
            storage_used_mib=100_000,
        )
        node_facts.write_capacity(root, size)
    should_run = [
        each
        for each in config.instances.sorted()
        if isinstance(each, Instance) and each.admin_state == "up"
    ]
    for number, instance in enumerate(should_run):
        if number % _LOST == 0:
            continue
        names = list(nodes)
        where = names.index(config.nodes[instance.primary_node].name)
        if number % _STRAYED == 0:
            where = (where + 1) % len(names)
        parameters = fill(config.cluster.beparams["default"], instance.beparams)
        node_facts.write_instance(
            nodes[names[where]],
            instance.name,
            memory_mib=parameters.maxmem,
            processors=parameters.vcpus,
        )
