"""The kinds of objects a configuration consists of, one row each.

A kind says where its objects stand in `config.data`, how one is read, and whether it has a name by
which it is found.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from masterd.config.cluster import Cluster
from masterd.config.disk import Disk, ForthcomingDisk
from masterd.config.filter import FilterRule
from masterd.config.instance import ForthcomingInstance, Instance
from masterd.config.network import Network
from masterd.config.node import Node, NodeGroup
from masterd.config.objects import ConfigObject, read

AnyDisk = Disk | ForthcomingDisk
AnyInstance = Instance | ForthcomingInstance

#: Every object that has a row of its own.
Configured = Cluster | Node | NodeGroup | AnyInstance | Network | AnyDisk | FilterRule
#: Those that carry `tags`.
Taggable = Cluster | Node | NodeGroup | AnyInstance | Network

T_co = TypeVar("T_co", bound=ConfigObject, covariant=True)


@dataclass(frozen=True, slots=True, eq=False)
class Kind(Generic[T_co]):
    """One kind.

    Attributes:
        name: Kind in the store's keys and in messages.
        section: Key of its mapping by uuid in `config.data`; "cluster" is the object itself.
        real: Class of its objects.
        planned: Class of its objects that are only forthcoming, if there can be such.
        has_name: Objects have a `name`, unique within the kind.
        counts_for_cluster: Adding or removing one gives the cluster object a new serial number.
    """

    name: str
    section: str
    real: type[T_co]
    planned: type[T_co] | None = None
    has_name: bool = True
    counts_for_cluster: bool = False

    def read(self, document: object, where: str) -> T_co:
        """Make an object of this kind.

        Raises:
            ConfigurationError: the document is not of its form; the message begins with `where`.
        """
        if isinstance(document, dict) and "forthcoming" in document and self.planned is not None:
            if document["forthcoming"] is not False:
                return read(self.planned, document, where)
            document = {key: value for key, value in document.items() if key != "forthcoming"}
        return read(self.real, document, where)


CLUSTER: Final = Kind("cluster", "cluster", Cluster, has_name=False)
NODE: Final = Kind("node", "nodes", Node, counts_for_cluster=True)
GROUP: Final = Kind("nodegroup", "nodegroups", NodeGroup, counts_for_cluster=True)
INSTANCE: Final[Kind[AnyInstance]] = Kind(
    "instance", "instances", Instance, ForthcomingInstance, counts_for_cluster=True
)
NETWORK: Final = Kind("network", "networks", Network, counts_for_cluster=True)
DISK: Final[Kind[AnyDisk]] = Kind("disk", "disks", Disk, ForthcomingDisk, has_name=False)
FILTER: Final = Kind("filter", "filters", FilterRule, has_name=False)

#: Kinds with a mapping of their own, in the order of `config.data`.
KINDS: Final[tuple[Kind[Configured], ...]] = (NODE, GROUP, INSTANCE, NETWORK, DISK, FILTER)

BY_NAME: Final[Mapping[str, Kind[Configured]]] = {kind.name: kind for kind in (CLUSTER, *KINDS)}

_BY_CLASS: Final[Mapping[type[ConfigObject], Kind[Configured]]] = {
    cls: kind for kind in BY_NAME.values() for cls in (kind.real, kind.planned) if cls is not None
}


def kind_of(value: ConfigObject) -> Kind[Configured]:
    """Return the kind of an object that has a row of its own."""
    return _BY_CLASS[type(value)]
