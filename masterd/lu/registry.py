"""Which logical unit carries out which opcode."""

from collections.abc import Mapping
from typing import Any, Final

from masterd.lu.allocator_test import LUTestAllocator
from masterd.lu.backup.export import LUBackupExport
from masterd.lu.backup.prepare import LUBackupPrepare
from masterd.lu.backup.remove import LUBackupRemove
from masterd.lu.cluster.address import LUClusterActivateMasterIp, LUClusterDeactivateMasterIp
from masterd.lu.cluster.crypto import LUClusterRenewCrypto
from masterd.lu.cluster.disk_sizes import LUClusterRepairDiskSizes
from masterd.lu.cluster.life import LUClusterDestroy, LUClusterPostInit
from masterd.lu.cluster.params import LUClusterSetParams
from masterd.lu.cluster.query import LUClusterConfigQuery, LUClusterQuery
from masterd.lu.cluster.redist import LUClusterRedistConf
from masterd.lu.cluster.rename import LUClusterRename
from masterd.lu.cluster.verify import LUClusterVerifyConfig
from masterd.lu.cluster.verify_group import LUClusterVerifyGroup
from masterd.lu.cluster.verify_jobs import LUClusterVerify, LUClusterVerifyDisks
from masterd.lu.creation.create import LUInstanceCreate
from masterd.lu.creation.multi import LUInstanceMultiAlloc
from masterd.lu.delay import LUTestDelay
from masterd.lu.disks.activation import LUInstanceActivateDisks, LUInstanceDeactivateDisks
from masterd.lu.disks.grow import LUInstanceGrowDisk
from masterd.lu.disks.recreate import LUInstanceRecreateDisks
from masterd.lu.disks.replace import LUInstanceReplaceDisks
from masterd.lu.group.evacuate import LUGroupEvacuate
from masterd.lu.group.life import LUGroupAdd, LUGroupRemove, LUGroupRename
from masterd.lu.group.nodes import LUGroupAssignNodes
from masterd.lu.group.params import LUGroupSetParams
from masterd.lu.group.verify_disks import LUGroupVerifyDisks
from masterd.lu.instance.console import LUInstanceConsole
from masterd.lu.instance.modify import LUInstanceSetParams
from masterd.lu.instance.power import LUInstanceReboot, LUInstanceShutdown, LUInstanceStartup
from masterd.lu.instance.query import LUInstanceQueryData
from masterd.lu.instance.reinstall import LUInstanceReinstall
from masterd.lu.instance.remove import LUInstanceRemove
from masterd.lu.instance.rename import LUInstanceRename
from masterd.lu.moves.change_group import LUInstanceChangeGroup
from masterd.lu.moves.copying import LUInstanceMove
from masterd.lu.moves.over import LUInstanceFailover, LUInstanceMigrate
from masterd.lu.network.connect import LUNetworkConnect, LUNetworkDisconnect
from masterd.lu.network.life import LUNetworkAdd, LUNetworkRemove, LUNetworkSetParams
from masterd.lu.node.evacuate import LUNodeEvacuate, LUNodeMigrate
from masterd.lu.node.join import LUNodeAdd
from masterd.lu.node.params import LUNodeSetParams
from masterd.lu.node.power import LUNodePowercycle, LUOobCommand
from masterd.lu.node.removal import LUNodeRemove
from masterd.lu.node.restricted_command import LURestrictedCommand
from masterd.lu.node.storage import LUNodeQueryStorage
from masterd.lu.node.units import LUNodeModifyStorage, LURepairNodeStorage
from masterd.lu.node.volumes import LUNodeQueryvols
from masterd.lu.os_params_test import LUTestOsParams
from masterd.lu.query import LUExtStorageDiagnose, LUOsDiagnose, LUQuery, LUQueryFields
from masterd.lu.queue_tests import LUTestDummy, LUTestJqueue
from masterd.lu.tags import LUTagsDel, LUTagsGet, LUTagsSearch, LUTagsSet
from masterd.work.base import LogicalUnit

LOGICAL_UNITS: Final[Mapping[str, type[LogicalUnit[Any, Any]]]] = {
    "OP_BACKUP_EXPORT": LUBackupExport,
    "OP_BACKUP_PREPARE": LUBackupPrepare,
    "OP_BACKUP_REMOVE": LUBackupRemove,
    "OP_CLUSTER_ACTIVATE_MASTER_IP": LUClusterActivateMasterIp,
    "OP_CLUSTER_CONFIG_QUERY": LUClusterConfigQuery,
    "OP_CLUSTER_DEACTIVATE_MASTER_IP": LUClusterDeactivateMasterIp,
    "OP_CLUSTER_DESTROY": LUClusterDestroy,
    "OP_CLUSTER_POST_INIT": LUClusterPostInit,
    "OP_CLUSTER_QUERY": LUClusterQuery,
    "OP_CLUSTER_REDIST_CONF": LUClusterRedistConf,
    "OP_CLUSTER_RENAME": LUClusterRename,
    "OP_CLUSTER_RENEW_CRYPTO": LUClusterRenewCrypto,
    "OP_CLUSTER_REPAIR_DISK_SIZES": LUClusterRepairDiskSizes,
    "OP_CLUSTER_SET_PARAMS": LUClusterSetParams,
    "OP_CLUSTER_VERIFY": LUClusterVerify,
    "OP_CLUSTER_VERIFY_CONFIG": LUClusterVerifyConfig,
    "OP_CLUSTER_VERIFY_DISKS": LUClusterVerifyDisks,
    "OP_CLUSTER_VERIFY_GROUP": LUClusterVerifyGroup,
    "OP_EXT_STORAGE_DIAGNOSE": LUExtStorageDiagnose,
    "OP_GROUP_ADD": LUGroupAdd,
    "OP_GROUP_ASSIGN_NODES": LUGroupAssignNodes,
    "OP_GROUP_REMOVE": LUGroupRemove,
    "OP_GROUP_RENAME": LUGroupRename,
    "OP_GROUP_SET_PARAMS": LUGroupSetParams,
    "OP_GROUP_EVACUATE": LUGroupEvacuate,
    "OP_GROUP_VERIFY_DISKS": LUGroupVerifyDisks,
    "OP_INSTANCE_ACTIVATE_DISKS": LUInstanceActivateDisks,
    "OP_INSTANCE_CHANGE_GROUP": LUInstanceChangeGroup,
    "OP_INSTANCE_CONSOLE": LUInstanceConsole,
    "OP_INSTANCE_CREATE": LUInstanceCreate,
    "OP_INSTANCE_DEACTIVATE_DISKS": LUInstanceDeactivateDisks,
    "OP_INSTANCE_GROW_DISK": LUInstanceGrowDisk,
    "OP_INSTANCE_FAILOVER": LUInstanceFailover,
    "OP_INSTANCE_MIGRATE": LUInstanceMigrate,
    "OP_INSTANCE_MOVE": LUInstanceMove,
    "OP_INSTANCE_MULTI_ALLOC": LUInstanceMultiAlloc,
    "OP_INSTANCE_QUERY_DATA": LUInstanceQueryData,
    "OP_INSTANCE_REBOOT": LUInstanceReboot,
    "OP_INSTANCE_RECREATE_DISKS": LUInstanceRecreateDisks,
    "OP_INSTANCE_REINSTALL": LUInstanceReinstall,
    "OP_INSTANCE_REMOVE": LUInstanceRemove,
    "OP_INSTANCE_REPLACE_DISKS": LUInstanceReplaceDisks,
    "OP_INSTANCE_SET_PARAMS": LUInstanceSetParams,
    "OP_INSTANCE_RENAME": LUInstanceRename,
    "OP_INSTANCE_SHUTDOWN": LUInstanceShutdown,
    "OP_INSTANCE_STARTUP": LUInstanceStartup,
    "OP_NETWORK_ADD": LUNetworkAdd,
    "OP_NETWORK_CONNECT": LUNetworkConnect,
    "OP_NETWORK_DISCONNECT": LUNetworkDisconnect,
    "OP_NETWORK_REMOVE": LUNetworkRemove,
    "OP_NETWORK_SET_PARAMS": LUNetworkSetParams,
    "OP_NODE_ADD": LUNodeAdd,
    "OP_NODE_EVACUATE": LUNodeEvacuate,
    "OP_NODE_MIGRATE": LUNodeMigrate,
    "OP_NODE_MODIFY_STORAGE": LUNodeModifyStorage,
    "OP_NODE_POWERCYCLE": LUNodePowercycle,
    "OP_NODE_QUERYVOLS": LUNodeQueryvols,
    "OP_NODE_QUERY_STORAGE": LUNodeQueryStorage,
    "OP_NODE_REMOVE": LUNodeRemove,
    "OP_NODE_SET_PARAMS": LUNodeSetParams,
    "OP_OOB_COMMAND": LUOobCommand,
    "OP_OS_DIAGNOSE": LUOsDiagnose,
    "OP_QUERY": LUQuery,
    "OP_QUERY_FIELDS": LUQueryFields,
    "OP_REPAIR_NODE_STORAGE": LURepairNodeStorage,
    "OP_RESTRICTED_COMMAND": LURestrictedCommand,
    "OP_TAGS_DEL": LUTagsDel,
    "OP_TAGS_GET": LUTagsGet,
    "OP_TAGS_SEARCH": LUTagsSearch,
    "OP_TAGS_SET": LUTagsSet,
    "OP_TEST_ALLOCATOR": LUTestAllocator,
    "OP_TEST_DELAY": LUTestDelay,
    "OP_TEST_DUMMY": LUTestDummy,
    "OP_TEST_JQUEUE": LUTestJqueue,
    "OP_TEST_OS_PARAMS": LUTestOsParams,
}


def find(op_id: str) -> type[LogicalUnit[Any, Any]] | None:
    """Return the logical unit of an opcode."""
    return LOGICAL_UNITS.get(op_id)
