"""The `extstorage` resource: external storage providers that nodes have installed. Its 4 fields.

Source: queryfields.json, extstorage; Ganeti 3.0.2 lib/cmdlib/misc.py.
"""

from typing import Final

from masterd.filter.fields import Field, Kind, Table, table_of
from masterd.filter.natural import natural_key
from masterd.query.config_table import is_text, name_key
from masterd.query.provided_rows import ProvidedRow

#: Part of what a node says of a provider, behind its name.
_PARAMETERS: Final = 3


def _group_status(row: ProvidedRow) -> dict[str, bool]:
    """Return by name of group whether its nodes that answered all have it usable."""
    nodes, groups = row.config.nodes, row.config.nodegroups
    status = {group.name: True for group in groups.sorted()}
    for uuid, told in row.nodes.items():
        if not told or not told[0][1]:
            status[groups[nodes[uuid].group].name] = False
    return status


EXTSTORAGE_TABLE: Final[Table[ProvidedRow, str]] = table_of(
    "extstorage",
    "name",
    name_key,
    [
        Field("name", "Name", Kind.TEXT, "ExtStorage provider name", lambda row: row.name),
        Field("node_status", "NodeStatus", Kind.OTHER, "Status from node", lambda row: row.nodes),
        Field(
            "nodegroup_status",
            "NodegroupStatus",
            Kind.OTHER,
            "Overall Nodegroup status",
            _group_status,
        ),
        Field(
            "parameters",
            "Parameters",
            Kind.OTHER,
            "ExtStorage provider parameters",
            lambda row: sorted(row.common(_PARAMETERS), key=lambda each: natural_key(each[0])),
        ),
    ],
    looks_up=is_text,
)
