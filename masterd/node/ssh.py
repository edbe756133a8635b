"""The ssh keys of nodes, which the master has them exchange. All functions switch.

Payload of each: node and message of what failed.
"""

from collections.abc import Iterable, Mapping, Sequence

from masterd.node.target import Nodes, Where, several
from masterd.rpc.result import RpcResult


def add_key(
    nodes: Nodes,
    places: Iterable[Where],
    of: Where,
    potential_candidates: Sequence[str],
    *,
    to_authorized_keys: bool,
    to_public_keys: bool,
    get_public_keys: bool,
) -> Mapping[str, RpcResult]:
    """Bring the key of node `of` to the others; candidates go by name."""
    flags = (to_authorized_keys, to_public_keys, get_public_keys)
    candidates = list(potential_candidates)
    return several(nodes, "node_ssh_key_add", places, of.uuid, of.name, candidates, *flags)


def remove_key(
    nodes: Nodes,
    places: Iterable[Where],
    of: Where,
    candidates: Sequence[str],
    potential_candidates: Sequence[str],
    *,
    from_authorized_keys: bool,
    from_public_keys: bool,
    clear_authorized_keys: bool,
    clear_public_keys: bool,
    readd: bool,
) -> Mapping[str, RpcResult]:
    """Take the key of node `of` away; candidates go by uuid, potential ones by name."""
    flags = (
        from_authorized_keys,
        from_public_keys,
        clear_authorized_keys,
        clear_public_keys,
        readd,
    )
    told = (of.uuid, of.name, list(candidates), list(potential_candidates))
    return several(nodes, "node_ssh_key_remove", places, *told, *flags)


def renew_keys(
    nodes: Nodes,
    places: Iterable[Where],
    of: Sequence[Where],
    candidates: Sequence[str],
    potential_candidates: Sequence[str],
    *,
    old_type: str,
    new_type: str,
    new_bits: int,
) -> Mapping[str, RpcResult]:
    """Make new keys for nodes; candidates go by uuid, potential ones by name."""
    told = ([at.uuid for at in of], [at.name for at in of])
    rest = (list(candidates), list(potential_candidates), old_type, new_type, new_bits)
    return several(nodes, "node_ssh_keys_renew", places, *told, *rest)
