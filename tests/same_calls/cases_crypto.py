"""Certificates of nodes, and their ssh keys."""

from typing import Final

from masterd.testing.script import FAILS
from tests.same_calls.case import case, named, op
from tests.sample_config import Document

RENEW: Final = "OP_CLUSTER_RENEW_CRYPTO"

#: What a node answers that has a new certificate, and a master that has made new keys.
DIGESTS: Final = {
    "node_crypto_tokens@node2.example.com": [["ssl", "22:22"]],
    "node_crypto_tokens@node3.example.com": [["ssl", "33:33"]],
}
KEYS: Final[Document] = {"node_ssh_keys_renew": []}
UNTAKEN: Final = {"node_ssh_keys_renew": [["node6.example.com", "no route"]]}
#: A node that does not tell, however often it is asked.
SILENT: Final = {**DIGESTS, "node_crypto_tokens@node3.example.com": FAILS}


def _with_keys(document: Document) -> None:
    """Let the cluster look after ssh keys, but not on a node that is away."""
    document["cluster"] |= {"modify_ssh_setup": True, "ssh_key_type": "rsa", "ssh_key_bits": 4096}
    named(document, "nodes", "node6.example.com").update(offline=True, drained=False)


def _without_keys(document: Document) -> None:
    """Have nobody look after ssh keys."""
    document["cluster"]["modify_ssh_setup"] = False


CASES: Final = (
    case("nothing", op(RENEW)),
    case("certificates", op(RENEW, node_certificates=True, verbose=True), answers=DIGESTS),
    case("a silent node", op(RENEW, node_certificates=True), answers=SILENT, failing=False),
    case(
        "keys", op(RENEW, renew_ssh_keys=True, debug=True), config=_with_keys, answers=KEYS,
    ),
    case(
        "both", op(RENEW, node_certificates=True, renew_ssh_keys=True, ssh_key_type="ecdsa"),
        config=_with_keys, answers={**DIGESTS, **UNTAKEN},
    ),
    case(
        "both without keys", op(RENEW, node_certificates=True, renew_ssh_keys=True),
        config=_without_keys, answers=DIGESTS,
    ),
    case(
        "more bits", op(RENEW, renew_ssh_keys=True, ssh_key_bits=8192),
        config=_with_keys, answers=KEYS,
    ),
    case("few bits", op(RENEW, renew_ssh_keys=True, ssh_key_bits=1024), config=_with_keys),
    case("odd bits", op(RENEW, ssh_key_type="ecdsa", ssh_key_bits=400), config=_with_keys),
    case(
        "dsa", op(RENEW, renew_ssh_keys=True, ssh_key_type="dsa"),
        config=_with_keys, answers=KEYS,
    ),
    case("dsa with bits", op(RENEW, ssh_key_type="dsa", ssh_key_bits=2048), config=_with_keys),
)  # fmt: skip
