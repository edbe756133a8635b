"""OP_CLUSTER_RENEW_CRYPTO: the nodes have new certificates, or are to have new ssh keys.

The certificates are made by `gnt-cluster renew-crypto` before the job comes, with the daemons of
all nodes stopped. Since then node daemons let in whoever has the master's new certificate; the job
finds out which certificates the candidates have now, and from then on these are let in.

Source: Ganeti 3.0.2 lib/cmdlib/cluster, LUClusterRenewCrypto; lib/ssh.py, DetermineKeyBits (bits).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from masterd import certificates
from masterd.config.cluster import Cluster
from masterd.config.snapshot import ConfigSnapshot
from masterd.config.transaction import Draft
from masterd.errors import ECode, OpPrereqError
from masterd.limits import LU_CERTIFICATE_TRIES
from masterd.lock.levels import ALL, LockLevel, LockRequest
from masterd.lu.node import candidate_pool
from masterd.node import ssh
from masterd.opcodes.cluster import OpClusterRenewCrypto
from masterd.work.base import Description, Locks, LogicalUnit

#: Bits of a key when nobody says how many, and those that there may be, by type.
#: Source: ssh.SSH_KEY_VALID_BITS.
_USUAL_BITS: Final[Mapping[str, int]] = {"dsa": 1024, "ecdsa": 384, "rsa": 2048}
_IS_SIZE: Final[Mapping[str, Callable[[int], bool]]] = {
    "dsa": lambda bits: bits == 1024,
    "ecdsa": lambda bits: bits in {256, 384, 521},
    "rsa": lambda bits: bits >= 768,
}


@dataclass(frozen=True, slots=True)
class Keys:
    """What ssh keys are like."""

    key_type: str
    bits: int


@dataclass(frozen=True, slots=True)
class Renewal:
    """What is renewed.

    Attributes:
        master_digest: of the certificate that this node has now; None where none were made.
        keys: what new ssh keys are to be like; None where none are made.
    """

    master_digest: str | None
    keys: Keys | None


class LUClusterRenewCrypto(LogicalUnit[OpClusterRenewCrypto, Renewal]):
    """Takes the nodes' new certificates over, and has the master make new ssh keys for all."""

    CONFIG_UPDATE_HOOK = True

    def needs(self, config: ConfigSnapshot) -> Locks:
        return {LockLevel.NODE: LockRequest(ALL)}

    def check(self, config: ConfigSnapshot) -> Renewal:
        keys = _keys(config.cluster, self.op.ssh_key_type, self.op.ssh_key_bits)
        are_made = self.op.renew_ssh_keys and config.cluster.modify_ssh_setup
        digest = self._own_digest() if self.op.node_certificates else None
        return Renewal(digest, keys if are_made else None)

    def describe(self, plan: Renewal) -> Description:
        told = []
        if plan.master_digest is not None:
            told.append("Let the certificates that candidates have now call nodes, and no others")
        if plan.keys is not None:
            told.append(f"Give all nodes new ssh keys, {plan.keys.key_type} {plan.keys.bits}")
        return told

    def execute(self, plan: Renewal) -> None:
        say = self.work.say
        if plan.master_digest is not None:
            say("Renewing the certificates of nodes")
            self._take_certificates(plan.master_digest)
        if plan.keys is not None:
            say("Renewing ssh keys")
            self._renew_keys(plan.keys)
        elif self.op.renew_ssh_keys:
            say("The ssh keys are not renewed: this cluster leaves the setup of ssh alone")

    def _own_digest(self) -> str:
        """Return the digest of the certificate with which this node calls others. Switches."""
        path = self.work.paths.client_certificate
        try:
            return self.work.in_thread(lambda: certificates.digest(path.read_bytes()))
        except (OSError, ValueError) as error:
            raise OpPrereqError(
                f"The master's certificate {path} cannot be read: {error}", ECode.ENVIRON
            ) from error

    def _take_certificates(self, master_digest: str) -> None:
        """Find out which certificates the candidates have, and let no others in. Switches.

        One that does not tell is left out: what it had before is not good any more.
        """
        config = self.work.config.snapshot()
        digests = {config.cluster.master_node: master_digest}
        asked = [node for node in config.queue_replicas() if not node.offline]
        why: dict[str, str] = {}
        for _ in range(LU_CERTIFICATE_TRIES):
            left = [node for node in asked if node.uuid not in digests]
            if not left:
                break
            for uuid, told in candidate_pool.certificates(self.work, left, {}).items():
                if isinstance(told, str):
                    digests[uuid] = told
                else:
                    why[uuid] = told.message
        silent = [why[node.uuid] for node in asked if node.uuid not in digests]
        if silent:
            self.work.say(
                "Some nodes cannot be master candidates until this is done once more, because they"
                " did not tell which certificate they have now. Please see that they can be"
                " reached:\n" + "\n".join(silent)
            )
        candidate_pool.replace_certificates(self.work, digests)

    def _renew_keys(self, keys: Keys) -> None:
        """Have the master make new keys on all nodes and spread them. Switches.

        Raises:
            RpcError: it could not; which keys the nodes have now is not known.
        """
        config = self.work.config.snapshot()
        results = ssh.renew_keys(
            self.work.rpc, [config.master], config.online_nodes(),
            candidate_pool.candidates(config), candidate_pool.could_be_candidates(config),
            old_type=config.cluster.ssh_key_type, new_type=keys.key_type, new_bits=keys.bits,
        )  # fmt: skip
        result = results[config.master.uuid]
        result.raise_("The ssh keys of the nodes could not be renewed")
        candidate_pool.tell_untaken(self.work, result)

        def change(draft: Draft) -> None:
            form = {"ssh_key_type": keys.key_type, "ssh_key_bits": keys.bits}
            draft.put(msgspec.structs.replace(draft.cluster, **form))

        self.work.config.update(change, quietly=True)


def _keys(cluster: Cluster, key_type: str | None, bits: int | None) -> Keys:
    """Return what new keys are to be like, where a type or bits are wished for, or None.

    Raises:
        OpPrereqError: there are no keys of this type with so many bits.
    """
    present = Keys(cluster.ssh_key_type, cluster.ssh_key_bits)
    key_type = key_type or present.key_type
    if bits is None:
        bits = present.bits if key_type == present.key_type else _USUAL_BITS[key_type]
    if not _IS_SIZE[key_type](bits):
        raise OpPrereqError(
            f"Invalid key type and bit size combination: {key_type} with {bits} bits", ECode.INVAL
        )
    return Keys(key_type, bits)
