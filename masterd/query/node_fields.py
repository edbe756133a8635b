"""The `node` resource: its 46 fields, of which 15 ask the node itself.

Source: queryfields.json, node; answers of luxid 3.0.2.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from masterd.config.kinds import AnyInstance
from masterd.config.node import Node, NodeGroup
from masterd.config.params import NdParams
from masterd.config.relations import relations
from masterd.config.snapshot import ConfigSnapshot, Objects
from masterd.filter.fields import Absent, Field, FilterMode, Kind, Table, table_of
from masterd.filter.natural import natural_key
from masterd.query.config_table import (
    Rows,
    is_text,
    name_key,
    node_param_fields,
    plain,
    stamped_fields,
)

#: What the source must do more: ask nodes for their storage, or for their hypervisor's state.
NEEDS_STORAGE: Final = "storage"
NEEDS_HYPERVISOR: Final = "hypervisor"
NEEDS_BOOT_ID: Final = "boot id"


@dataclass(frozen=True, slots=True)
class NodeState:
    """What a node said of itself.

    Attributes:
        boot_id: Changes with each boot.
        storage: Numbers of its first storage unit and its spindles, MiB and counts, by name.
        hypervisor: Numbers of its hypervisor, by name.
    """

    boot_id: str
    storage: Mapping[str, Any]
    hypervisor: Mapping[str, Any]


class AskNodes(Protocol):
    """Asks nodes; may switch greenlets."""

    def __call__(
        self, config: ConfigSnapshot, nodes: Sequence[Node], needs: frozenset[str]
    ) -> Mapping[str, NodeState]:
        """Return what those said that answered, by uuid."""
        ...


@dataclass(frozen=True, slots=True)
class NodeRow:
    """A node as a query sees it. `state` is None where the node did not answer."""

    config: ConfigSnapshot
    node: Node
    state: NodeState | None = None

    @property
    def group(self) -> NodeGroup | None:
        return self.config.nodegroups.get(self.node.group)

    @property
    def node_params(self) -> NdParams | None:
        """Its parameters, filled; None where the group that fills them is not there."""
        return None if self.group is None else self.config.node_params(self.node)

    @property
    def is_master(self) -> bool:
        return self.node.uuid == self.config.cluster.master_node

    @property
    def primaries(self) -> list[AnyInstance]:
        return self.config.derived(relations).primary_of.get(self.node.uuid, [])

    @property
    def secondaries(self) -> list[AnyInstance]:
        return self.config.derived(relations).secondary_of.get(self.node.uuid, [])


def node_rows(config: ConfigSnapshot, ask: AskNodes) -> Rows[Node, NodeRow]:
    """Return where rows come from."""

    def rows(nodes: Sequence[Node], needs: frozenset[str]) -> Iterable[NodeRow]:
        if not needs:
            return [NodeRow(config, node) for node in nodes]
        # Without its group, nobody knows how a node's storage is to be measured.
        asked = [each for each in nodes if not each.offline and each.group in config.nodegroups]
        states = ask(config, asked, needs)
        return [NodeRow(config, node, states.get(node.uuid)) for node in nodes]

    everything = sorted(config.nodes.values(), key=lambda node: natural_key(node.name))
    return Rows(everything, finder(config.nodes), rows, called="Node")


def finder(objects: "Objects[Any]") -> Callable[[str], Any]:
    """Return what finds an object by name, uuid, or the only beginning of a name with a dot."""

    def find(name: str) -> object:
        found: object = objects.find(name)
        if found is not None or not name:
            return found
        begins = [each for each in objects.values() if (each.name or "").startswith(f"{name}.")]
        return begins[0] if len(begins) == 1 else None

    return find


def _role(row: NodeRow) -> str:
    node = row.node
    if row.is_master:
        return "M"
    if node.master_candidate:
        return "C"
    if node.drained:
        return "D"
    return "O" if node.offline else "R"


def _group_name(row: NodeRow) -> object:
    group = row.group
    return Absent.NODATA if group is None else group.name


def _powered(row: NodeRow) -> object:
    params = row.node_params
    if params is None:
        return Absent.NODATA
    return row.node.powered if params.oob_program else Absent.UNAVAIL


def _params(row: NodeRow) -> object:
    return Absent.NODATA if row.node_params is None else plain(row.node_params)


def _names(instances: list[AnyInstance]) -> list[str]:
    return [each.name for each in instances if each.name is not None]


def _live(read: Callable[[NodeState], object]) -> Callable[[NodeRow], object]:
    def get(row: NodeRow) -> object:
        if row.node.offline and row.group is not None:
            return Absent.OFFLINE
        if row.state is None:
            return Absent.NODATA
        value = read(row.state)
        return Absent.NODATA if value is None else value

    return get


def _live_field(
    name: str, title: str, kind: Kind, doc: str, key: str, needs: str
) -> Field[NodeRow]:
    def read(state: NodeState) -> object:
        part = state.storage if needs == NEEDS_STORAGE else state.hypervisor
        return part.get(key)

    return Field(name, title, kind, doc, _live(read), needs=needs)


_BY_HYPERVISOR: Final = "(if exported by hypervisor)"
_LIVE: Final[list[Field[NodeRow]]] = [
    Field(
        "bootid",
        "BootID",
        Kind.TEXT,
        "Random UUID renewed for each system reboot, can be used for detecting reboots by tracking"
        " changes",
        _live(lambda state: state.boot_id),
        needs=NEEDS_BOOT_ID,
    ),
    *(
        _live_field(name, title, kind, doc, key, NEEDS_HYPERVISOR)
        for name, title, kind, doc, key in (
            (
                "cnodes", "CNodes", Kind.NUMBER,
                f"Number of NUMA domains on node {_BY_HYPERVISOR}", "cpu_nodes",
            ),
            (
                "cnos", "CNOs", Kind.NUMBER,
                "Number of logical processors used by the node OS (dom0 for Xen)", "cpu_dom0",
            ),
            (
                "csockets", "CSockets", Kind.NUMBER,
                f"Number of physical CPU sockets {_BY_HYPERVISOR}", "cpu_sockets",
            ),
            ("ctotal", "CTotal", Kind.NUMBER, "Number of logical processors", "cpu_total"),
            ("mfree", "MFree", Kind.UNIT, "Memory available for instance allocations",
             "memory_free"),
            ("mnode", "MNode", Kind.UNIT, "Amount of memory used by node (dom0 for Xen)",
             "memory_dom0"),
            ("mtotal", "MTotal", Kind.UNIT, "Total amount of memory of physical machine",
             "memory_total"),
        )
    ),
    *(
        _live_field(name, title, kind, doc, key, NEEDS_STORAGE)
        for name, title, kind, doc, key in (
            ("dfree", "DFree", Kind.UNIT, "Available storage space on storage unit",
             "storage_free"),
            ("dtotal", "DTotal", Kind.UNIT,
             "Total storage space on storage unit for instance disk allocation", "storage_size"),
            ("spfree", "SpFree", Kind.NUMBER,
             "Available spindles in volume group (exclusive storage only)", "spindles_free"),
            ("sptotal", "SpTotal", Kind.NUMBER,
             "Total spindles in volume group (exclusive storage only)", "spindles_total"),
        )
    ),
]  # fmt: skip

_ROLES: Final = (
    'Node role; "M" for master, "C" for master candidate, "R" for regular, "D" for drained,'
    ' "O" for offline'
)


def _flag(name: str, title: str, doc: str, read: Callable[[NodeRow], object]) -> Field[NodeRow]:
    return Field(name, title, Kind.BOOL, doc, read)


NODE_TABLE: Final[Table[NodeRow, str]] = table_of(
    "node",
    "name",
    name_key,
    [
        Field("name", "Node", Kind.TEXT, "Node name", lambda r: r.node.name, FilterMode.HOSTNAME),
        Field("role", "Role", Kind.TEXT, _ROLES, _role),
        Field("pip", "PrimaryIP", Kind.TEXT, "Primary IP address", lambda r: r.node.primary_ip),
        Field(
            "sip", "SecondaryIP", Kind.TEXT, "Secondary IP address", lambda r: r.node.secondary_ip
        ),
        Field("group", "Group", Kind.TEXT, "Node group", _group_name),
        Field("group.uuid", "GroupUUID", Kind.TEXT, "UUID of node group", lambda r: r.node.group),
        _flag("drained", "Drained", "Whether node is drained", lambda r: r.node.drained),
        _flag("offline", "Offline", "Whether node is marked offline", lambda r: r.node.offline),
        _flag("master", "IsMaster", "Whether node is master", lambda r: r.is_master),
        _flag(
            "master_candidate",
            "MasterC",
            "Whether node is a master candidate",
            lambda r: r.node.master_candidate,
        ),
        _flag(
            "master_capable",
            "MasterCapable",
            "Whether node can become a master candidate",
            lambda r: r.node.master_capable,
        ),
        _flag(
            "vm_capable",
            "VMCapable",
            "Whether node can host instances",
            lambda r: r.node.vm_capable,
        ),
        _flag("powered", "Powered", "Whether node is thought to be powered on", _powered),
        Field(
            "ndparams",
            "NodeParameters",
            Kind.OTHER,
            "Merged node parameters",
            _params,
        ),
        Field(
            "custom_ndparams",
            "CustomNodeParameters",
            Kind.OTHER,
            "Custom node parameters",
            lambda r: plain(r.node.ndparams),
        ),
        Field(
            "hv_state", "HypervisorState", Kind.OTHER, "Hypervisor state", lambda r: Absent.UNAVAIL
        ),
        Field("disk_state", "DiskState", Kind.OTHER, "Disk state", lambda r: Absent.UNAVAIL),
        Field(
            "pinst_cnt",
            "Pinst",
            Kind.NUMBER,
            "Number of instances with this node as primary",
            lambda r: len(r.primaries),
        ),
        Field(
            "pinst_list",
            "PriInstances",
            Kind.OTHER,
            "List of instances with this node as primary",
            lambda r: _names(r.primaries),
        ),
        Field(
            "sinst_cnt",
            "Sinst",
            Kind.NUMBER,
            "Number of instances with this node as secondary",
            lambda r: len(r.secondaries),
        ),
        Field(
            "sinst_list",
            "SecInstances",
            Kind.OTHER,
            "List of instances with this node as secondary",
            lambda r: _names(r.secondaries),
        ),
        *_LIVE,
        *node_param_fields(lambda r: r.node_params),
        *stamped_fields("Node", lambda r: r.node),
    ],
    looks_up=is_text,
)
