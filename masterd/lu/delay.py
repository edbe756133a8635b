"""OP_TEST_DELAY: wait, on nodes or here.

Source: Ganeti 3.0.2 lib/cmdlib/test.py, LUTestDelay (behaviour, texts).
"""

from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import OpExecError, OpPrereqError
from masterd.lock.levels import LockLevel, LockRequest
from masterd.lu import names
from masterd.lu.notify import NotificationSocket
from masterd.node import hooks
from masterd.node.target import target
from masterd.opcodes.test import OpTestDelay
from masterd.rpc.runner import NodeTarget
from masterd.work.base import Locks, LogicalUnit
from masterd.work.feedback import LogKind

Nodes = tuple[NodeTarget, ...]


class LUTestDelay(LogicalUnit[OpTestDelay, Nodes]):
    """Waits `duration` seconds, `repeat` times (once without a line in the log when that is 0).

    The nodes' daemons do the waiting, the master's too; only without any node it is done here. With
    `interruptible` no node is asked: a client may end the wait through a socket. The nodes are
    locked even with `no_locks`, as the reference does it.
    """

    def check_arguments(self) -> None:
        if not self.op.duration > 0:
            raise OpPrereqError("Duration must be greater than zero")

    def needs(self, config: ConfigSnapshot) -> Locks:
        uuids = {names.node(config, name).uuid for name in self.op.on_nodes}
        if self.op.on_master:
            uuids.add(config.cluster.master_node)
        return {LockLevel.NODE: LockRequest(frozenset(uuids))}

    def check(self, config: ConfigSnapshot) -> Nodes:
        found = [config.nodes[uuid] for uuid in self.work.locks.names(LockLevel.NODE)]
        return tuple(target(node) for node in sorted(found, key=lambda node: node.name))

    def execute(self, plan: Nodes) -> None:
        if self.op.repeat == 0:
            self._wait(plan)
            return
        for iteration in range(self.op.repeat):
            self.work.say.info(f"Test delay iteration {iteration}/{self.op.repeat - 1}")
            if self._wait(plan):
                break

    def _wait(self, nodes: Nodes) -> bool:
        """Wait once; tell whether a client ended it. Switches."""
        if self.op.interruptible:
            try:
                return self._wait_interruptibly()
            except OSError as error:
                raise OpExecError(f"The socket for ending the delay failed: {error}") from error
        if nodes:
            results = hooks.delay(self.work.rpc, nodes, self.op.duration)
            for result in results.values():
                result.raise_(f"Failure during rpc call to node {result.node_name}")
        else:
            self.work.sleep(self.op.duration)
        return False

    def _wait_interruptibly(self) -> bool:
        clock = self.work.clock
        started_s = clock.monotonic_s()
        with NotificationSocket() as notification:
            self.work.say.entry(LogKind.DELAY_TEST, [notification.path])
            visitor = notification.accept(self.op.duration)
        if visitor is None:
            return False
        with visitor:
            left_s = self.op.duration - (clock.monotonic_s() - started_s)
            self.work.say(f"Received connection, time to go is {int(left_s)}")
            if not visitor.wait(max(0.0, left_s)):
                return False
        self.work.say(f"Interrupted, time spent waiting: {int(clock.monotonic_s() - started_s)}")
        return True
