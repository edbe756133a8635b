"""How many nodes are master candidates, and what a node gets or loses that becomes or was one.

A candidate's certificate is one of those that may call nodes, and its ssh key opens all of them.

Source: Ganeti 3.0.2 lib/config (GetMasterCandidateStats, MaintainCandidatePool),
lib/cmdlib/common.py (AdjustCandidatePool and what is around it: order, texts).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from masterd.config.kinds import NODE
from masterd.config.node import Node
from masterd.config.snapshot import ConfigSnapshot
from masterd.config.transaction import Draft
from masterd.errors import OpExecError
from masterd.filter.natural import natural_key
from masterd.node import membership, ssh
from masterd.node.target import Where
from masterd.rpc.result import RpcResult
from masterd.work.work import Work

#: A node is asked for the digest of the certificate that it has. Source: constants CRYPTO_*.
_DIGEST: Final = "ssl"
_GET: Final = "get"


@dataclass(frozen=True, slots=True)
class Pool:
    """Numbers of master candidates: there are, there should be."""

    present: int
    wanted: int


def pool(nodes: Iterable[Node], size: int, *, without: str | None = None) -> Pool:
    """Return the numbers for a cluster's nodes, as if one of them, by uuid, were not there."""
    others = [node for node in nodes if node.uuid != without]
    able = sum(_can_be(node) for node in others)
    return Pool(sum(node.master_candidate for node in others), min(able, size))


def has_room(config: ConfigSnapshot, *, without: str | None = None) -> bool:
    """Tell whether one more node should be a candidate; `without` is that node's uuid, if known."""
    size = config.cluster.candidate_pool_size
    found = pool(config.nodes.values(), size, without=without)
    return found.present < min(found.wanted + 1, size)


def fill(draft: Draft, *, without: str) -> list[str]:
    """Make as many nodes candidates as there should be, but not that one; return their uuids.

    They are taken in the order of their names; the reference draws them.
    """
    nodes = sorted(draft.every(NODE), key=lambda node: natural_key(node.name))
    found = pool(nodes, draft.cluster.candidate_pool_size, without=without)
    free = [n for n in nodes if _can_be(n) and not n.master_candidate and n.uuid != without]
    promoted = free[: max(0, found.wanted - found.present)]
    for node in promoted:
        draft.put(msgspec.structs.replace(node, master_candidate=True))
    return [node.uuid for node in promoted]


@dataclass(frozen=True, slots=True)
class Shortage:
    """Candidates that are there, that should be, and the nodes that become candidates."""

    present: int
    wanted: int
    promoted: Sequence[Node]


def shortage(config: ConfigSnapshot, size: int) -> Shortage:
    """Return what a pool of this size lacks; nodes are taken by their names. Pure."""
    nodes = sorted(config.nodes.values(), key=lambda node: natural_key(node.name))
    found = pool(nodes, size)
    free = [node for node in nodes if _can_be(node) and not node.master_candidate]
    return Shortage(found.present, found.wanted, free[: max(0, found.wanted - found.present)])


def prepare(work: Work, config: ConfigSnapshot, promoted: Sequence[Node]) -> dict[str, str]:
    """Let nodes be what candidates must be; return the digests of their certificates. Switches.

    Raises:
        RpcError: a node does not say, or its ssh key cannot be made known.
    """
    digests: dict[str, str] = {}
    for node in promoted:
        digests[node.uuid] = certificate(work, node, None)
        if config.cluster.modify_ssh_setup:
            spread_key(work, node)
    return digests


def promote(draft: Draft, digests: Mapping[str, str]) -> None:
    """Make nodes candidates whose certificates have these digests."""
    for uuid in digests:
        draft.put(msgspec.structs.replace(draft.require(NODE, uuid), master_candidate=True))
    if digests:
        _set_certificates(draft, {**draft.cluster.candidate_certs, **digests})


def forget_certificate(draft: Draft, uuid: str) -> None:
    """Let a node's certificate no longer be one of a candidate."""
    there = draft.cluster.candidate_certs
    if uuid in there:
        _set_certificates(draft, {each: there[each] for each in there if each != uuid})


def admit(work: Work, node: Node) -> None:
    """Let the certificate that a node has be one of a candidate. Switches.

    Raises:
        RpcError: it does not tell which that is.
    """
    record(work, node.uuid, certificate(work, node, None))


def replace_certificates(work: Work, digests: Mapping[str, str]) -> None:
    """Let these certificates, and no others, be those of candidates. Switches."""
    work.config.update(lambda draft: _set_certificates(draft, digests))


def record(work: Work, uuid: str, digest: str) -> None:
    """Let a certificate be one of a candidate. Switches."""

    def change(draft: Draft) -> None:
        _set_certificates(draft, {**draft.cluster.candidate_certs, uuid: digest})

    work.config.update(change)


def certificate(work: Work, node: Where, options: Mapping[str, object] | None) -> str:
    """Return the digest of a node's certificate. Switches.

    Raises:
        RpcError: the node does not tell it.
        OpExecError: what it tells is something else.
    """
    told = certificates(work, [node], options)[node.uuid]
    if isinstance(told, OpExecError):
        raise told
    return told


def certificates(
    work: Work, nodes: Iterable[Where], options: Mapping[str, object] | None
) -> dict[str, str | OpExecError]:
    """Return by uuid the digest of each node's certificate, or why it is not known. Switches."""
    results = membership.crypto_tokens(work.rpc, nodes, [(_DIGEST, _GET, options)])
    return {uuid: _digest(result) for uuid, result in results.items()}


def _digest(result: RpcResult) -> str | OpExecError:
    untold = f"Node {result.node_name} does not tell the digest of its certificate"
    try:
        result.raise_(untold)
    except OpExecError as error:
        return error
    match result.payload:
        case [[kind, str(digest)]] if kind == _DIGEST:
            return digest
    return OpExecError(f"{untold}, but others")


def welcome(work: Work, promoted: Sequence[str], *, without: str) -> None:
    """Give those that `fill` has promoted what candidates have. Switches.

    Raises:
        RpcError: a node does not tell its certificate, or the master does not spread a key.
    """
    nodes = work.config.snapshot().nodes
    if promoted:
        names = ", ".join(nodes[uuid].name for uuid in promoted)
        work.say.info(f"Promoted nodes to master candidate role: {names}")
    for uuid in promoted:
        admit(work, nodes[uuid])
        if work.config.snapshot().cluster.modify_ssh_setup:
            spread_key(work, nodes[uuid])
    size = work.config.snapshot().cluster.candidate_pool_size
    found = pool(work.config.snapshot().nodes.values(), size, without=without)
    if found.present > found.wanted:
        work.say.info(
            f"Note: more nodes are candidates ({found.present}) than desired ({found.wanted})"
        )


# --- ssh keys -----------------------------------------------------------------------------------


def could_be_candidates(config: ConfigSnapshot) -> list[str]:
    """Return the names of the nodes whose keys all candidates know: of all nodes."""
    return [config.nodes[uuid].name for uuid in sorted(config.nodes)]


def candidates(config: ConfigSnapshot) -> list[str]:
    """Return the uuids of the master candidates."""
    return [uuid for uuid in sorted(config.nodes) if config.nodes[uuid].master_candidate]


def spread_key(work: Work, node: Node) -> None:
    """Have the master let a new candidate into all nodes. Switches.

    Raises:
        RpcError: it does not.
    """
    config = work.config.snapshot()
    results = ssh.add_key(
        work.rpc, [config.master], node, could_be_candidates(config),
        to_authorized_keys=True, to_public_keys=True, get_public_keys=False,
    )  # fmt: skip
    result = results[config.master.uuid]
    result.raise_(f"The ssh key of the new candidate {node.name} could not be spread")
    tell_untaken(work, result)


def tell_untaken(work: Work, result: RpcResult) -> None:
    """Tell which nodes' keys the master could not change."""
    untaken: Any = result.payload
    if untaken:
        work.say("Some nodes' SSH key files could not be updated:")
        for name, why in untaken:
            work.say(f"{name}: {why}")


def _can_be(node: Node) -> bool:
    return node.master_capable and not node.offline and not node.drained


def _set_certificates(draft: Draft, digests: Mapping[str, str]) -> None:
    draft.put(msgspec.structs.replace(draft.cluster, candidate_certs=digests))
