"""The `group` resource: its 25 fields.

Source: queryfields.json, group; answers of luxid 3.0.2.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from masterd.config.kinds import AnyInstance
from masterd.config.node import Node, NodeGroup
from masterd.config.objects import FreeParams, write
from masterd.config.params import InstancePolicy, NdParams, PartialInstanceSpec, fill
from masterd.config.relations import by_name, relations
from masterd.config.snapshot import ConfigSnapshot
from masterd.filter.fields import Field, Kind, Table, table_of
from masterd.filter.natural import natural_key
from masterd.query.config_table import (
    Rows,
    in_order,
    is_text,
    name_key,
    node_param_fields,
    plain,
    stamped_fields,
)


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A group as a query sees it."""

    config: ConfigSnapshot
    group: NodeGroup

    @property
    def nodes(self) -> list[Node]:
        """Its nodes, by uuid."""
        return self.config.derived(relations).members.get(self.group.uuid, [])

    @property
    def instances(self) -> list[AnyInstance]:
        """Instances whose primary node is in the group, in natural order of names."""
        primary_of = self.config.derived(relations).primary_of
        return by_name(each for node in self.nodes for each in primary_of.get(node.uuid, ()))

    @property
    def node_params(self) -> NdParams:
        """Node parameters, filled from the cluster's."""
        return fill(self.config.cluster.ndparams, self.group.ndparams)


def group_rows(config: ConfigSnapshot) -> Rows[NodeGroup, GroupRow]:
    """Return where rows come from."""

    def rows(groups: Sequence[NodeGroup], needs: frozenset[str]) -> Iterable[GroupRow]:
        return [GroupRow(config, group) for group in groups]

    everything = sorted(config.nodegroups.values(), key=lambda group: natural_key(group.name))
    return Rows(everything, config.nodegroups.find, rows, called="NodeGroup")


def filled_policy(base: InstancePolicy, group: NodeGroup) -> dict[str, object]:
    """Return a group's instance policy as a document, filled from the cluster's."""
    own = group.ipolicy
    document = {**plain(base), **{k: v for k, v in plain(own).items() if k != "std"}}
    if own.std is not None:
        document["std"] = write(fill(base.std, own.std or PartialInstanceSpec()))
    return document


def filled_disk_params(config: ConfigSnapshot, group: NodeGroup) -> dict[str, FreeParams]:
    """Return a group's disk parameters by template: a template it sets replaces the cluster's."""
    layers = (config.cluster.diskparams, group.diskparams)
    return {str(template): params for layer in layers for template, params in layer.items()}


GROUP_TABLE: Final[Table[GroupRow, str]] = table_of(
    "group",
    "name",
    name_key,
    [
        Field("name", "Group", Kind.TEXT, "Group name", lambda r: r.group.name),
        Field(
            "alloc_policy",
            "AllocPolicy",
            Kind.TEXT,
            "Allocation policy for group",
            lambda r: r.group.alloc_policy,
        ),
        Field(
            "custom_diskparams",
            "CustomDiskParameters",
            Kind.OTHER,
            "Custom disk parameters",
            lambda r: in_order({str(key): each for key, each in r.group.diskparams.items()}),
        ),
        Field(
            "custom_ipolicy",
            "CustomInstancePolicy",
            Kind.OTHER,
            "Custom instance policy limitations",
            lambda r: plain(r.group.ipolicy),
        ),
        Field(
            "custom_ndparams",
            "CustomNDParams",
            Kind.OTHER,
            "Custom node parameters",
            lambda r: plain(r.group.ndparams),
        ),
        Field(
            "diskparams",
            "DiskParameters",
            Kind.OTHER,
            "Disk parameters (merged)",
            lambda r: in_order(filled_disk_params(r.config, r.group)),
        ),
        Field(
            "ipolicy",
            "InstancePolicy",
            Kind.OTHER,
            "Instance policy limitations (merged)",
            lambda r: filled_policy(r.config.cluster.ipolicy, r.group),
        ),
        Field(
            "ndparams", "NDParams", Kind.OTHER, "Node parameters", lambda r: plain(r.node_params)
        ),
        Field("node_cnt", "Nodes", Kind.NUMBER, "Number of nodes", lambda r: len(r.nodes)),
        Field(
            "node_list",
            "NodeList",
            Kind.OTHER,
            "List of nodes",
            lambda r: [node.name for node in r.nodes],
        ),
        Field(
            "pinst_cnt",
            "Instances",
            Kind.NUMBER,
            "Number of primary instances",
            lambda r: len(r.instances),
        ),
        Field(
            "pinst_list",
            "InstanceList",
            Kind.OTHER,
            "List of primary instances",
            lambda r: [each.name for each in r.instances if each.name is not None],
        ),
        *node_param_fields(lambda r: r.node_params),
        *stamped_fields("Group", lambda r: r.group),
    ],
    looks_up=is_text,
)
