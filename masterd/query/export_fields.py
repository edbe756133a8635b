"""The `export` resource: backups of instances on nodes. Its 2 fields.

Source: queryfields.json, export; answers of luxid 3.0.2.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from masterd.config.node import Node
from masterd.config.snapshot import ConfigSnapshot
from masterd.filter.fields import Absent, Field, FilterMode, Kind, Table, table_of
from masterd.filter.natural import natural_key
from masterd.query.config_table import Rows, is_text, name_key
from masterd.query.node_fields import finder


class AskExports(Protocol):
    """Asks nodes for their backups; may switch greenlets."""

    def __call__(self, nodes: Sequence[Node]) -> Mapping[str, Sequence[str]]:
        """Return the names of backups of those that answered, by uuid."""
        ...


@dataclass(frozen=True, slots=True)
class ExportRow:
    """A backup on a node; a node that does not tell has one row without a name."""

    node: Node
    export: str | None


def export_rows(config: ConfigSnapshot, ask: AskExports) -> Rows[Node, ExportRow]:
    """Return where rows come from."""

    def rows(nodes: Sequence[Node], needs: frozenset[str]) -> Iterator[ExportRow]:
        answers = ask([node for node in nodes if not node.offline])
        for node in nodes:
            if node.uuid in answers:
                for export in answers[node.uuid]:
                    yield ExportRow(node, export)
            else:
                yield ExportRow(node, None)

    everything = sorted(config.nodes.values(), key=lambda node: natural_key(node.name))
    return Rows(everything, finder(config.nodes), rows, called="Node")


def _export(row: ExportRow) -> object:
    if row.export is not None:
        return row.export
    return Absent.OFFLINE if row.node.offline else Absent.NODATA


EXPORT_TABLE: Final[Table[ExportRow, str]] = table_of(
    "export",
    "node",
    name_key,
    [
        Field("node", "Node", Kind.TEXT, "Node name", lambda r: r.node.name, FilterMode.HOSTNAME),
        Field("export", "Export", Kind.TEXT, "Export name", _export),
    ],
    looks_up=is_text,
)
