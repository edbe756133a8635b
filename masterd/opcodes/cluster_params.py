"""The opcode that changes parameters of the cluster."""

from dataclasses import dataclass
from typing import ClassVar

from masterd.opcodes.base import OpCode, register
from masterd.opcodes.params import (
    DiskTemplate,
    DiskTemplateParameters,
    Hypervisor,
    NicParameters,
    NonEmptyString,
    NonNegativeInt,
    OsListChange,
    Parameters,
    PositiveInt,
    PrivateParameters,
    UidRange,
)
from masterd.opcodes.results import MaybeSubmittedJobs


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpClusterSetParams(OpCode):
    """Change settings of the cluster; what is not given stays."""

    OP_ID: ClassVar[str] = "OP_CLUSTER_SET_PARAMS"
    RESULT: ClassVar[object] = MaybeSubmittedJobs

    add_uids: tuple[UidRange, ...] | None = None
    beparams: Parameters | None = None
    blacklisted_os: tuple[OsListChange, ...] | None = None
    candidate_pool_size: PositiveInt | None = None
    compression_tools: tuple[NonEmptyString, ...] | None = None
    #: Microseconds between two runs, by collector.
    data_collector_interval: dict[str, int] | None = None
    default_iallocator: str | None = None
    default_iallocator_params: Parameters | None = None
    disk_state: Parameters | None = None
    diskparams: DiskTemplateParameters | None = None
    drbd_helper: str | None = None
    enabled_data_collectors: dict[str, bool] | None = None
    enabled_disk_templates: tuple[DiskTemplate, ...] | None = None
    enabled_hypervisors: tuple[Hypervisor, ...] | None = None
    enabled_user_shutdown: bool | None = None
    file_storage_dir: str | None = None
    force: bool = False
    gluster_storage_dir: str | None = None
    hidden_os: tuple[OsListChange, ...] | None = None
    hv_state: Parameters | None = None
    hvparams: dict[str, Parameters] | None = None
    install_image: str | None = None
    instance_communication_network: str | None = None
    ipolicy: Parameters | None = None
    mac_prefix: NonEmptyString | None = None
    maintain_node_health: bool | None = None
    master_netdev: str | None = None
    master_netmask: NonNegativeInt | None = None
    max_running_jobs: PositiveInt | None = None
    max_tracked_jobs: PositiveInt | None = None
    modify_etc_hosts: bool | None = None
    ndparams: Parameters | None = None
    nicparams: NicParameters | None = None
    os_hvp: dict[str, Parameters] | None = None
    osparams: dict[str, Parameters] | None = None
    osparams_private_cluster: dict[str, PrivateParameters] | None = None
    prealloc_wipe_disks: bool | None = None
    remove_uids: tuple[UidRange, ...] | None = None
    reserved_lvs: tuple[NonEmptyString, ...] | None = None
    shared_file_storage_dir: str | None = None
    uid_pool: tuple[UidRange, ...] | None = None
    use_external_mip_script: bool | None = None
    vg_name: str | None = None
    zeroing_image: str | None = None
