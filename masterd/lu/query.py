"""OP_QUERY, OP_QUERY_FIELDS, OP_OS_DIAGNOSE and OP_EXT_STORAGE_DIAGNOSE: queries as jobs.

No locks are taken: a query works on one state of the configuration.

Source: Ganeti 3.0.2 lib/cmdlib/query.py, operating_system.py, misc.py.
"""

from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ECode, GanetiError, OpPrereqError
from masterd.filter.language import (
    All,
    Equal,
    Everything,
    Filter,
    FilterSyntaxError,
    Not,
    Some,
    Truth,
    parse,
)
from masterd.opcodes.provider import OpExtStorageDiagnose, OpOsDiagnose
from masterd.opcodes.query import OpQuery, OpQueryFields
from masterd.work.base import LogicalUnit


class LUQuery(LogicalUnit[OpQuery, Filter]):
    """Returns what Query returns, for every resource."""

    def check(self, config: ConfigSnapshot) -> Filter:
        try:
            return parse(None if self.op.qfilter is None else list(self.op.qfilter))
        except FilterSyntaxError as error:
            raise OpPrereqError(f"Can't parse filter: {error}", ECode.INVAL) from error

    def execute(self, plan: Filter) -> dict[str, object]:
        try:
            return self.work.queries.query_by_opcode(self.op.what, self.op.fields, plan)
        except OpPrereqError:
            raise
        except GanetiError as error:
            raise OpPrereqError(error.message, ECode.INVAL) from error


class LUQueryFields(LogicalUnit[OpQueryFields, None]):
    """Returns what QueryFields returns, for every resource."""

    def check(self, config: ConfigSnapshot) -> None:
        """Nothing depends on the cluster."""

    def execute(self, plan: None) -> dict[str, object]:
        return self.work.queries.fields_by_opcode(self.op.what, self.op.fields)


class LUOsDiagnose(LogicalUnit[OpOsDiagnose, Filter]):
    """Returns bare values of operating systems.

    Hidden, blacklisted and invalid ones are left out unless the field that says so is asked for.
    """

    def check(self, config: ConfigSnapshot) -> Filter:
        fields = self.op.output_fields
        parts: list[Filter] = [
            Not(Truth(name)) for name in ("hidden", "blacklisted") if name not in fields
        ]
        if "valid" not in fields:
            parts.append(Truth("valid"))
        return All((_named(self.op.names), *parts))

    def execute(self, plan: Filter) -> list[list[object]]:
        return self.work.queries.bare_by_opcode("os", self.op.output_fields, plan)


class LUExtStorageDiagnose(LogicalUnit[OpExtStorageDiagnose, Filter]):
    """Returns bare values of external storage providers."""

    def check(self, config: ConfigSnapshot) -> Filter:
        return _named(self.op.names)

    def execute(self, plan: Filter) -> list[list[object]]:
        return self.work.queries.bare_by_opcode("extstorage", self.op.output_fields, plan)


def _named(names: tuple[str, ...]) -> Filter:
    if not names:
        return Everything()
    return Some(tuple(Equal("name", name) for name in names))
