"""Opcodes that ask nodes which OS definitions and external storage providers they have."""

from dataclasses import dataclass
from typing import ClassVar

from masterd.opcodes.base import OpCode, register
from masterd.opcodes.params import NonEmptyString
from masterd.opcodes.results import Table


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpOsDiagnose(OpCode):
    """Return the OS definitions found on nodes."""

    OP_ID: ClassVar[str] = "OP_OS_DIAGNOSE"
    RESULT: ClassVar[object] = Table

    output_fields: tuple[NonEmptyString, ...]
    names: tuple[NonEmptyString, ...] = ()


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpExtStorageDiagnose(OpCode):
    """Return the external storage providers found on nodes."""

    OP_ID: ClassVar[str] = "OP_EXT_STORAGE_DIAGNOSE"
    RESULT: ClassVar[object] = Table

    output_fields: tuple[NonEmptyString, ...]
    names: tuple[NonEmptyString, ...] = ()
