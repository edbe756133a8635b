"""The network interfaces that an instance is to get, to lose, or to have otherwise.

Addresses are put aside as they are chosen, so that no other job gets them. A change counts on what
the changes before it in the same request have made of the list.

Source: Ganeti 3.0.2 lib/cmdlib/instance_set_params.py (_VerifyNicModification,
_PrepareNicModification, _CreateNewNic, _ApplyNicMods: checks, order, texts); prereqs.json.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from masterd.config import typed
from masterd.config.instance import Nic
from masterd.config.network import Network
from masterd.config.node import NodeGroup
from masterd.config.objects import write
from masterd.config.params import NicParams, PartialNicParams
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import AddressPoolError, ECode, OpPrereqError
from masterd.instance import list_changes, nic_changes, nics
from masterd.instance.list_changes import Change, Row
from masterd.instance.nic_changes import NicChange
from masterd.lu import names
from masterd.lu.instance import hotplug
from masterd.lu.instance.guest import Guest
from masterd.node import verify
from masterd.node.instances import HotplugAction
from masterd.opcodes.instance_params import OpInstanceSetParams
from masterd.opcodes.params import NicParameters
from masterd.wconf.reservations import Thing
from masterd.work.work import Work

#: How many an instance may have. Source: constants MAX_NICS.
_MOST: Final = 8
_SWITCHED: Final = "openvswitch"


@dataclass(frozen=True, slots=True)
class Step:
    """One change of the list, as devices of a running instance are to follow it.

    Attributes:
        index: of the interface, in the list as it was then.
        rows: of the result.
        row: what the result calls the interface when its device has changed.
    """

    action: HotplugAction
    index: int
    nic: Nic
    rows: Sequence[Row]
    row: str


@dataclass(frozen=True, slots=True)
class NicPlan:
    """What becomes of the network interfaces.

    Attributes:
        nics: as they are from then on.
        steps: what leads there; none where nothing changes.
        warnings: what was found that forbids nothing.
    """

    nics: Sequence[Nic]
    steps: Sequence[Step] = ()
    warnings: Sequence[str] = ()


# --- what is asked for ----------------------------------------------------------------------------


def _communication(
    config: ConfigSnapshot, found: Guest, op: OpInstanceSetParams
) -> list[NicChange]:
    """Return the change that lets an instance be talked to, or not any more."""
    if op.instance_communication is None:
        return []
    name = nics.communication_name(found.instance.name)
    there = next((nic for nic in found.instance.nics if nic.name == name), None)
    if op.instance_communication and there is None:
        return [Change("add", -1, nics.communication(config.cluster, found.instance.name))]
    if not op.instance_communication and there is not None:
        return [Change("remove", there.uuid, {})]
    return []


# --- what comes of it -----------------------------------------------------------------------------


def wanted(work: Work, config: ConfigSnapshot, found: Guest, op: OpInstanceSetParams) -> NicPlan:
    """Return what becomes of the network interfaces. Switches.

    Raises:
        OpPrereqError: one cannot be had so, or something that it is to have is another's.
        ConfigurationError: one is connected in a way there is not.
    """
    changes = [*nic_changes.read(op.nics), *_communication(config, found, op)]
    making = _Making(work, config, found, op)
    present: list[Nic] = list(found.instance.nics)
    steps = []
    for change in changes:
        step, present = making.step(change, present)
        steps.append(step)
    if len(present) > _MOST:
        raise OpPrereqError(
            f"Instance has too many network interfaces ({_MOST}), cannot add more", ECode.STATE
        )
    if steps:
        list_changes.check_names(nic_changes.KIND, present)
    return NicPlan(present, steps, making.warnings)


@dataclass(slots=True)
class _Making:
    """Makes network interfaces for one request; its methods switch."""

    work: Work
    config: ConfigSnapshot
    found: Guest
    op: OpInstanceSetParams
    warnings: list[str] = field(default_factory=list)

    def step(self, change: NicChange, present: Sequence[Nic]) -> tuple[Step, list[Nic]]:
        """Return one change as it is carried out, and the list after it."""
        if change.action in ("add", "attach"):
            index = list_changes.index_of_new(nic_changes.KIND, change.which, len(present))
            if change.action == "attach":
                raise _unsupported("Attach")
            nic = self._made(change.params)
            step = Step(
                "hotadd", index, nic, [nic_changes.added(index, nic, change.params)], f"nic.{index}"
            )
            return step, list_changes.with_item(present, index, nic)
        index = list_changes.index_of(nic_changes.KIND, change.which, present)
        old = present[index]
        match change.action:
            case "modify":
                nic = self._modified(old, change.params)
                rows = nic_changes.changed(index, old, nic, change.params)
                step = Step("hotmod", index, nic, rows, f"nic/{index}")
                return step, list_changes.replaced(present, index, nic)
            case "remove":
                row = f"{nic_changes.KIND}/{index}"
                step = Step("hotremove", index, old, [(row, "remove")], row)
                return step, list_changes.without_item(present, index)
        raise _unsupported("Detach")

    def _made(self, given: NicParameters) -> Nic:
        nothing = Nic(mac="", nicparams=PartialNicParams(), uuid=self.work.new_uuid())
        return self._modified(nothing, given)

    def _modified(self, old: Nic, given: NicParameters) -> Nic:
        """Return an interface as it is to be; a new one has no MAC address before."""
        network = self._network(old, given)
        filled = self._connection(old, given, network)
        self._check_connection(old, given, network, filled)
        mac = self._mac(old, given, network)
        address = self._address(old, given, network)
        return msgspec.structs.replace(
            old,
            mac=mac,
            ip=address,
            name=given.get("name", old.name),
            network=None if network is None else network.uuid,
            # Connected as it is now, whatever becomes of the defaults.
            nicparams=msgspec.convert(write(filled), PartialNicParams),
        )

    @property
    def _group(self) -> NodeGroup:
        return self.config.nodegroups[self.found.node.group]

    def _network(self, old: Nic, given: NicParameters) -> Network | None:
        name = given.get("network", old.network)
        return names.network(self.config, name) if name else None

    def _connection(self, old: Nic, given: NicParameters, network: Network | None) -> NicParams:
        """Return how an interface is connected: as its network says, or as is asked for."""
        if network is not None:
            how = self._group.networks.get(network.uuid)
            if how is None:
                raise OpPrereqError(
                    f"No netparams found for the network {network.name}, probably not connected",
                    ECode.INVAL,
                )
            return nics.connected(self.config, write(how))[1]
        asked = {name: given[name] for name in nics.CONNECTION if name in given}
        own = typed.updated(write(old.nicparams), asked, typed.INTERFACE)
        return nics.connected(self.config, own)[1]

    def _check_connection(
        self, old: Nic, given: NicParameters, network: Network | None, how: NicParams
    ) -> None:
        if how.mode == nics.BRIDGED:
            node = self.found.node
            told = f"Error checking bridges on node '{node.name}'"
            result = verify.bridges(self.work.rpc, node, [how.link])
            if not result.ok and self.op.force:
                self.warnings.append(f"{told}: {result.error}")
                return
            result.raise_(told, prereq=True, code=ECode.ENVIRON)
        elif how.mode == nics.ROUTED:
            if given.get("ip", old.ip) is None and network is None:
                raise OpPrereqError(
                    "Cannot set the NIC IP address to None on a routed NIC if not attached to a"
                    " network",
                    ECode.INVAL,
                )
        elif how.mode == _SWITCHED:
            self.work.say.info("OVS links are currently not checked for correctness")

    def _mac(self, old: Nic, given: NicParameters, network: Network | None) -> str:
        mac = given.get("mac")
        prefix = None if network is None else network.mac_prefix
        if mac is None:
            before = None if old.network is None else self.config.networks.get(old.network)
            kept = (None if before is None else before.mac_prefix) == prefix
            return old.mac if kept else self.work.reserve.new_mac(prefix)
        if mac in (nics.AUTO, nics.GENERATE):
            return self.work.reserve.new_mac(prefix)
        self.work.reserve.thing(Thing.MAC, mac)
        return mac

    def _address(self, old: Nic, given: NicParameters, network: Network | None) -> str | None:
        """Return the address, put aside where it is one of a network that the NIC had not."""
        address = given.get("ip", old.ip)
        uuid = None if network is None else network.uuid
        if (address, uuid) == (old.ip, old.network):
            if uuid is not None and (
                given.get("link") is not None or given.get("mode") is not None
            ):
                raise OpPrereqError(
                    "Not allowed to change link or mode of a NIC that is connected to a network",
                    ECode.INVAL,
                )
            return address
        if not address:
            return address
        if network is None:
            if address.lower() == nics.POOL:
                raise OpPrereqError("ip=pool, but no network found", ECode.INVAL)
            if self.op.conflicts_check:
                nics.check_conflicts(self.config, self._group, address)
            return address
        return self._taken(network, address)

    def _taken(self, network: Network, address: str) -> str:
        """Return an address of a network that was put aside."""
        say, reserve = self.work.say, self.work.reserve
        if address.lower() == nics.POOL:
            try:
                chosen = reserve.new_ip(network)
            except (AddressPoolError, OpPrereqError):
                raise OpPrereqError(
                    "Unable to get a free IP from the address pool", ECode.STATE
                ) from None
            say.info(f"Chose IP {chosen} from network {network.name}")
            return chosen
        try:
            reserve.ip(network, address, outside=self.op.conflicts_check)
        except OpPrereqError:
            raise OpPrereqError(
                f"IP {address} not available in network {network.name}", ECode.NOTUNIQUE
            ) from None
        say.info(f"Reserving IP {address} in network {network.name}")
        return address


def _unsupported(what: str) -> OpPrereqError:
    return OpPrereqError(f"{what} operation is not supported for NICs", ECode.INVAL)


# --- the work -------------------------------------------------------------------------------------


def execute(work: Work, found: Guest, plan: NicPlan, *, hotplug_too: bool) -> list[Row]:
    """Have the devices of a running instance follow; return rows of the result. Switches.

    Args:
        hotplug_too: whether they can; otherwise they do when it starts anew.
    """
    config = work.config.snapshot()
    rows: list[Row] = []
    for step in plan.steps:
        rows += step.rows
        if hotplug_too:
            told = hotplug.nic(work, config, found, step.action, step.nic, step.index)
            rows.append((step.row, told))
    return rows
