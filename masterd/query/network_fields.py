"""The `network` resource: its 19 fields.

Source: queryfields.json, network; answers of luxid 3.0.2.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from masterd.config import address_pool
from masterd.config.kinds import AnyInstance
from masterd.config.network import Network
from masterd.config.objects import write
from masterd.config.params import NicParams, fill
from masterd.config.relations import relations
from masterd.config.snapshot import ConfigSnapshot
from masterd.filter.fields import Absent, Field, Kind, Table, table_of
from masterd.filter.natural import natural_key
from masterd.query.config_table import Rows, is_text, name_key, or_unavailable, stamped_fields


@dataclass(frozen=True, slots=True)
class NetworkRow:
    """A network as a query sees it."""

    config: ConfigSnapshot
    network: Network

    @property
    def taken(self) -> str | None:
        """One character per address: "1" where a NIC or somebody outside has it."""
        return address_pool.taken(self.network)

    @property
    def groups(self) -> list[tuple[str, NicParams]]:
        """Groups that it is connected to, and how."""
        default = self.config.cluster.nicparams["default"]
        return [
            (group.name, fill(default, connected))
            for group in self.config.nodegroups.sorted()
            if (connected := group.networks.get(self.network.uuid)) is not None
        ]

    @property
    def instances(self) -> list[AnyInstance]:
        """Instances with a NIC in it, by uuid."""
        return self.config.derived(relations).connected_to.get(self.network.uuid, [])


def network_rows(config: ConfigSnapshot) -> Rows[Network, NetworkRow]:
    """Return where rows come from."""

    def rows(networks: Sequence[Network], needs: frozenset[str]) -> Iterable[NetworkRow]:
        return [NetworkRow(config, network) for network in networks]

    everything = sorted(config.networks.values(), key=lambda network: natural_key(network.name))
    return Rows(everything, config.networks.find, rows, called="Network")


def _map(row: NetworkRow) -> object:
    taken = row.taken
    return Absent.UNAVAIL if taken is None else taken.translate(_MAP_SIGNS)


_MAP_SIGNS: Final = str.maketrans("01", ".X")


def _counted(row: NetworkRow, sign: str) -> object:
    taken = row.taken
    return Absent.UNAVAIL if taken is None else taken.count(sign)


def _external(row: NetworkRow) -> object:
    addresses = address_pool.external(row.network)
    return Absent.UNAVAIL if addresses is None else ", ".join(addresses)


def _group_list(row: NetworkRow) -> list[list[object]]:
    found = []
    for name, params in row.groups:
        values = write(params)
        found.append([name, values["mode"], values["link"], values["vlan"]])
    return found


NETWORK_TABLE: Final[Table[NetworkRow, str]] = table_of(
    "network",
    "name",
    name_key,
    [
        Field("name", "Network", Kind.TEXT, "Name", lambda r: r.network.name),
        Field("network", "Subnet", Kind.TEXT, "IPv4 subnet", lambda r: r.network.network),
        Field(
            "gateway",
            "Gateway",
            Kind.OTHER,
            "IPv4 gateway",
            lambda r: or_unavailable(r.network.gateway),
        ),
        Field(
            "network6",
            "IPv6Subnet",
            Kind.OTHER,
            "IPv6 subnet",
            lambda r: or_unavailable(r.network.network6),
        ),
        Field(
            "gateway6",
            "IPv6Gateway",
            Kind.OTHER,
            "IPv6 gateway",
            lambda r: or_unavailable(r.network.gateway6),
        ),
        Field(
            "mac_prefix",
            "MacPrefix",
            Kind.OTHER,
            "MAC address prefix",
            lambda r: or_unavailable(r.network.mac_prefix),
        ),
        Field(
            "free_count",
            "FreeCount",
            Kind.NUMBER,
            "Number of available addresses",
            lambda r: _counted(r, "0"),
        ),
        Field(
            "reserved_count",
            "ReservedCount",
            Kind.NUMBER,
            "Number of reserved addresses",
            lambda r: _counted(r, "1"),
        ),
        Field("map", "Map", Kind.TEXT, "Actual mapping", _map),
        Field(
            "external_reservations",
            "ExternalReservations",
            Kind.TEXT,
            "External reservations",
            _external,
        ),
        Field(
            "group_cnt",
            "NodeGroups",
            Kind.NUMBER,
            "Number of nodegroups",
            lambda r: len(r.groups),
        ),
        Field(
            "group_list",
            "GroupList",
            Kind.OTHER,
            "List of nodegroups (group name, NIC mode, NIC link)",
            _group_list,
        ),
        Field(
            "inst_cnt",
            "Instances",
            Kind.NUMBER,
            "Number of instances",
            lambda r: len(r.instances),
        ),
        Field(
            "inst_list",
            "InstanceList",
            Kind.OTHER,
            "List of instances",
            lambda r: [each.name for each in r.instances if each.name is not None],
        ),
        *stamped_fields("Network", lambda r: r.network),
    ],
    looks_up=is_text,
)
