"""The disks of an instance on the two nodes between which it goes. All methods switch.

Disks that all nodes reach are opened and closed; both copies of a DRBD disk may be written for as
long as a migration needs it, and in between they are connected anew.

Source: Ganeti 3.0.2 lib/cmdlib/instance_migration.py (calls, pauses, texts).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import msgspec

from masterd.config.kinds import INSTANCE, AnyDisk, AnyInstance
from masterd.config.node import Node
from masterd.config.snapshot import ConfigSnapshot
from masterd.config.transaction import Draft
from masterd.errors import GanetiError, OpExecError
from masterd.instance import disks
from masterd.instance import migration as rules
from masterd.instance.migration import Mirroring
from masterd.lu.moves.switch import Switch
from masterd.node import disks as nodes_disks
from masterd.rpc.result import RpcResult
from masterd.work.context import RecordedConfig
from masterd.work.work import Work

#: Seconds before the next look at copies that are not the same.
_PAUSE_S: Final = 2.0
_WHOLE: Final = 100.0


class BothEnds:
    """The disks of one instance, as they are recorded at each step."""

    def __init__(self, work: Work, plan: Switch) -> None:
        self._work = work
        self._plan = plan

    # --- on one of them -----------------------------------------------------------------------

    def open(self, node: Node, *, exclusive: bool) -> None:
        """Let a node use the disks, alone or together with the other one.

        Raises:
            RpcError: it failed.
        """
        how = "exclusive" if exclusive else "shared"
        self._work.say(f"* opening instance disks on node {node.name} in {how} mode")
        config, instance, those = self._now()
        nodes = self._work.rpc
        result = nodes_disks.open_(nodes, config, node, instance, those, exclusive=exclusive)
        result.raise_(f"Cannot open instance disks on node {node.name}")

    def close(self, node: Node) -> None:
        """Let a node use the disks no longer; one that is offline does not.

        Raises:
            OpExecError: it failed, and that matters.
        """
        self._work.say(f"* closing instance disks on node {node.name}")
        config, instance, those = self._now()
        result = nodes_disks.close(self._work.rpc, config, node, instance, those)
        if result.ok:
            return
        if not result.offline and not self._plan.leave.for_copies:
            raise OpExecError(f"Cannot close instance disks on node {node.name}: {result.error}")
        self._work.say.warning(
            f"Could not close instance disks on node {node.name}, proceeding anyway: {result.error}"
        )

    def unmap(self, node: Node) -> None:
        """Have a node let go of disks that it got from elsewhere; what stays is told of."""
        config, instance, those = self._now()
        mapped = [disk for disk in those if disk.dev_type in rules.MAPPED]
        if not mapped:
            return
        shown = ", ".join(disk.name or disk.iv_name for disk in mapped)
        self._work.say(f"* unmapping instance's disks {shown} from {node.name}")
        for disk in mapped:
            result = nodes_disks.shut_down(self._work.rpc, config, node, (disk, instance))
            result.warn(
                f"Disk {disks.shown(disk)} of instance {instance.name} could not be unmapped and"
                f" has to be by hand, on node {node.name}",
                self._work.say.warning,
            )

    # --- on both ------------------------------------------------------------------------------

    def become(self, *, dual: bool) -> None:
        """Connect both copies of DRBD disks anew, so that one node may write them, or both.

        Raises:
            RpcError: a node failed.
        """
        say, nodes = self._work.say, self._work.rpc
        say("* changing into standalone mode")
        config, instance, those = self._now()
        ends = self._plan.ends
        answers = nodes_disks.drbd_disconnect(nodes, config, ends, instance, those)
        _check(answers, "Cannot disconnect disks on node")
        say(f"* changing disks into {'dual' if dual else 'single'}-master mode")
        answers = nodes_disks.drbd_attach(nodes, config, ends, instance, those, both_primary=dual)
        _check(answers, "Cannot change disks config on node")

    def wait_same(self) -> None:
        """Wait until both copies of DRBD disks are the same, however long that takes.

        Raises:
            RpcError: a node does not tell.
        """
        work = self._work
        work.say("* wait until resync is done")
        while True:
            config, instance, those = self._now()
            ends = self._plan.ends
            answers = nodes_disks.drbd_wait_sync(work.rpc, config, ends, instance, those)
            _check(answers, "Cannot resync disks on node")
            told: list[Any] = [result.payload for result in answers.values()]
            if all(done for done, _ in told):
                return
            percent = min((part for _, part in told if part is not None), default=_WHOLE)
            if percent < _WHOLE:
                work.say(f"   - progress: {percent:.1f}%")
            work.sleep(_PAUSE_S)

    def settle(self) -> None:
        """Let one node alone write DRBD disks again, and wait until both copies are the same.

        Raises:
            RpcError: a node failed.
        """
        if self._plan.mirroring is Mirroring.INSIDE:
            self.become(dual=False)
            self.wait_same()

    # --- what is left of it -------------------------------------------------------------------

    @contextmanager
    def left_told(self) -> Iterator[None]:
        """Tell of the disks where a failure ends what was begun with them."""
        try:
            yield
        except GanetiError as error:
            self.tell_left(error)
            raise

    def tell_left(self, error: GanetiError) -> None:
        """Tell in which state a failure may have left the disks, and what helps."""
        _, instance, those = self._now()
        shown = ", ".join(map(disks.shown, those))
        names = " and ".join(node.name for node in self._plan.ends)
        self._work.say.warning(
            f"Instance {instance.name} may be left with disks that both nodes {names} use, or that"
            f" are not connected: {shown or 'none'}; a migration with 'cleanup' puts that in"
            f" order; error '{error.message}'"
        )

    def _now(self) -> tuple[ConfigSnapshot, AnyInstance, Sequence[AnyDisk]]:
        config = self._work.config.snapshot()
        instance = config.instances[self._plan.instance.uuid]
        return config, instance, disks.of(config, instance)


def _check(answers: Mapping[str, RpcResult], text: str) -> None:
    for result in answers.values():
        result.raise_(f"{text} {result.node_name}")


def record_primary(config: RecordedConfig, uuid: str, node: Node) -> None:
    """Record that an instance, planned or not, has another primary node. Switches."""

    def change(draft: Draft) -> None:
        instance = draft.require(INSTANCE, uuid)
        draft.put(msgspec.structs.replace(instance, primary_node=node.uuid))

    config.update(change)
