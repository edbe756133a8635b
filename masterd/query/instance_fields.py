"""The `instance` resource: its 292 fields, of which five ask the nodes.

Source: queryfields.json, instance; answers of luxid 3.0.2.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final

from masterd.config.kinds import AnyInstance
from masterd.config.node import Node
from masterd.config.relations import relations
from masterd.config.snapshot import ConfigSnapshot
from masterd.filter.fields import Absent, Field, FilterMode, Kind, Table, table_of
from masterd.query.config_table import Rows, is_text, name_key, plain, stamped_fields
from masterd.query.hypervisor_params import KINDS, TITLES
from masterd.query.instance_devices import DISK_FIELDS, NIC_FIELDS
from masterd.query.instance_row import AskInstances, InstanceRow
from masterd.query.node_fields import finder

#: What the source must do more: ask nodes which instances run, or how to reach their consoles.
NEEDS_STATE: Final = "state"
NEEDS_CONSOLE: Final = "console"


def instance_rows(config: ConfigSnapshot, ask: AskInstances) -> Rows[AnyInstance, InstanceRow]:
    """Return where rows come from."""

    def rows(instances: Sequence[AnyInstance], needs: frozenset[str]) -> Iterable[InstanceRow]:
        if not needs:
            return (InstanceRow(config, instance) for instance in instances)
        state = ask(config, instances, needs)
        return (InstanceRow(config, instance, state) for instance in instances)

    return Rows(
        config.derived(relations).instances, finder(config.instances), rows, called="Instance"
    )


def _own(attribute: str, missing: Absent = Absent.NODATA) -> Callable[[InstanceRow], object]:
    """Make a getter of what the configuration says of the instance itself."""

    def get(row: InstanceRow) -> object:
        value = getattr(row.instance, attribute)
        return missing if value is None else value

    return get


def _admin_up(row: InstanceRow) -> object:
    state = row.instance.admin_state
    return Absent.NODATA if state is None else state == "up"


# --- parameters ---------------------------------------------------------------------------------

_BE_FIELDS: Final = (
    ("always_failover", "be/always_failover", Kind.BOOL),
    ("auto_balance", "Auto_balance", Kind.BOOL),
    ("maxmem", "ConfigMaxMem", Kind.UNIT),
    ("minmem", "ConfigMinMem", Kind.UNIT),
    ("spindle_use", "be/spindle_use", Kind.NUMBER),
    ("vcpus", "ConfigVCPUs", Kind.NUMBER),
)


def _be_field(name: str, title: str, kind: Kind) -> Field[InstanceRow]:
    doc = f'The "{name}" backend parameter'
    return Field(f"be/{name}", title, kind, doc, lambda row: getattr(row.be_params, name))


def _hv_field(name: str) -> Field[InstanceRow]:
    def get(row: InstanceRow) -> object:
        value = row.hv_params.get(name)
        return Absent.UNAVAIL if value is None else value

    return Field(
        f"hv/{name}",
        TITLES.get(name, f"hv/{name}"),
        KINDS[name],
        f'The "{name}" hypervisor parameter',
        get,
    )


_PARAMETERS: Final[list[Field[InstanceRow]]] = [
    Field(
        "beparams",
        "BackendParameters",
        Kind.OTHER,
        "Backend parameters (merged)",
        lambda row: plain(row.be_params),
    ),
    Field(
        "custom_beparams",
        "CustomBackendParameters",
        Kind.OTHER,
        "Custom backend parameters",
        lambda row: plain(row.instance.beparams),
    ),
    Field(
        "hvparams",
        "HypervisorParameters",
        Kind.OTHER,
        "Hypervisor parameters (merged)",
        lambda row: row.hv_params,
    ),
    Field(
        "custom_hvparams",
        "CustomHypervisorParameters",
        Kind.OTHER,
        "Custom hypervisor parameters",
        lambda row: dict(sorted(row.instance.hvparams.items())),
    ),
    Field(
        "osparams",
        "OpSysParameters",
        Kind.OTHER,
        "Operating system parameters (merged)",
        lambda row: dict(sorted(row.shown_os_params.items())),
    ),
    Field(
        "custom_osparams",
        "CustomOpSysParameters",
        Kind.OTHER,
        "Custom operating system parameters",
        lambda row: dict(sorted(row.instance.osparams.items())),
    ),
    Field(
        "custom_nicparams",
        "CustomNicParameters",
        Kind.OTHER,
        "Custom network interface parameters",
        lambda row: [plain(nic.nicparams) for nic in row.instance.nics],
    ),
    *(_be_field(*each) for each in _BE_FIELDS),
    *(_hv_field(name) for name in KINDS),
]

# --- nodes --------------------------------------------------------------------------------------


def _of_primary(read: Callable[[InstanceRow, Node], object]) -> Callable[[InstanceRow], object]:
    def get(row: InstanceRow) -> object:
        node = row.primary
        value = None if node is None else read(row, node)
        return Absent.NODATA if value is None else value

    return get


def _of_secondaries(
    read: Callable[[InstanceRow, Node], object],
) -> Callable[[InstanceRow], object]:
    def get(row: InstanceRow) -> object:
        if row.primary is None or row.lacks_disks:
            return Absent.NODATA
        return [read(row, node) for node in row.secondaries]

    return get


def _group_name(row: InstanceRow, node: Node) -> object:
    group = row.group_of(node)
    return None if group is None else group.name


def _group_uuid(row: InstanceRow, node: Node) -> object:
    group = row.group_of(node)
    return None if group is None else group.uuid


_NODES: Final[list[Field[InstanceRow]]] = [
    Field(
        "pnode",
        "Primary_node",
        Kind.TEXT,
        "Primary node",
        _of_primary(lambda row, node: node.name),
        FilterMode.HOSTNAME,
    ),
    Field(
        "pnode.group",
        "PrimaryNodeGroup",
        Kind.TEXT,
        "Primary node's group",
        _of_primary(_group_name),
    ),
    Field(
        "pnode.group.uuid",
        "PrimaryNodeGroupUUID",
        Kind.TEXT,
        "Primary node's group UUID",
        _of_primary(_group_uuid),
    ),
    Field(
        "snodes",
        "Secondary_Nodes",
        Kind.OTHER,
        "Secondary nodes; usually this will just be one node",
        _of_secondaries(lambda row, node: node.name),
    ),
    Field(
        "snodes.group",
        "SecondaryNodesGroups",
        Kind.OTHER,
        "Node groups of secondary nodes",
        _of_secondaries(_group_name),
    ),
    Field(
        "snodes.group.uuid",
        "SecondaryNodesGroupsUUID",
        Kind.OTHER,
        "Node group UUIDs of secondary nodes",
        _of_secondaries(lambda row, node: node.group),
    ),
]

# --- what nodes say -----------------------------------------------------------------------------


def _running(read: str) -> Callable[[InstanceRow], object]:
    def get(row: InstanceRow) -> object:
        if row.unanswered is not None:
            return row.unanswered
        if row.running is None:
            return Absent.UNAVAIL
        value = row.running[1].get(read)
        return Absent.NODATA if value is None else value

    return get


def _oper_state(row: InstanceRow) -> object:
    return row.running is not None if row.unanswered is None else Absent.NODATA


def _console(row: InstanceRow) -> object:
    if row.unanswered is not None:
        return row.unanswered
    assert row.state is not None, "An answer came with the state"
    value = row.state.consoles.get(row.instance.name or "")
    return Absent.NODATA if value is None else value


_STATUS_DOC: Final = (
    'Instance status; "running" if instance is set to be running and actually is, "ADMIN_down" if'
    ' instance is stopped and is not running, "ERROR_wrongnode" if instance running, but not on its'
    ' designated primary node, "ERROR_up" if instance should be stopped, but is actually running,'
    ' "ERROR_down" if instance should run, but doesn\'t, "ERROR_nodedown" if instance\'s primary'
    ' node is down, "ERROR_nodeoffline" if instance\'s primary node is marked offline,'
    ' "ADMIN_offline" if instance is offline and does not use dynamic resources'
)

_LIVE: Final[list[Field[InstanceRow]]] = [
    Field(
        "oper_ram",
        "Memory",
        Kind.UNIT,
        "Actual memory usage as seen by hypervisor",
        _running("memory"),
        needs=NEEDS_STATE,
    ),
    Field(
        "oper_vcpus",
        "VCPUs",
        Kind.NUMBER,
        "Actual number of VCPUs as seen by hypervisor",
        _running("vcpus"),
        needs=NEEDS_STATE,
    ),
    Field(
        "oper_state",
        "Running",
        Kind.BOOL,
        "Actual state of instance",
        _oper_state,
        needs=NEEDS_STATE,
    ),
    Field("status", "Status", Kind.TEXT, _STATUS_DOC, lambda r: r.status, needs=NEEDS_STATE),
    Field(
        "console",
        "Console",
        Kind.OTHER,
        "Instance console information",
        _console,
        needs=NEEDS_CONSOLE,
    ),
]

_BASE: Final[list[Field[InstanceRow]]] = [
    Field("name", "Instance", Kind.TEXT, "Instance name", _own("name"), FilterMode.HOSTNAME),
    Field("os", "OS", Kind.TEXT, "Operating system", _own("os")),
    Field("hypervisor", "Hypervisor", Kind.TEXT, "Hypervisor name", _own("hypervisor")),
    Field(
        "admin_state",
        "InstanceState",
        Kind.TEXT,
        "Desired state of instance",
        _own("admin_state"),
    ),
    Field(
        "admin_state_source",
        "InstanceStateSource",
        Kind.TEXT,
        "Who last changed the desired state of the instance",
        _own("admin_state_source"),
    ),
    Field("admin_up", "Autostart", Kind.BOOL, "Desired state of instance", _admin_up),
    Field(
        "disks_active",
        "DisksActive",
        Kind.BOOL,
        "Desired state of instance disks",
        _own("disks_active"),
    ),
    Field(
        "forthcoming",
        "Forthcoming",
        Kind.BOOL,
        "whether the Instance is forthcoming",
        lambda row: row.forthcoming,
    ),
    Field(
        "network_port",
        "Network_port",
        Kind.OTHER,
        "Instance network port if available (e.g. for VNC console)",
        _own("network_port", Absent.UNAVAIL),
    ),
    *stamped_fields("Instance", lambda row: row.instance),
]

#: Other names of fields, kept from older releases.
_ALIASES: Final = {
    "be/memory": "be/maxmem",
    "bridge": "nic.bridge/0",
    "ip": "nic.ip/0",
    "mac": "nic.mac/0",
    "nic_link": "nic.link/0",
    "nic_mode": "nic.mode/0",
    "nic_network": "nic.network/0",
    "sda_size": "disk.size/0",
    "sdb_size": "disk.size/1",
    "vcpus": "be/vcpus",
}


def _with_aliases(fields: list[Field[InstanceRow]]) -> list[Field[InstanceRow]]:
    by_name_ = {each.name: each for each in fields}
    return [*fields, *(replace(by_name_[of], name=name) for name, of in _ALIASES.items())]


INSTANCE_TABLE: Final[Table[InstanceRow, str]] = table_of(
    "instance",
    "name",
    name_key,
    _with_aliases([*_BASE, *_PARAMETERS, *_NODES, *NIC_FIELDS, *DISK_FIELDS, *_LIVE]),
    looks_up=is_text,
)
