"""Scripts and programs that nodes run for the master. All functions switch."""

from collections.abc import Iterable, Mapping, Sequence

from masterd.config.objects import FreeParams
from masterd.node.target import Nodes, Where, one, several
from masterd.rpc.result import RpcResult


def run(
    nodes: Nodes,
    places: Iterable[Where],
    path: str,
    phase: str,
    environment: Mapping[str, str],
) -> Mapping[str, RpcResult]:
    """Run the scripts around an opcode, of phase "pre" or "post".

    Payload: name, status (0, 1, 2), output of each.
    """
    return several(nodes, "hooks_runner", places, path, phase, environment)


def allocate(nodes: Nodes, at: Where, name: str, text: str, options: FreeParams) -> RpcResult:
    """Run an allocator. Payload: what it printed."""
    return one(nodes, "iallocator_runner", at, name, text, options)


def run_restricted(nodes: Nodes, places: Iterable[Where], command: str) -> Mapping[str, RpcResult]:
    """Run one of the commands that nodes allow. Payload: what it printed."""
    return several(nodes, "restricted_command", places, command)


def run_out_of_band(
    nodes: Nodes, at: Where, program: str, command: str, about: str, *, timeout_s: int
) -> RpcResult:
    """Run a program that reaches the hardware of node `about`. Payload: what it said, or None."""
    return one(nodes, "run_oob", at, program, command, about, timeout_s)


def delay(nodes: Nodes, places: Iterable[Where], duration_s: float) -> Mapping[str, RpcResult]:
    """Let nodes wait."""
    return several(nodes, "test_delay", places, duration_s)


# --- operating systems ----------------------------------------------------------------------------


def operating_systems(nodes: Nodes, places: Iterable[Where]) -> Mapping[str, RpcResult]:
    """Ask for operating systems.

    Payload: name, path, valid, message, variants, parameters, versions, trusted of each.
    """
    return several(nodes, "os_diagnose", places)


def validate_os(
    nodes: Nodes,
    places: Iterable[Where],
    name: str,
    *,
    required: bool,
    checks: Sequence[str],
    params: FreeParams,
    force_variant: bool,
) -> Mapping[str, RpcResult]:
    """Have an operating system's script check parameters.

    Payload: False where the node has none of that name and it is not `required`.
    """
    rest = (required, name, list(checks), params, force_variant)
    return several(nodes, "os_validate", places, *rest)
