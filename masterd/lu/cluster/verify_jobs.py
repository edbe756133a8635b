"""OP_CLUSTER_VERIFY and OP_CLUSTER_VERIFY_DISKS: which jobs verify a cluster, group by group.

Source: Ganeti 3.0.2 lib/cmdlib/cluster/verify.py, LUClusterVerify, LUClusterVerifyDisks.
"""

from collections.abc import Sequence
from typing import Final

from masterd.config.snapshot import ConfigSnapshot
from masterd.lock.levels import ALL, LockLevel, LockMode, LockRequest, Names
from masterd.lu import names
from masterd.opcodes.base import OpCode
from masterd.opcodes.cluster_verify import (
    OpClusterVerify,
    OpClusterVerifyConfig,
    OpClusterVerifyDisks,
    OpClusterVerifyGroup,
    OpGroupVerifyDisks,
)
from masterd.query.instance_row import InstanceRow
from masterd.work.base import Description, Locks, LogicalUnit, WithJobs

#: Disks of this template cannot be verified: their providers have no way to be asked.
_NOT_VERIFIABLE: Final = "ext"


class LUClusterVerify(LogicalUnit[OpClusterVerify, Sequence[str]]):
    """Submits a job for the configuration and, behind it, one for each group, or one group's alone.

    Nothing is locked: a group that is named need not exist, its job will say so.
    """

    def check(self, config: ConfigSnapshot) -> Sequence[str]:
        return [self.op.group_name] if self.op.group_name else sorted(config.nodegroups)

    def describe(self, plan: Sequence[str]) -> Description:
        jobs = [f"Submit a job that verifies the group {group}" for group in plan]
        whole = [] if self.op.group_name else ["Submit a job that verifies the configuration"]
        return [*whole, *jobs]

    def execute(self, plan: Sequence[str]) -> WithJobs:
        op = self.op
        if op.group_name:
            return WithJobs([[self._of_group(op.group_name)]])
        whole = OpClusterVerifyConfig(
            debug_simulate_errors=op.debug_simulate_errors,
            error_codes=op.error_codes,
            ignore_errors=op.ignore_errors,
            verbose=op.verbose,
        )
        # Each waits for the first, however that ends.
        groups = [
            [self._of_group(group, behind=place)] for place, group in enumerate(plan, start=1)
        ]
        return WithJobs([[whole], *groups])

    def _of_group(self, group: str, *, behind: int | None = None) -> OpCode:
        """Return the opcode that verifies a group, after the job that is so many before its own."""
        op = self.op
        return OpClusterVerifyGroup(
            group_name=group,
            debug_simulate_errors=op.debug_simulate_errors,
            error_codes=op.error_codes,
            ignore_errors=op.ignore_errors,
            skip_checks=op.skip_checks,
            verbose=op.verbose,
            verify_clutter=op.verify_clutter,
            depends=None if behind is None else ((-behind, ()),),
        )


class LUClusterVerifyDisks(LogicalUnit[OpClusterVerifyDisks, Sequence[str]]):
    """Submits a job for each group, or for one; none where no disk can be verified."""

    def needs(self, config: ConfigSnapshot) -> Locks:
        wanted: Names | frozenset[str] = ALL
        if self.op.group_name:
            wanted = frozenset({names.group(config, self.op.group_name).uuid})
        return {LockLevel.NODEGROUP: LockRequest(wanted, LockMode.SHARED)}

    def check(self, config: ConfigSnapshot) -> Sequence[str]:
        rows = (InstanceRow(config, instance) for instance in config.instances.values())
        if all(row.disk_template == _NOT_VERIFIABLE for row in rows):
            return []
        return sorted(self.work.locks.names(LockLevel.NODEGROUP))

    def describe(self, plan: Sequence[str]) -> Description:
        return [f"Submit a job that verifies the disks of the group {group}" for group in plan]

    def execute(self, plan: Sequence[str]) -> WithJobs:
        return WithJobs([[OpGroupVerifyDisks(group_name=group)] for group in plan])
