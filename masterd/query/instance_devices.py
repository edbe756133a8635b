"""Fields of the `instance` resource about NICs and disks: lists of all, and one field per index.

Source: queryfields.json, instance; answers of luxid 3.0.2.
"""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from masterd.config.kinds import AnyDisk
from masterd.config.params import NicParams
from masterd.filter.fields import Absent, Field, Kind
from masterd.query.instance_row import InstanceRow

T = TypeVar("T")

#: NICs and disks that have fields of their own. Source: constants MAX_NICS, MAX_DISKS.
NICS_MAX: Final = 8
DISKS_MAX: Final = 16


def ordinal(number: int) -> str:
    """Return "1st" for 1, "2nd" for 2, "11th" for 11."""
    if 10 < number % 100 < 14:
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"


#: Values of all devices of one kind, one each; None where a device has none. Or why there are none.
Values = Callable[[InstanceRow], Sequence[object] | Absent]


def _listed(name: str, title: str, doc: str, values: Values) -> Field[InstanceRow]:
    def get(row: InstanceRow) -> object:
        found = values(row)
        return found if isinstance(found, Absent) else list(found)

    return Field(name, title, Kind.OTHER, doc, get)


def _indexed(
    name: str, title: str, kind: Kind, doc: str, values: Values, count: int
) -> list[Field[InstanceRow]]:
    """Return one field per index; `doc` begins what is said of the first, second, ..."""

    def getter(index: int) -> Callable[[InstanceRow], object]:
        def get(row: InstanceRow) -> object:
            found = values(row)
            if isinstance(found, Absent):
                return found
            value = found[index] if index < len(found) else None
            return Absent.UNAVAIL if value is None else value

        return get

    return [
        Field(
            f"{name}/{index}",
            f"{title}/{index}",
            kind,
            doc.format(ordinal(index + 1)),
            getter(index),
        )
        for index in range(count)
    ]


# --- NICs ---------------------------------------------------------------------------------------


def _of_nics(attribute: str) -> Values:
    return lambda row: [getattr(nic, attribute) for nic in row.instance.nics]


def _of_params(read: Callable[[NicParams], object]) -> Values:
    return lambda row: [read(params) for params in row.nic_params]


def _bridge(params: NicParams) -> str | None:
    return params.link if params.mode == "bridged" else None


def _vlan(params: NicParams) -> str | None:
    return params.vlan if params.mode == "openvswitch" else None


def _network_names(row: InstanceRow) -> list[object]:
    networks = row.config.networks
    return [
        network.name if nic.network is not None and (network := networks.get(nic.network)) else None
        for nic in row.instance.nics
    ]


_NIC_VALUES: Final = (
    ("bridge", "bridges", "NicBridge", "NIC_bridges", "Bridge of {} network interface",
     "List containing each network interface's bridge", _of_params(_bridge)),
    ("ip", "ips", "NicIP", "NIC_IPs", "IP address of {} network interface",
     "List containing each network interface's IP address", _of_nics("ip")),
    ("link", "links", "NicLink", "NIC_links", "Link of {} network interface",
     "List containing each network interface's link", _of_params(lambda params: params.link)),
    ("mac", "macs", "NicMAC", "NIC_MACs", "MAC address of {} network interface",
     "List containing each network interface's MAC address", _of_nics("mac")),
    ("mode", "modes", "NicMode", "NIC_modes", "Mode of {} network interface",
     "List containing each network interface's mode", _of_params(lambda params: params.mode)),
    ("name", "names", "NicName", "NIC_Names", "Name address of {} network interface",
     "List containing each network interface's name", _of_nics("name")),
    ("network", "networks", "NicNetwork", "NIC_networks", "Network of {} network interface",
     "List containing each interface's network", _of_nics("network")),
    ("network.name", "networks.names", "NicNetworkName", "NIC_networks_names",
     "Network name of {} network interface",
     "List containing the name of each interface's network", _network_names),
    ("uuid", "uuids", "NicUUID", "NIC_UUIDs", "UUID address of {} network interface",
     "List containing each network interface's UUID", _of_nics("uuid")),
    ("vlan", "vlans", "NicVLAN", "NIC_VLANs", "VLAN of {} network interface",
     "List containing each network interface's VLAN", _of_params(_vlan)),
)  # fmt: skip

NIC_FIELDS: Final[list[Field[InstanceRow]]] = [
    Field(
        "nic.count",
        "NICs",
        Kind.NUMBER,
        "Number of network interfaces",
        lambda row: len(row.instance.nics),
    ),
    *(
        each
        for one, many, one_title, many_title, one_doc, many_doc, values in _NIC_VALUES
        for each in (
            _listed(f"nic.{many}", many_title, many_doc, values),
            *_indexed(f"nic.{one}", one_title, Kind.TEXT, one_doc, values, NICS_MAX),
        )
    ),
]


# --- disks --------------------------------------------------------------------------------------


def _with_disks(read: Callable[[InstanceRow], T]) -> Callable[[InstanceRow], T | Absent]:
    """Make a getter of what only an instance tells whose disks are all there."""
    return lambda row: Absent.NODATA if row.lacks_disks else read(row)


def _of_disks(read: Callable[[AnyDisk], object]) -> Values:
    return _with_disks(lambda row: [read(disk) for disk in row.disks])


_DISK_VALUES: Final = (
    ("name", "names", "DiskName", "Disk_names", Kind.TEXT, "Name of {} disk",
     "List of disk names", _of_disks(lambda disk: disk.name)),
    ("size", "sizes", "Disk", "Disk_sizes", Kind.UNIT, "Disk size of {} disk",
     "List of disk sizes", _of_disks(lambda disk: disk.size)),
    ("spindles", "spindles", "DiskSpindles", "Disk_spindles", Kind.NUMBER, "Spindles of {} disk",
     "List of disk spindles", _of_disks(lambda disk: disk.spindles)),
    ("uuid", "uuids", "DiskUUID", "Disk_UUIDs", Kind.TEXT, "UUID of {} disk",
     "List of disk UUIDs", _of_disks(lambda disk: disk.uuid)),
)  # fmt: skip

DISK_FIELDS: Final[list[Field[InstanceRow]]] = [
    Field(
        "disk.count",
        "Disks",
        Kind.NUMBER,
        "Number of disks",
        lambda row: len(row.instance.disks),
    ),
    Field(
        "disk_template",
        "Disk_template",
        Kind.TEXT,
        "Instance disk template",
        _with_disks(lambda row: row.disk_template),
    ),
    Field(
        "disk_usage",
        "DiskUsage",
        Kind.UNIT,
        "Total disk space used by instance on each of its nodes; this is not the disk size visible"
        " to the instance, but the usage on the node",
        _with_disks(lambda row: row.disk_usage),
    ),
    *(
        each
        for one, many, one_title, many_title, kind, one_doc, many_doc, values in _DISK_VALUES
        for each in (
            _listed(f"disk.{many}", many_title, many_doc, values),
            *_indexed(f"disk.{one}", one_title, kind, one_doc, values, DISKS_MAX),
        )
    ),
]
