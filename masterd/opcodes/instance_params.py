"""The opcode that changes parameters of an instance."""

from dataclasses import dataclass, field
from typing import ClassVar

from masterd.opcodes.base import OpCode, register
from masterd.opcodes.params import (
    DiskChanges,
    DiskTemplate,
    FileDriver,
    NicChanges,
    NonEmptyString,
    Parameters,
    PositiveInt,
    PrivateParameters,
)
from masterd.opcodes.results import Changes


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpInstanceSetParams(OpCode):
    """Change an instance; what is not given stays."""

    OP_ID: ClassVar[str] = "OP_INSTANCE_SET_PARAMS"
    RESULT: ClassVar[object] = Changes
    SUMMARY_FIELD: ClassVar[str | None] = "instance_name"

    instance_name: str
    beparams: Parameters = field(default_factory=dict)
    conflicts_check: bool = True
    disk_template: DiskTemplate | None = None
    disks: DiskChanges = ()
    ext_params: Parameters = field(default_factory=dict)
    file_driver: FileDriver | None = None
    file_storage_dir: NonEmptyString | None = None
    force: bool = False
    force_variant: bool = False
    hotplug: bool = False
    #: Hotplug, but go on where the hypervisor cannot.
    hotplug_if_possible: bool = False
    hvparams: Parameters = field(default_factory=dict)
    iallocator: NonEmptyString | None = None
    ignore_ipolicy: bool = False
    instance_communication: bool | None = None
    instance_uuid: NonEmptyString | None = None
    nics: NicChanges = ()
    offline: bool | None = None
    os_name: NonEmptyString | None = None
    osparams: Parameters = field(default_factory=dict)
    osparams_private: PrivateParameters | None = None
    pnode: NonEmptyString | None = None
    pnode_uuid: NonEmptyString | None = None
    remote_node: NonEmptyString | None = None
    remote_node_uuid: NonEmptyString | None = None
    #: MiB, ballooned at once.
    runtime_mem: PositiveInt | None = None
    wait_for_sync: bool = True
