"""Master candidates: how many there should be, and what makes a node one.

Source: Ganeti 3.0.2 lib/cmdlib/common.py, AdjustCandidatePool; lib/config, MaintainCandidatePool.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from masterd.config.kinds import NODE
from masterd.config.node import Node
from masterd.config.snapshot import ConfigSnapshot
from masterd.config.transaction import Draft
from masterd.filter.natural import natural_key
from masterd.node import membership, ssh
from masterd.work.work import Work

#: Asks for the digest of a node's certificate. Source: constants CRYPTO_*.
_DIGEST: Final = ("ssl", "get", None)


@dataclass(frozen=True, slots=True)
class Shortage:
    """Candidates that are there, that should be, and the nodes that become candidates."""

    present: int
    wanted: int
    promoted: Sequence[Node]


def shortage(config: ConfigSnapshot, pool_size: int) -> Shortage:
    """Return what a pool of this size lacks; nodes are taken by their names. Pure."""
    nodes = sorted(config.nodes.values(), key=lambda node: natural_key(node.name))
    able = [node for node in nodes if node.master_capable and not (node.offline or node.drained)]
    present = sum(node.master_candidate for node in nodes)
    wanted = min(pool_size, len(able))
    free = [node for node in able if not node.master_candidate]
    return Shortage(present, wanted, free[: max(0, wanted - present)])


def prepare(work: Work, config: ConfigSnapshot, promoted: Sequence[Node]) -> dict[str, str]:
    """Let nodes be what candidates must be; return the digests of their certificates. Switches.

    Raises:
        RpcError: a node does not say, or its ssh key cannot be made known.
    """
    digests: dict[str, str] = {}
    names = [node.name for node in config.nodes.sorted()]
    for node in promoted:
        result = membership.crypto_tokens(work.rpc, node, [_DIGEST])
        result.raise_(f"The digest of the certificate of node {node.name} is not known")
        tokens: Any = result.payload
        digests[node.uuid] = str(tokens[0][1])
        if config.cluster.modify_ssh_setup:
            _make_known(work, config, node, names)
    return digests


def _make_known(work: Work, config: ConfigSnapshot, node: Node, names: Sequence[str]) -> None:
    answers = ssh.add_key(
        work.rpc, [config.master], node, names,
        to_authorized_keys=True, to_public_keys=True, get_public_keys=False,
    )  # fmt: skip
    result = answers[config.master.uuid]
    result.raise_(f"The ssh key of node {node.name} was not made known")
    failed: Any = result.payload
    if failed:
        work.say("Some nodes' SSH key files could not be updated:")
        for name, text in failed:
            work.say(f"{name}: {text}")


def promote(draft: Draft, digests: Mapping[str, str]) -> None:
    """Make nodes candidates whose certificates have these digests."""
    for uuid in digests:
        draft.put(msgspec.structs.replace(draft.require(NODE, uuid), master_candidate=True))
    if digests:
        certificates = {**draft.cluster.candidate_certs, **digests}
        draft.put(msgspec.structs.replace(draft.cluster, candidate_certs=certificates))
