"""An instance as a query sees it: its state judged.

Source: answers of luxid 3.0.2; queryfields.json, instance_status_values.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from masterd.config.kinds import AnyInstance
from masterd.config.node import Node
from masterd.config.snapshot import ConfigSnapshot
from masterd.filter.fields import Absent
from masterd.instance import params
from masterd.instance.view import InstanceView


@dataclass(frozen=True, slots=True)
class InstanceState:
    """What nodes said of instances.

    Attributes:
        running: By instance name: node uuid, and `memory`, `vcpus`, `state` as the node tells them.
        silent: Nodes that were asked and did not answer.
        consoles: By instance name; only where asked for.
    """

    running: Mapping[str, tuple[str, Mapping[str, Any]]]
    silent: frozenset[str]
    consoles: Mapping[str, object]


class AskInstances(Protocol):
    """Asks the nodes of instances; may switch greenlets."""

    def __call__(
        self, config: ConfigSnapshot, instances: Sequence[AnyInstance], needs: frozenset[str]
    ) -> InstanceState:
        """Return what they said."""
        ...


# Not slotted, for the sake of `cached_property`.
@dataclass(frozen=True)
class InstanceRow(InstanceView):
    """One instance, and what nodes said of it."""

    state: InstanceState | None = None

    @cached_property
    def shown_os_params(self) -> Mapping[str, object]:
        """Public parameters of the operating system as queries show them: none of variants."""
        base = (self.instance.os or "").partition("+")[0]
        return params.os_public(self.config.cluster, base, self.instance.osparams)

    # --- state --------------------------------------------------------------------------------

    @property
    def is_offline(self) -> bool:
        """Whether its primary node is marked offline."""
        return self._host is not None and self._host.offline

    @property
    def unanswered(self) -> Absent | None:
        """Why nobody tells whether it runs; None where a node said so, be it another one."""
        if self.running is not None:
            return None
        if self.group_of(self._host) is None:
            return Absent.NODATA  # A node without its group is not asked.
        if self.is_offline:
            return Absent.OFFLINE
        if self._host is None or self.state is None or self._host.uuid in self.state.silent:
            return Absent.NODATA
        return None

    @property
    def _host(self) -> Node | None:
        """The primary node, even of an instance without a name."""
        uuid = self.instance.primary_node
        return None if uuid is None else self.config.nodes.get(uuid)

    @property
    def running(self) -> tuple[str, Mapping[str, Any]] | None:
        """Return the uuid of the node it runs on and what that says of it."""
        name = self.instance.name
        return None if self.state is None or name is None else self.state.running.get(name)

    @property
    def status(self) -> str:
        """Return what is and what should be in one word. Source: instance_status_values."""
        if self.is_offline:
            return "ERROR_nodeoffline"
        if self.unanswered is not None:
            return "ERROR_nodedown"
        found = self.running
        if found is None:
            return self._status_when_gone()
        where, data = found
        if where != self.instance.primary_node:
            return "ERROR_wrongnode"
        is_wanted = self.instance.admin_state == "up"
        if not is_shut_down(data.get("state")):
            return "running" if is_wanted else "ERROR_up"
        if not is_wanted:
            return "ADMIN_down"
        return "USER_down" if self.may_shut_itself_down else "ERROR_down"

    def _status_when_gone(self) -> str:
        instance = self.instance
        match instance.admin_state:
            case "up":
                return "ERROR_down"
            case "offline":
                return "ADMIN_offline"
        by_user = instance.admin_state == "down" and instance.admin_state_source == "user"
        is_shown = by_user and self.config.cluster.enabled_user_shutdown
        return "USER_down" if is_shown else "ADMIN_down"

    @property
    def may_shut_itself_down(self) -> bool:
        """Whether its user may shut it down from inside."""
        if not self.config.cluster.enabled_user_shutdown:
            return False
        return self.instance.hypervisor != "kvm" or self.hv_params.get("user_shutdown") is True


def is_shut_down(state: object) -> bool:
    """Tell whether a node says that the instance's user has shut it down (HvInstanceState)."""
    return state in (1, "shutdown")
