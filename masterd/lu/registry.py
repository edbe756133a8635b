"""Which logical unit carries out which opcode."""

from collections.abc import Mapping
from typing import Any, Final

from masterd.lu.base import LogicalUnit
from masterd.lu.cluster_query import LUClusterConfigQuery, LUClusterQuery
from masterd.lu.cluster_verify import LUClusterVerifyConfig
from masterd.lu.delay import LUTestDelay
from masterd.lu.instance_query import LUInstanceQueryData
from masterd.lu.node_storage import LUNodeQueryStorage
from masterd.lu.query import LUExtStorageDiagnose, LUOsDiagnose, LUQuery, LUQueryFields
from masterd.lu.queue_tests import LUTestDummy, LUTestJqueue
from masterd.lu.tags import LUTagsDel, LUTagsGet, LUTagsSearch, LUTagsSet

LOGICAL_UNITS: Final[Mapping[str, type[LogicalUnit[Any, Any]]]] = {
    "OP_CLUSTER_CONFIG_QUERY": LUClusterConfigQuery,
    "OP_CLUSTER_QUERY": LUClusterQuery,
    "OP_CLUSTER_VERIFY_CONFIG": LUClusterVerifyConfig,
    "OP_EXT_STORAGE_DIAGNOSE": LUExtStorageDiagnose,
    "OP_INSTANCE_QUERY_DATA": LUInstanceQueryData,
    "OP_NODE_QUERY_STORAGE": LUNodeQueryStorage,
    "OP_OS_DIAGNOSE": LUOsDiagnose,
    "OP_QUERY": LUQuery,
    "OP_QUERY_FIELDS": LUQueryFields,
    "OP_TAGS_DEL": LUTagsDel,
    "OP_TAGS_GET": LUTagsGet,
    "OP_TAGS_SEARCH": LUTagsSearch,
    "OP_TAGS_SET": LUTagsSet,
    "OP_TEST_DELAY": LUTestDelay,
    "OP_TEST_DUMMY": LUTestDummy,
    "OP_TEST_JQUEUE": LUTestJqueue,
}


def find(op_id: str) -> type[LogicalUnit[Any, Any]] | None:
    """Return the logical unit of an opcode."""
    return LOGICAL_UNITS.get(op_id)


def unsupported(op_id: str) -> str:
    """Return the text that refuses an opcode without a logical unit."""
    return f"Opcode {op_id} is not supported yet by this master daemon"
