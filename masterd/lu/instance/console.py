"""OP_INSTANCE_CONSOLE: how the console of an instance is reached.

Source: Ganeti 3.0.2 lib/cmdlib/instance_operation.py (checks, texts); constants INSTST_*.
"""

from collections.abc import Mapping
from typing import Any, Final

from masterd.config.instance import AdminState
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import OpExecError
from masterd.instance.console import Console, console
from masterd.lock.levels import LockMode
from masterd.lu.instance import guest
from masterd.lu.instance.guest import Guest
from masterd.node import instances
from masterd.opcodes.instance_life import OpInstanceConsole
from masterd.work.base import Locks, LogicalUnit

#: What an instance that does not run is called, by the state it is to be in.
_CALLED: Final[Mapping[AdminState, str]] = {
    "up": "ERROR_down",
    "down": "ADMIN_down",
    "offline": "ADMIN_offline",
}


class LUInstanceConsole(LogicalUnit[OpInstanceConsole, Guest]):
    """Tells what to run, or what to connect to, once the instance is found running."""

    def needs(self, config: ConfigSnapshot) -> Locks:
        return guest.lock(config, self.op, LockMode.SHARED)

    def check(self, config: ConfigSnapshot) -> Guest:
        found = guest.find(config, self.op)
        guest.check_online(found.node)
        return found

    def execute(self, plan: Guest) -> Console:
        config = self.work.config.snapshot()
        instance, node = plan.instance, plan.node
        answers = instances.names(
            self.work.rpc, (node,), (instance.hypervisor,), config.cluster.hvparams
        )
        result = answers[node.uuid]
        result.raise_(f"Can't get node information from {node.name}")
        running: Any = result.payload
        if instance.name not in running:
            raise OpExecError(
                f"Instance {instance.name} is not running (state {_CALLED[instance.admin_state]})"
            )
        return console(config, instance, node, self.work.paths.run_dir)
