"""Which resources there are, and the answers about each of them.

One `Resources` serves the whole daemon; every query works on the newest configuration as it was
when the query began. Jobs are not in here, because their rows come from the store.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from masterd.config.snapshot import ConfigSnapshot
from masterd.dialect import Dialect
from masterd.errors import ECode, OpPrereqError
from masterd.filter.fields import Source, Table
from masterd.filter.language import Equal, Everything, Filter, Some
from masterd.lock.table import LockState
from masterd.query import engine
from masterd.query.cluster_fields import CLUSTER_TABLE, ClusterRow, OnlyRow
from masterd.query.collect import Collector
from masterd.query.config_table import Rows, unknown_name
from masterd.query.export_fields import EXPORT_TABLE, export_rows
from masterd.query.extstorage_fields import EXTSTORAGE_TABLE
from masterd.query.filter_fields import FILTER_TABLE, filter_rows
from masterd.query.group_fields import GROUP_TABLE, group_rows
from masterd.query.instance_fields import INSTANCE_TABLE, instance_rows
from masterd.query.lock_fields import LOCK_TABLE, lock_rows
from masterd.query.network_fields import NETWORK_TABLE, network_rows
from masterd.query.node_fields import NODE_TABLE, finder, node_rows
from masterd.query.os_fields import OS_TABLE
from masterd.query.provided_rows import Provided

# Rows and keys of a table fit each other; which they are does not matter here.
AnyTable = Table[Any, Any]

TABLES: Final[dict[str, AnyTable]] = {
    table.resource: table
    for table in (
        EXPORT_TABLE, FILTER_TABLE, GROUP_TABLE, INSTANCE_TABLE, LOCK_TABLE, NETWORK_TABLE,
        NODE_TABLE,
    )
}  # fmt: skip


#: Resources that are asked for by an opcode, and not over LUXI.
BY_OPCODE: Final[dict[str, AnyTable]] = {
    table.resource: table for table in (CLUSTER_TABLE, EXTSTORAGE_TABLE, OS_TABLE)
}


class Resources:
    """Answers queries about everything but jobs. Methods may switch greenlets."""

    def __init__(
        self,
        config: Callable[[], ConfigSnapshot],
        collector: Collector,
        locks: Callable[[], Sequence[LockState]],
        pause: engine.Pause,
        *,
        dialect: Dialect,
        drained: Callable[[], bool] = lambda: False,
        watcher_pause: Callable[[], int | None] = lambda: None,
    ) -> None:
        """Prepare.

        Args:
            config: returns the newest configuration.
            collector: asks nodes.
            locks: returns the locks as they are.
            pause: is called now and then in a long answer.
            dialect: the release of Ganeti that is spoken.
            drained: tells whether the queue takes no new jobs.
            watcher_pause: tells until when the watcher pauses, in seconds since the epoch.
        """
        self._config = config
        self._collector = collector
        self._locks = locks
        self._pause = pause
        self._dialect = dialect
        self._drained = drained
        self._watcher_pause = watcher_pause

    def query(self, resource: str, fields: Sequence[str], wanted: Filter) -> dict[str, object]:
        """Answer Query; errors as `engine.query`."""
        table, source = self._table("Query", resource)
        return engine.query(table, source, fields, wanted, self._pause)

    def query_fields(self, resource: str, names: Sequence[str]) -> dict[str, object]:
        """Answer QueryFields.

        Raises:
            GenericError: the resource is not served this way.
        """
        if resource not in TABLES:
            raise engine.unsupported("QueryFields", resource)
        return engine.query_fields(TABLES[resource], names)

    def query_by_opcode(
        self, resource: str, fields: Sequence[str], wanted: Filter
    ) -> dict[str, object]:
        """Answer OP_QUERY: as Query, and for the resources that only it serves."""
        if resource not in BY_OPCODE:
            return self.query(resource, fields, wanted)
        table, source = self._provided(resource)
        return engine.query(table, source, fields, wanted, self._pause)

    def fields_by_opcode(self, resource: str, names: Sequence[str] | None) -> dict[str, object]:
        """Answer OP_QUERY_FIELDS; errors as `query_fields`."""
        if resource in BY_OPCODE:
            return engine.query_fields(BY_OPCODE[resource], names)
        return self.query_fields(resource, names or ())

    def bare_by_opcode(
        self, resource: str, fields: Sequence[str], wanted: Filter
    ) -> list[list[object]]:
        """Return bare values of a resource that only an opcode serves; errors as `classic`."""
        table, source = self._provided(resource)
        return engine.query_bare(table, source, fields, wanted, self._pause)

    def classic(
        self, resource: str, names: Sequence[str], fields: Sequence[str], *, lock: bool = False
    ) -> list[list[object]]:
        """Answer an old-style query: bare values of the items that have one of the names.

        Names are compared, not looked up: one that nothing has is no error.

        Raises:
            OpPrereqError: a field does not exist, or locks are asked for.
        """
        if lock:
            raise OpPrereqError("Sync queries are not allowed", ECode.INVAL)
        table, source = self._table("Query", resource)
        wanted: Filter = Some(tuple(Equal(table.name_field, name) for name in names))
        return engine.query_bare(
            table, source, fields, wanted if names else Everything(), self._pause
        )

    def exports(self, nodes: Sequence[str], *, lock: bool) -> list[list[object]]:
        """Answer QueryExports: node and backup, null where a node does not tell."""
        if lock:
            raise OpPrereqError("Sync queries are not allowed", ECode.INVAL)
        table, source = self._table("Query", "export")
        return engine.query_classic(table, source, nodes, ("node", "export"), self._pause)

    def tags(self, kind: str, name: str) -> list[str]:
        """Answer QueryTags.

        Raises:
            OpPrereqError: there is no such object.
        """
        config = self._config()
        match kind:
            case "cluster":
                return sorted(config.cluster.tags)
            case "node":
                found, called = finder(config.nodes)(name), "Node"
            case "instance":
                found, called = finder(config.instances)(name), "Instance"
            case "nodegroup":
                found, called = config.nodegroups.find(name), "NodeGroup"
            case "network":
                found, called = config.networks.find(name), "Network"
            case _:
                raise OpPrereqError(f"Wrong tag type requested ({kind})", ECode.INVAL)
        if found is None:
            raise unknown_name(called, name)
        return sorted(found.tags)

    def _provided(self, resource: str) -> tuple[AnyTable, Source[Any, Any]]:
        config = self._config()
        if resource == "cluster":
            row = ClusterRow(config, self._dialect, self._drained(), self._watcher_pause())
            return CLUSTER_TABLE, OnlyRow(row)
        ask = self._collector.providers
        if resource == "os":
            return OS_TABLE, Provided(config, ask, "os_diagnose")
        return EXTSTORAGE_TABLE, Provided(config, ask, "extstorage_diagnose")

    def _table(self, call: str, resource: str) -> tuple[AnyTable, Rows[Any, Any]]:
        config, collector = self._config(), self._collector
        match resource:
            case "node":
                return NODE_TABLE, node_rows(config, collector.nodes)
            case "instance":
                return INSTANCE_TABLE, instance_rows(config, collector.instances)
            case "group":
                return GROUP_TABLE, group_rows(config)
            case "network":
                return NETWORK_TABLE, network_rows(config)
            case "filter":
                return FILTER_TABLE, filter_rows(config)
            case "lock":
                return LOCK_TABLE, lock_rows(self._locks)
            case "export":
                return EXPORT_TABLE, export_rows(config, collector.exports)
            case _:
                raise engine.unsupported(call, resource)
