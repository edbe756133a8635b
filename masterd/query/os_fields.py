"""The `os` resource: operating systems that nodes have installed. Its 11 fields.

Source: queryfields.json, os; Ganeti 3.0.2 lib/cmdlib/operating_system.py.
"""

from collections.abc import Mapping
from typing import Final

from masterd.filter.fields import Field, Kind, Table, table_of
from masterd.filter.natural import natural_key
from masterd.query.config_table import is_text, name_key
from masterd.query.provided_rows import ProvidedRow

#: Parts of what a node says of an operating system, behind its name.
_VARIANTS, _PARAMETERS, _API_VERSIONS = 3, 4, 5


def _variants(row: ProvidedRow) -> list[str]:
    return sorted(row.common(_VARIANTS), key=natural_key)


def _of_variants(row: ProvidedRow, by_name: Mapping[str, object]) -> dict[str, object]:
    """Return what the cluster sets for variants of the operating system, by full name."""
    names = (f"{row.name}+{variant}" for variant in row.common(_VARIANTS))
    return {name: by_name[name] for name in names if name in by_name}


OS_TABLE: Final[Table[ProvidedRow, str]] = table_of(
    "os",
    "name",
    name_key,
    [
        Field("name", "Name", Kind.TEXT, "Operating system name", lambda row: row.name),
        Field(
            "valid",
            "Valid",
            Kind.BOOL,
            "Whether operating system definition is valid",
            lambda row: row.valid,
        ),
        Field(
            "hidden",
            "Hidden",
            Kind.BOOL,
            "Whether operating system is hidden",
            lambda row: row.name in row.config.cluster.hidden_os,
        ),
        Field(
            "blacklisted",
            "Blacklisted",
            Kind.BOOL,
            "Whether operating system is blacklisted",
            lambda row: row.name in row.config.cluster.blacklisted_os,
        ),
        Field("variants", "Variants", Kind.OTHER, "Operating system variants", _variants),
        Field(
            "api_versions",
            "ApiVersions",
            Kind.OTHER,
            "Operating system API versions",
            lambda row: sorted(row.common(_API_VERSIONS)),
        ),
        Field(
            "parameters",
            "Parameters",
            Kind.OTHER,
            "Operating system parameters",
            lambda row: sorted(row.common(_PARAMETERS), key=lambda each: natural_key(each[0])),
        ),
        Field("node_status", "NodeStatus", Kind.OTHER, "Status from node", lambda row: row.nodes),
        Field(
            "os_hvp",
            "OsHypervisorParams",
            Kind.OTHER,
            "Operating system specific hypervisor parameters",
            lambda row: _of_variants(row, row.config.cluster.os_hvp),
        ),
        Field(
            "osparams",
            "OsParameters",
            Kind.OTHER,
            "Operating system specific parameters",
            lambda row: _of_variants(row, row.config.cluster.osparams),
        ),
        Field(
            "trusted", "Trusted", Kind.BOOL, "Whether this OS is trusted", lambda row: row.trusted
        ),
    ],
    looks_up=is_text,
)
