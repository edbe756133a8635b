"""Forms of results that several opcodes share. Source: opcodes.json result_check."""

from typing import Annotated, Literal, TypeAlias, TypedDict

from masterd.opcodes.annotations import COUNTED
from masterd.opcodes.params import JobId, NonEmptyString, Parameters

#: One job that was submitted: True and its id, or False and what went wrong.
SubmittedJob = Annotated[tuple[bool, str | JobId], COUNTED]


class SubmittedJobs(TypedDict):
    """Jobs that carry out what the opcode planned."""

    jobs: tuple[SubmittedJob, ...]


class AllocatedJobs(TypedDict):
    """Jobs that create instances, and which instances found a place."""

    jobs: tuple[SubmittedJob, ...]
    allocatable: tuple[NonEmptyString, ...]
    failed: tuple[NonEmptyString, ...]


class FieldDefinition(TypedDict):
    """A query field."""

    name: NonEmptyString
    title: NonEmptyString
    kind: Literal["bool", "float", "number", "other", "text", "timestamp", "unit", "unknown"]
    doc: NonEmptyString


class FieldsResponse(TypedDict):
    """The fields of a resource."""

    fields: tuple[FieldDefinition, ...]


#: State of a cell: normal, unknown field, no data, not available, offline.
CellState = Literal[0, 1, 2, 3, 4]
Cell = Annotated[tuple[CellState, object], COUNTED]


class QueryResponse(TypedDict):
    """Rows of a resource."""

    fields: tuple[FieldDefinition, ...]
    data: tuple[tuple[Cell, ...], ...]


#: Values by row and field, without states.
Table = tuple[tuple[object, ...], ...]

#: (parameter, new value)
Changes = tuple[tuple[NonEmptyString, object], ...]

MaybeSubmittedJobs: TypeAlias = SubmittedJobs | None
MaybeParameters: TypeAlias = Parameters | None
MaybeName: TypeAlias = NonEmptyString | None
