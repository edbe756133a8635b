"""Beginning and end of a cluster, and its name."""

from typing import Final

from tests.same_calls.case import case, named, op
from tests.sample_config import Document

RENAME: Final = "OP_CLUSTER_RENAME"

#: What a node answers whose script fails.
TAKEN: Final = {"upload_file": None}
DONE: Final = {"node_configure_ovs": None}
FAILED: Final = [["cluster-init-post.d/00-no", 1, "not today"]]


def _master(document: Document) -> Document:
    found: Document = document["nodes"][document["cluster"]["master_node"]]
    return found


def _switched(document: Document) -> None:
    """Have the master's network go through an Open vSwitch with a way out."""
    _master(document)["ndparams"] = {"ovs": True, "ovs_name": "switch2", "ovs_link": "eth2"}


def _without_way_out(document: Document) -> None:
    """The same, without a link."""
    document["cluster"]["ndparams"]["ovs_link"] = ""
    _master(document)["ndparams"] = {"ovs": True, "ovs_name": "switch2"}


def _plain(document: Document) -> None:
    """Have no such switch."""
    _master(document)["ndparams"] = {}


def _lonely(document: Document) -> None:
    """Leave the master alone, without instances."""
    document["instances"], document["disks"] = {}, {}
    master = document["cluster"]["master_node"]
    document["nodes"] = {master: document["nodes"][master]}
    document["cluster"]["candidate_certs"] = {master: "0" * 40}


def _one_node(document: Document) -> None:
    """Leave the master alone, with an instance."""
    master = document["cluster"]["master_node"]
    kept = next(uuid for uuid, each in document["instances"].items() if not each["disks"])
    instance = {**document["instances"][kept], "primary_node": master}
    _lonely(document)
    document["instances"] = {kept: instance}


def _keyless(document: Document) -> None:
    """Have no host keys, an offline node, and the address brought up by a script of the site."""
    document["cluster"] |= {"rsahostkeypub": "", "use_external_mip_script": True}
    named(document, "nodes", "node6.example.com").update(offline=True, drained=False)


CASES: Final = (
    case("plain", op("OP_CLUSTER_POST_INIT"), config=_plain, answers={"hooks_runner": FAILED}),
    case("a switch", op("OP_CLUSTER_POST_INIT"), config=_switched, answers=DONE),
    case("no way out", op("OP_CLUSTER_POST_INIT"), config=_without_way_out, answers=DONE),
    case("nodes left", op("OP_CLUSTER_DESTROY")),
    case("an instance left", op("OP_CLUSTER_DESTROY"), config=_one_node),
    case("another name", op(RENAME, name="FREE.example.com"), answers=TAKEN),
    case("without keys", op(RENAME, name="free.example.com"), config=_keyless, answers=TAKEN),
    case("its own name", op(RENAME, name="cluster.example.com")),
    case("forbidden", op(RENAME, name="free.example.com"), answers={"hooks_runner": FAILED}),
    case("an address in use", op(RENAME, name="node6.example.com")),
    case("unknown", op(RENAME, name="nobody.example.com")),
    case("no name", op(RENAME, name="no body")),
    case("the end", op("OP_CLUSTER_DESTROY"), config=_lonely, mended=True),
)
