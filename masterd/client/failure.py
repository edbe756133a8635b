"""Errors in words, and the exit code they lead to.

Works on the wire form, class name and arguments, because the results of opcodes hold errors of
classes that never travel otherwise. Source: Ganeti 3.0.2 lib/cli.py (texts), luxi.json errors.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from masterd.client.filter_text import FilterTextError
from masterd.errors import EXIT_FAILURE, GanetiError

#: Exit code for a broken configuration.
_EXIT_CONFIGURATION: Final = 2


@dataclass(frozen=True, slots=True)
class Failure:
    """What to tell, and what to exit with."""

    text: str
    exit_code: int = EXIT_FAILURE


def describe(error: Exception) -> Failure:
    """Return an error in words."""
    if isinstance(error, FilterTextError):
        return Failure(f"Error while parsing query filter: {error}")
    if isinstance(error, GanetiError):
        return describe_wire(error.wire_name, error.args)
    return Failure(f"Unhandled exception: {error}")


def describe_wire(name: str, arguments: Sequence[Any]) -> Failure:
    """Return an error in words, given as on the wire."""
    known = _TEXTS.get(name)
    if known is not None:
        text = known(arguments)
    else:
        text = f"Unhandled Ganeti error: {_message(arguments)}"
    return Failure(
        text.rstrip("\n"), _EXIT_CONFIGURATION if name in _CONFIGURATION else EXIT_FAILURE
    )


def is_encoded_error(value: object) -> bool:
    """Tell whether an opcode's result is an error `[class, [arguments]]` that clients know."""
    match value:
        case [str(name), [*_]]:
            return name in _KNOWN
        case _:
            return False


def _message(arguments: Sequence[Any]) -> str:
    """Return what Python shows of an exception with these arguments."""
    if not arguments:
        return ""
    return str(arguments[0]) if len(arguments) == 1 else str(tuple(arguments))


def _prerequisite(arguments: Sequence[Any]) -> str:
    head = "Failure: prerequisites not met for this operation:\n"
    if len(arguments) == 2:
        return f"{head}error type: {arguments[1]}, error details:\n{arguments[0]}"
    return head + _message(arguments)


def _hooks_aborted(arguments: Sequence[Any]) -> str:
    lines = ["Failure: hooks execution failed:"]
    for node, script, output in arguments[0]:
        shown = f", output: {output}" if output else " (no output)"
        lines.append(f"  node: {node}, script: {script}{shown}")
    return "\n".join(lines)


def _prefixed(prefix: str, suffix: str = "") -> Callable[[Sequence[Any]], str]:
    return lambda arguments: f"{prefix}{_message(arguments)}{suffix}"


def _fixed(text: str) -> Callable[[Sequence[Any]], str]:
    return lambda _arguments: text


_configuration: Final = _prefixed("Corrupt configuration file: ", "\nAborting.")
_protocol: Final = _prefixed("Unhandled protocol error while talking to the master daemon:\n")

_TEXTS: Final[dict[str, Callable[[Sequence[Any]], str]]] = {
    "ConfigurationError": _configuration,
    "ConfigVerifyError": _configuration,
    "ConfigVersionMismatch": _configuration,
    "HooksAbort": _hooks_aborted,
    "HooksFailure": _prefixed("Failure: hooks general failure: "),
    "ResolverError": lambda arguments: f"Failure: can't resolve hostname '{arguments[0]}'",
    "OpPrereqError": _prerequisite,
    "OpExecError": _prefixed("Failure: command execution error:\n"),
    "TagError": _prefixed("Failure: invalid tag(s) given:\n"),
    "JobQueueDrainError": _fixed(
        "Failure: the job queue is marked for drain and doesn't accept new requests"
    ),
    "JobQueueFull": _fixed(
        "Failure: the job queue is full and doesn't accept new job submissions until old jobs are"
        " archived"
    ),
    "TypeEnforcementError": _prefixed("Parameter Error: "),
    "ParameterError": _prefixed("Failure: unknown/wrong parameter name '", "'"),
    "JobLost": _prefixed("Error checking job status: "),
    "NoMasterError": _fixed(
        "Cannot communicate with the master daemon.\n"
        "Is the process running and listening for connections?"
    ),
    "UnreachedError": _prefixed(
        "Cannot communicate with the master daemon, nothing was sent: ",
        "\nIs the process running and listening for connections?",
    ),
    "TimeoutError": _prefixed(
        "Timeout while talking to the master daemon. Jobs might have been submitted and will"
        " continue to run even if the call timed out. Useful commands in this situation are"
        ' "gnt-job list", "gnt-job cancel" and "gnt-job watch". Error:\n'
    ),
    "PermissionError": _fixed(
        "It seems you don't have permissions to connect to the master daemon.\n"
        "Please retry as a different user."
    ),
    "ConnectionClosedError": _protocol,
    "LuxiError": _protocol,
    "RequestError": _protocol,
}

_CONFIGURATION: Final = frozenset(
    {"ConfigurationError", "ConfigVerifyError", "ConfigVersionMismatch"}
)

#: Classes that clients rebuild from an opcode's result. Source: luxi.json errors, decodable.
_KNOWN: Final = frozenset(
    {
        *("AddressPoolError", "BlockDeviceError", "CommandError", "ConfdClientError"),
        *("ConfdMagicError", "ConfigVerifyError", "ConfigVersionMismatch", "ConfigurationError"),
        *("DeviceCreationError", "FileStoragePathError", "GenericError", "HooksAbort"),
        *("HooksFailure", "HotplugError", "HypervisorError", "IPAddressError", "InotifyError"),
        *("JobCanceled", "JobFileCorrupted", "JobLost", "JobQueueDrainError", "JobQueueError"),
        *("JobQueueFull", "LockError", "LuxiError", "NoCtypesError", "OpCodeUnknown"),
        *("OpExecError", "OpPrereqError", "OpResultError", "OpRetryNotSupportedError"),
        *("ParameterError", "ParseError", "PidFileLockError", "ProgrammerError"),
        *("QueryFilterParseError", "RapiTestResult", "RemoteError", "ReservationError"),
        *("ResolverError", "ResultValidationError", "SignatureError", "SshUpdateError"),
        *("StorageError", "TagError", "TypeEnforcementError", "UdpDataSizeError"),
        *("UnitParseError", "X509CertError"),
    }
)
