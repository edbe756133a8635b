"""Errors that clients see, with their wire form `[class name, [arguments]]`.

Class names and argument lists are Ganeti's, because a client rebuilds the exception from them: a
class it does not know becomes an opaque request error on its side. Errors of our own parts (store,
files) never travel; they are mapped to one of these where they enter.

Source: Ganeti 3.0.2 lib/errors.py (names), LUXI answers of a running luxid (forms).
"""

from enum import StrEnum
from typing import Final


class ECode(StrEnum):
    """Second argument of OpPrereqError: what kind of precondition failed."""

    ENVIRON = "environment_error"
    EXISTS = "already_exists"
    FAULT = "internal_error"
    INVAL = "wrong_input"
    NOENT = "unknown_entity"
    NORES = "insufficient_resources"
    NOTUNIQUE = "resource_not_unique"
    RESOLVER = "resolver_error"
    STATE = "wrong_state"
    TEMP_NORES = "temp_insufficient_resources"


class GanetiError(Exception):
    """Root of everything a client may be told. `args` must be JSON values."""

    #: Class name on the wire.
    wire_name: str = "GenericError"

    def to_wire(self) -> list[object]:
        """Return `[class name, [arguments]]`."""
        return [self.wire_name, list(self.args)]

    @property
    def message(self) -> str:
        """The first argument as text, for logs."""
        return str(self.args[0]) if self.args else self.wire_name


class GenericError(GanetiError):
    """A refusal without a class of its own."""


# --- the request itself ------------------------------------------------------------------------


class LuxiParseError(GanetiError):
    """The request could not be understood; travels as plain text, and the connection ends."""

    wire_name = "LuxiError"


class ParameterError(GanetiError):
    """A query or call has a parameter of the wrong type or name."""

    wire_name = "ParameterError"


# --- before anything was changed ---------------------------------------------------------------


class OpPrereqError(GanetiError):
    """A prerequisite does not hold; nothing was changed. Arguments: text, `ECode`."""

    wire_name = "OpPrereqError"

    def __init__(self, text: str, code: ECode | None = None) -> None:
        super().__init__(*((text,) if code is None else (text, str(code))))


class TypeEnforcementError(GanetiError):
    """A parameter has a value that is none for its type; nothing was changed. Argument: text."""

    wire_name = "TypeEnforcementError"


class OpCodeUnknown(GanetiError):
    """An opcode of this name does not exist."""

    wire_name = "OpCodeUnknown"


class JobQueueError(GanetiError):
    """The queue refuses."""

    wire_name = "JobQueueError"


class JobQueueDrainError(JobQueueError):
    """The queue is drained: no new jobs."""

    wire_name = "JobQueueDrainError"


class JobQueueFull(JobQueueError):
    """The hard limit on live jobs is reached. Travels without arguments."""

    wire_name = "JobQueueFull"


class JobLost(GanetiError):
    """The job asked for does not exist (any more)."""

    wire_name = "JobLost"


class TagError(GanetiError):
    """A tag is malformed or there would be too many."""

    wire_name = "TagError"


class AddressPoolError(GanetiError):
    """An address is not what a network's pool needs it to be, or there can be no pool."""

    wire_name = "AddressPoolError"


class ConfigurationError(GanetiError):
    """The configuration is not what it must be."""

    wire_name = "ConfigurationError"


class ReservationError(GanetiError):
    """A thing is put aside by somebody already, or in the configuration."""

    wire_name = "ReservationError"


class HypervisorError(GanetiError):
    """A hypervisor cannot be what its parameters say; nothing was changed."""

    wire_name = "HypervisorError"


class LockError(GanetiError):
    """A lock was asked for in a way that cannot be granted."""

    wire_name = "LockError"


# --- while something was being changed ---------------------------------------------------------


class OpExecError(GanetiError):
    """Carrying out an opcode failed; something may have been changed."""

    wire_name = "OpExecError"


class OpResultError(GanetiError):
    """A logical unit returned what its opcode does not declare."""

    wire_name = "OpResultError"


class ResultValidationError(GanetiError):
    """An allocator's result has not the form it must have."""

    wire_name = "ResultValidationError"


class RpcError(OpExecError):
    """A node call failed and the logical unit needed it."""


class HooksAbort(GanetiError):
    """Scripts forbade an opcode; nothing was changed. Argument: `[[node, script, output], ...]`."""

    wire_name = "HooksAbort"

    def __init__(self, failed: list[list[str]]) -> None:
        super().__init__(failed)


class JobCanceled(GanetiError):
    """The job was canceled while it waited; ends the opcode as canceled, not as failed."""

    wire_name = "JobCanceled"


class TooFewLocks(GanetiError):
    """What was free was not enough; the opcode may begin again and wait for more."""


class ProgrammerError(GanetiError):
    """A fault of this program."""

    wire_name = "ProgrammerError"


#: Exit codes of daemons and commands. Source: Ganeti 3.0.2 constants EXIT_*.
EXIT_SUCCESS: Final = 0
EXIT_FAILURE: Final = 1
EXIT_NOTCLUSTER: Final = 5
EXIT_NOTMASTER: Final = 11
EXIT_NODESETUP_ERROR: Final = 12
EXIT_CONFIRMATION: Final = 13
EXIT_UNKNOWN_FIELD: Final = 14


class StartError(Exception):
    """The daemon must not or cannot start; `exit_code` is one of `EXIT_*`."""

    def __init__(self, exit_code: int, text: str) -> None:
        super().__init__(text)
        self.exit_code = exit_code
        self.text = text
