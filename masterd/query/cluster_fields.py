"""The `cluster` resource: the cluster as one row. Its 16 fields.

Source: queryfields.json, cluster; Ganeti 3.0.2 lib/query.py (texts).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from masterd.config.snapshot import ConfigSnapshot
from masterd.dialect import Dialect
from masterd.filter.fields import Field, FilterMode, Kind, Table, table_of
from masterd.query.cluster_info import ARCHITECTURE
from masterd.query.config_table import name_key, never, or_unavailable


@dataclass(frozen=True, slots=True)
class ClusterRow:
    """The cluster and the switches beside it."""

    config: ConfigSnapshot
    dialect: Dialect
    drained: bool
    #: Until when the watcher pauses, in seconds since the epoch.
    watcher_pause: int | None


class OnlyRow:
    """Where the row comes from. Obeys `masterd.filter.fields.Source`."""

    def __init__(self, row: ClusterRow) -> None:
        self._row = row

    def by_keys(self, keys: Sequence[str], needs: frozenset[str]) -> Iterable[ClusterRow]:
        """Give the row; names are compared, not looked up."""
        return [self._row]

    def all(self, needs: frozenset[str]) -> Iterable[ClusterRow]:
        """Give the row."""
        return [self._row]


def _text(
    name: str, title: str, doc: str, get: Callable[[ClusterRow], object]
) -> Field[ClusterRow]:
    return Field(name, title, Kind.TEXT, doc, get, FilterMode.HOSTNAME)


def _number(name: str, title: str, doc: str, read: Callable[[Dialect], int]) -> Field[ClusterRow]:
    return Field(name, title, Kind.NUMBER, doc, lambda row: read(row.dialect))


CLUSTER_TABLE: Final[Table[ClusterRow, str]] = table_of(
    "cluster",
    "name",
    name_key,
    [
        _text("name", "Name", "Cluster name", lambda row: row.config.cluster.cluster_name),
        _text("cluster_name", "Name", "Cluster name", lambda r: r.config.cluster.cluster_name),
        _text("master_node", "Master", "Master node name", lambda row: row.config.master.name),
        Field(
            "volume_group_name",
            "VgName",
            Kind.TEXT,
            "LVM volume group name",
            lambda row: or_unavailable(row.config.cluster.volume_group_name),
        ),
        Field("tags", "Tags", Kind.OTHER, "Tags", lambda row: sorted(row.config.cluster.tags)),
        Field(
            "architecture",
            "ArchInfo",
            Kind.OTHER,
            "Architecture information",
            lambda row: ARCHITECTURE,
        ),
        Field(
            "drain_flag",
            "QueueDrained",
            Kind.BOOL,
            "Flag whether job queue is drained",
            lambda row: row.drained,
        ),
        Field(
            "watcher_pause",
            "WatcherPause",
            Kind.TIMESTAMP,
            "Until when watcher is paused",
            lambda row: or_unavailable(row.watcher_pause),
        ),
        Field(
            "ctime",
            "CTime",
            Kind.TIMESTAMP,
            "Creation timestamp",
            lambda row: row.config.cluster.ctime,
        ),
        Field(
            "mtime",
            "MTime",
            Kind.TIMESTAMP,
            "Modification timestamp",
            lambda row: row.config.cluster.mtime,
        ),
        Field(
            "software_version",
            "SoftwareVersion",
            Kind.TEXT,
            "Software version",
            lambda row: row.dialect.release_version,
        ),
        Field(
            "vcs_version",
            "VCSVersion",
            Kind.TEXT,
            "VCS version",
            lambda row: row.dialect.vcs_version,
        ),
        _number(
            "protocol_version",
            "ProtocolVersion",
            "Protocol version",
            lambda spoken: spoken.protocol_version,
        ),
        _number(
            "config_version",
            "ConfigVersion",
            "Configuration format version",
            lambda spoken: spoken.config_version,
        ),
        _number(
            "os_api_version",
            "OsApiVersion",
            "API version for OS template scripts",
            lambda spoken: spoken.os_api_version,
        ),
        _number(
            "export_version",
            "ExportVersion",
            "Import/export format version",
            lambda spoken: spoken.export_version,
        ),
    ],
    looks_up=never,
)
