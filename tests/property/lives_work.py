"""What may come to a cluster in random lives: opcodes, as they are drawn for what is there."""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Final, TypeVar

from masterd.config.kinds import AnyInstance
from masterd.config.relations import is_forthcoming
from masterd.config.snapshot import ConfigSnapshot
from masterd.instance import disks
from masterd.instance.disks import template
from masterd.lu import registry
from masterd.opcodes.base import OpCode
from tests.lu_support import op
from tests.property.lives_config import HYPERVISORS, NETWORKS, TEMPLATES
from tests.property.lives_world import ANY, Interruption, Interruptions

T = TypeVar("T")

_NAMES: Final = ("inst1", "inst2", "inst3", "inst4")
_MACS: Final = ("aa:00:00:00:00:01", "AA:00:00:00:00:01", "aa:00:00:00:00:02")
#: Addresses in the networks, and one beyond.
_ADDRESSES: Final = ("192.0.2.1", "192.0.2.2", "192.0.2.3", "198.51.100.5", "203.0.113.1")
#: What disks of a provider have to say.
_PROVIDER: Final = "p1"


class Wishes:
    """Draws opcodes for a configuration."""

    def __init__(self, config: ConfigSnapshot, chance: Random) -> None:
        self._config = config
        self._chance = chance
        self._nodes = [node.name for node in config.nodes.sorted()]
        self._instances = list(config.instances.sorted())

    def one(self) -> OpCode:
        """Return an opcode that is carried out, and may make sense."""
        known = [op_id for op_id in _WISHES if registry.find(op_id) is not None]
        common = ["OP_INSTANCE_CREATE"] * 4 + ["OP_INSTANCE_SET_PARAMS"] * 2
        if not self._instances:
            return self.create()
        return _WISHES[self._of([*common, *known])](self)

    def create(self) -> OpCode:
        """A new instance, planned or not; or one that was planned becomes real."""
        planned = [each for each in self._instances if is_forthcoming(each)]
        if planned and self._maybe():
            return self._create(self._of(planned), commit=True)
        return self._create(None, forthcoming=not self._often())

    def _create(self, planned: AnyInstance | None, **how: object) -> OpCode:
        kind = self._of(["drbd", "drbd", "plain", *TEMPLATES])
        where = self._two_nodes()
        if kind != "drbd":
            del where["snode"]
        start = self._maybe() and "forthcoming" not in how
        return op(
            "OP_INSTANCE_CREATE",
            instance_name=self._new_name() if planned is None else planned.name,
            disk_template=kind,
            disks=[] if kind == "diskless" else self._disks(kind),
            nics=[self._nic() for _ in range(self._of([0, 1, 1, 2]))],
            hypervisor=self._of(["kvm", *HYPERVISORS]),
            mode="create",
            os_type="noop",
            no_install=self._maybe(),
            start=start,
            ip_check=False,
            name_check=False,
            conflicts_check=self._often(),
            wait_for_sync=self._often(),
            **where,
            **how,
        )

    def _new_name(self) -> str:
        known = {each.name for each in self._instances}
        free = [name for name in _NAMES if name not in known]
        return self._of(free if free and self._often() else _NAMES)

    def _disks(self, kind: str) -> list[dict[str, object]]:
        extra = {"provider": _PROVIDER} if kind == "ext" else {}
        return [{"size": 128, **extra} for _ in range(self._of([1, 2]))]

    def _nic(self) -> dict[str, str]:
        nic: dict[str, str] = {}
        match self._of(["pool", "pool", "address", "network", "alone", "nothing"]):
            case "pool":
                nic = {"network": self._of(list(NETWORKS)), "ip": "pool"}
            case "address":
                nic = {"network": self._of(list(NETWORKS)), "ip": self._of(_ADDRESSES)}
            case "network":
                nic = {"network": self._of(list(NETWORKS))}
            case "alone":
                nic = {"ip": self._of([*3 * _ADDRESSES[-1:], *_ADDRESSES])}
        if not self._often():
            nic["mac"] = self._of(_MACS)
        return nic

    def _two_nodes(self) -> dict[str, object]:
        first, second = self._chance.sample(self._nodes, 2)
        return {"pnode": first, "snode": second}

    # --- those that are there -------------------------------------------------------------------

    def remove(self) -> OpCode:
        return self._on_one("OP_INSTANCE_REMOVE", ignore_failures=self._maybe(),
                            shutdown_timeout=0)  # fmt: skip

    def startup(self) -> OpCode:
        return self._on_one("OP_INSTANCE_STARTUP", force=self._maybe())

    def shutdown(self) -> OpCode:
        return self._on_one("OP_INSTANCE_SHUTDOWN")

    def activate(self) -> OpCode:
        return self._on_one("OP_INSTANCE_ACTIVATE_DISKS", wait_for_sync=self._maybe())

    def deactivate(self) -> OpCode:
        return self._on_one("OP_INSTANCE_DEACTIVATE_DISKS", force=self._maybe())

    def rename(self) -> OpCode:
        return self._on_one("OP_INSTANCE_RENAME", new_name=self._of(_NAMES), ip_check=False,
                            name_check=False)  # fmt: skip

    def migrate(self) -> OpCode:
        return self._to_another("OP_INSTANCE_MIGRATE", cleanup=self._maybe(),
                                allow_failover=self._maybe())  # fmt: skip

    def failover(self) -> OpCode:
        return self._to_another("OP_INSTANCE_FAILOVER", shutdown_timeout=0,
                                ignore_consistency=self._maybe())  # fmt: skip

    def _to_another(self, op_id: str, **parameters: object) -> OpCode:
        """What all nodes can reach may go to any; a mirror goes to its other side."""
        found = self._one()
        is_mirror = template(disks.of(self._config, found)) == "drbd"
        where = {} if is_mirror else {"target_node": self._of(self._nodes)}
        return op(op_id, instance_name=found.name, **where, **parameters)

    def move(self) -> OpCode:
        return self._on_one("OP_INSTANCE_MOVE", target_node=self._of(self._nodes),
                            shutdown_timeout=0)  # fmt: skip

    def replace_disks(self) -> OpCode:
        mode = self._of(["replace_on_primary", "replace_on_secondary", "replace_new_secondary",
                         "replace_auto"])  # fmt: skip
        other = {"remote_node": self._of(self._nodes)} if mode == "replace_new_secondary" else {}
        return op("OP_INSTANCE_REPLACE_DISKS", instance_name=self._one("drbd").name, mode=mode,
                  early_release=self._maybe(), **other)  # fmt: skip

    def recreate(self) -> OpCode:
        nodes = self._chance.sample(self._nodes, self._of([0, 1, 2]))
        return self._on_one("OP_INSTANCE_RECREATE_DISKS", nodes=nodes)

    def grow(self) -> OpCode:
        return self._on_one("OP_INSTANCE_GROW_DISK", disk=0, amount=64)

    def modify(self) -> OpCode:
        """NICs or disks that come and go, or other disks altogether."""
        match self._of(["nics", "nics", "disks", "convert"]):
            case "nics":
                return self._on_one("OP_INSTANCE_SET_PARAMS", nics=[self._nic_change()],
                                    conflicts_check=self._often())  # fmt: skip
            case "disks":
                change = self._of([["add", -1, {"size": 128}], ["remove", -1, {}]])
                return self._on_one("OP_INSTANCE_SET_PARAMS", disks=[change],
                                    wait_for_sync=self._often())  # fmt: skip
        kind = self._of(["drbd", "drbd", "plain", "plain", "file", "sharedfile", "rbd"])
        other = {"remote_node": self._of(self._nodes)} if kind == "drbd" else {}
        return self._on_one("OP_INSTANCE_SET_PARAMS", disk_template=kind,
                            wait_for_sync=self._often(), **other)  # fmt: skip

    def _nic_change(self) -> list[object]:
        match self._of(["add", "add", "remove", "modify", "modify"]):
            case "add":
                return ["add", -1, self._nic()]
            case "remove":
                return ["remove", -1, {}]
        nic = self._nic()
        return ["modify", 0, {"ip": "none", **nic} if "network" in nic else nic]

    def keep_out(self) -> OpCode:
        """Addresses of a network go to others than NICs, or come back."""
        change = self._of(["add_reserved_ips", "remove_reserved_ips"])
        return op(
            "OP_NETWORK_SET_PARAMS",
            network_name=self._of(list(NETWORKS)),
            **{change: [self._of(_ADDRESSES)]},
        )

    def _on_one(self, op_id: str, **parameters: object) -> OpCode:
        return op(op_id, instance_name=self._one().name, **parameters)

    def _one(self, wanted: str = "") -> AnyInstance:
        """Return an instance; one with disks of a template, where there is one."""
        fitting = [
            each
            for each in self._instances
            if wanted in ("", template(disks.of(self._config, each)))
        ]
        return self._of(fitting or self._instances)

    def _maybe(self) -> bool:
        return self._chance.random() < 0.5

    def _often(self) -> bool:
        return self._chance.random() < 0.75

    def _of(self, those: Sequence[T]) -> T:
        return self._chance.choice(those)


_WISHES: Final[Mapping[str, Callable[[Wishes], OpCode]]] = {
    "OP_INSTANCE_ACTIVATE_DISKS": Wishes.activate,
    "OP_INSTANCE_CREATE": Wishes.create,
    "OP_INSTANCE_DEACTIVATE_DISKS": Wishes.deactivate,
    "OP_INSTANCE_FAILOVER": Wishes.failover,
    "OP_INSTANCE_GROW_DISK": Wishes.grow,
    "OP_INSTANCE_MIGRATE": Wishes.migrate,
    "OP_INSTANCE_MOVE": Wishes.move,
    "OP_INSTANCE_RECREATE_DISKS": Wishes.recreate,
    "OP_INSTANCE_REMOVE": Wishes.remove,
    "OP_INSTANCE_RENAME": Wishes.rename,
    "OP_INSTANCE_REPLACE_DISKS": Wishes.replace_disks,
    "OP_INSTANCE_SET_PARAMS": Wishes.modify,
    "OP_INSTANCE_SHUTDOWN": Wishes.shutdown,
    "OP_INSTANCE_STARTUP": Wishes.startup,
    "OP_NETWORK_SET_PARAMS": Wishes.keep_out,
}

#: Calls at which it is most interesting to be interrupted; others are met by counting all calls.
_CALLS: Final = (
    "blockdev_assemble", "blockdev_create", "blockdev_create", "blockdev_getmirrorstatus",
    "blockdev_remove", "blockdev_rename", "blockdev_shutdown", "drbd_attach_net", "hooks_runner",
    "instance_shutdown", "instance_start", "node_info",
)  # fmt: skip
_CALLS_OF_ALL: Final = 40
_CALLS_OF_ONE: Final = 5


def interruptions(chance: Random, kinds: Sequence[Interruption]) -> Interruptions:
    """Draw which of the next calls are interrupted, in these ways."""
    drawn = {}
    for _ in range(chance.choice([1, 1, 2])):
        where = (ANY, chance.randrange(_CALLS_OF_ALL))
        if chance.random() < 0.5:
            where = (chance.choice(_CALLS), chance.randrange(_CALLS_OF_ONE))
        drawn[where] = chance.choice(kinds)
    return drawn
