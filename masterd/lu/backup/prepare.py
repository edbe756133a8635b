"""OP_BACKUP_PREPARE: what the other cluster has to know before an instance goes there.

Source: Ganeti 3.0.2 lib/cmdlib/backup.py, LUBackupPrepare (order, result).
"""

from dataclasses import dataclass, field

from masterd.config.snapshot import ConfigSnapshot
from masterd.lu.backup import handover, remote, secret
from masterd.lu.instance import guest
from masterd.lu.instance.guest import Guest
from masterd.opcodes.backup import OpBackupPrepare
from masterd.work.base import Description, Locks, LogicalUnit


@dataclass(frozen=True, slots=True)
class _Plan:
    guest: Guest
    #: The clusters' secret; not to be told.
    domain: str = field(repr=False)


class LUBackupPrepare(LogicalUnit[OpBackupPrepare, _Plan]):
    """Has the instance's node make a key, and signs what the other cluster is to believe.

    Before an export within the cluster there is nothing to prepare.
    """

    def needs(self, config: ConfigSnapshot) -> Locks:
        return guest.lock(config, self.op)

    def check(self, config: ConfigSnapshot) -> _Plan:
        found = guest.find(config, self.op)
        guest.check_online(found.node)
        return _Plan(found, secret.read(self.work))

    def describe(self, plan: _Plan) -> Description:
        if self.op.mode != "remote":
            return []
        return [f"Make a key for an export of {plan.guest.instance.name} on {plan.guest.node.name}"]

    def execute(self, plan: _Plan) -> dict[str, object] | None:
        if self.op.mode != "remote":
            return None
        node, salt = plan.guest.node, secret.salt(self.work)
        self.work.say(f"Generating X509 certificate on {node.name}")
        name, pem = remote.new_certificate(self.work, node)
        return {
            "handshake": handover.handshake(plan.domain, secret.salt(self.work)),
            "x509_key_name": handover.key(plan.domain, name, salt),
            "x509_ca": remote.signed(plan.domain, pem, salt),
        }
