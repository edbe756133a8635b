"""Opcodes that run a query as a job."""

from dataclasses import dataclass
from typing import ClassVar

from masterd.opcodes.base import OpCode, register
from masterd.opcodes.params import NonEmptyString, QueryResource
from masterd.opcodes.results import FieldsResponse, QueryResponse


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpQuery(OpCode):
    """Return fields of the objects that a filter selects."""

    OP_ID: ClassVar[str] = "OP_QUERY"
    RESULT: ClassVar[object] = QueryResponse
    SUMMARY_FIELD: ClassVar[str | None] = "what"

    fields: tuple[NonEmptyString, ...]
    what: QueryResource
    #: A query filter, checked when the query runs.
    qfilter: tuple[object, ...] | None = None
    #: Whether locks are taken so that the answer is consistent.
    use_locking: bool = False


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpQueryFields(OpCode):
    """Return the fields that a resource has."""

    OP_ID: ClassVar[str] = "OP_QUERY_FIELDS"
    RESULT: ClassVar[object] = FieldsResponse
    SUMMARY_FIELD: ClassVar[str | None] = "what"

    what: QueryResource
    fields: tuple[NonEmptyString, ...] | None = None
