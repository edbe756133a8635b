"""The cluster object: what holds for all nodes and instances, and the defaults they inherit."""

from collections.abc import Mapping
from typing import Literal

from masterd.config.objects import ConfigObject, FreeParams, Hypervisor
from masterd.config.params import BeParams, DiskTemplate, InstancePolicy, NdParams, NicParams

#: Address families by number: 2 is IPv4, 10 is IPv6.
IpFamily = Literal[2, 10]
SshKeyType = Literal["dsa", "ecdsa", "rsa"]


class DataCollector(ConfigObject, frozen=True, kw_only=True):
    """Whether the monitoring agent runs a collector, and every how many microseconds."""

    active: bool
    interval: int


class Cluster(ConfigObject, frozen=True, kw_only=True):
    """The cluster. `master_node` is a uuid; `uid_pool` holds inclusive ranges."""

    rsahostkeypub: str
    dsahostkeypub: str | None = None
    highest_used_port: int
    tcpudp_port_pool: tuple[int, ...]
    mac_prefix: str
    volume_group_name: str | None = None
    reserved_lvs: tuple[str, ...]
    drbd_usermode_helper: str | None = None
    master_node: str
    master_ip: str
    master_netdev: str
    master_netmask: int
    use_external_mip_script: bool
    cluster_name: str
    file_storage_dir: str
    shared_file_storage_dir: str
    gluster_storage_dir: str
    enabled_hypervisors: tuple[Hypervisor, ...]
    hvparams: Mapping[Hypervisor, FreeParams]
    os_hvp: Mapping[str, Mapping[Hypervisor, FreeParams]]
    beparams: Mapping[str, BeParams]
    osparams: Mapping[str, Mapping[str, str]]
    osparams_private_cluster: Mapping[str, Mapping[str, str]]
    nicparams: Mapping[str, NicParams]
    ndparams: NdParams
    diskparams: Mapping[DiskTemplate, FreeParams]
    candidate_pool_size: int
    modify_etc_hosts: bool
    modify_ssh_setup: bool
    maintain_node_health: bool
    uid_pool: tuple[tuple[int, int], ...]
    default_iallocator: str
    default_iallocator_params: FreeParams
    hidden_os: tuple[str, ...]
    blacklisted_os: tuple[str, ...]
    primary_ip_family: IpFamily
    prealloc_wipe_disks: bool
    ipolicy: InstancePolicy
    hv_state_static: Mapping[Hypervisor, FreeParams] = {}
    disk_state_static: Mapping[DiskTemplate, FreeParams] = {}
    enabled_disk_templates: tuple[DiskTemplate, ...]
    candidate_certs: Mapping[str, str]
    max_running_jobs: int
    max_tracked_jobs: int
    install_image: str
    instance_communication_network: str
    zeroing_image: str
    compression_tools: tuple[str, ...]
    enabled_user_shutdown: bool
    data_collectors: Mapping[str, DataCollector]
    ssh_key_type: SshKeyType
    ssh_key_bits: int
    ctime: float = 0.0
    mtime: float = 0.0
    uuid: str
    serial_no: int
    tags: tuple[str, ...] = ()


class MasterNetworkParameters(ConfigObject, frozen=True, kw_only=True):
    """What a node must know to take or drop the master IP. `uuid` is the master node's."""

    uuid: str
    ip: str
    netmask: int
    netdev: str
    ip_family: IpFamily
