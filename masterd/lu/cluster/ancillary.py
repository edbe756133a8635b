"""The files beside the configuration that nodes must have alike.

Source: Ganeti 3.0.2 lib/cmdlib/common.py (which files); lib/hypervisor (those of hypervisors).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from masterd.config.cluster import Cluster
from masterd.config.objects import Hypervisor
from masterd.paths import Paths

#: For all nodes, below the data directory; certificates come besides.
_DATA: Final = (
    "cluster-domain-secret",
    "hmac.key",
    "known_hosts",
    "rapi/users",
    "spice-ca.pem",
    "spice.pem",
)
_REMOTE_API_CERTIFICATE: Final = "rapi.pem"
#: Of them, those that need not be there.
_OPTIONAL_DATA: Final = frozenset({"rapi/users"})
#: For all nodes where the cluster says so; each node has its own.
_HOSTS: Final = Path("/etc/hosts")
_ADDRESS_SCRIPT: Final = "etc/ganeti/scripts/master-ip-setup"
_STORAGE_PATHS: Final = "etc/ganeti/file-storage-paths"
#: For the nodes that can have instances, below the root, by hypervisor.
_XEN_OPTIONAL: Final = ("etc/xen/xend-config.sxp", "etc/xen/xen/xl.conf")
_XEN: Final = (*_XEN_OPTIONAL, "etc/xen/scripts/vif-bridge")
_BRIDGE_SCRIPT: Final = "etc/ganeti/kvm-vif-bridge"
_CONSOLE_PASSWORD: Final = "etc/ganeti/vnc-cluster-password"
_HYPERVISORS: Final[Mapping[Hypervisor, Sequence[str]]] = {
    "kvm": (_BRIDGE_SCRIPT,),
    "xen-pvm": _XEN,
    "xen-hvm": (*_XEN, _CONSOLE_PASSWORD),
}
_OPTIONAL: Final = frozenset({*_XEN_OPTIONAL, _BRIDGE_SCRIPT, _CONSOLE_PASSWORD})


@dataclass(frozen=True, slots=True)
class AncillaryFiles:
    """Files by who has them.

    Attributes:
        everywhere: all nodes.
        on_candidates: the master and the master candidates only.
        on_capable: the nodes that can have instances.
        optional: those of the above that all of these nodes may lack.
    """

    everywhere: tuple[Path, ...]
    on_candidates: tuple[Path, ...]
    on_capable: tuple[Path, ...]
    optional: frozenset[Path]

    def all(self) -> list[Path]:
        """Return each of them."""
        return [*self.everywhere, *self.on_candidates, *self.on_capable]


def sent(cluster: Cluster, paths: Paths) -> AncillaryFiles:
    """Return the files that are given to nodes when everything is sent anew."""
    data = [paths.data_dir / name for name in (*_DATA, _REMOTE_API_CERTIFICATE)]
    return _files(cluster, paths, data, (), ())


def verified(cluster: Cluster, paths: Paths, simple: Iterable[str]) -> AncillaryFiles:
    """Return the files that are compared; `simple` are the keys of the simple configuration."""
    data = [
        *(paths.data_dir / name for name in _DATA),
        *paths.cluster_certificates,
        *(paths.data_dir / f"ssconf_{key}" for key in simple),
    ]
    storage = []
    if {"file", "sharedfile"} & set(cluster.enabled_disk_templates):
        storage = [paths.root / _STORAGE_PATHS]
    return _files(cluster, paths, data, storage, (paths.config_file,))


def address_script(paths: Paths) -> Path:
    """Return the administrator's own program for the master's address, where it is used."""
    return paths.root / _ADDRESS_SCRIPT


def _files(
    cluster: Cluster,
    paths: Paths,
    data: Iterable[Path],
    storage: Sequence[Path],
    on_candidates: tuple[Path, ...],
) -> AncillaryFiles:
    everywhere = [*data, *storage]
    if cluster.modify_etc_hosts:
        everywhere.append(_HOSTS)
    if cluster.use_external_mip_script:
        everywhere.append(address_script(paths))
    capable = [name for each in cluster.enabled_hypervisors for name in _HYPERVISORS.get(each, ())]
    optional = [
        *(paths.data_dir / name for name in _OPTIONAL_DATA),
        *(paths.root / name for name in capable if name in _OPTIONAL),
        *storage,
    ]
    return AncillaryFiles(
        tuple(dict.fromkeys(everywhere)),
        on_candidates,
        tuple(paths.root / name for name in dict.fromkeys(capable)),
        frozenset(optional),
    )
