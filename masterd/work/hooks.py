"""What scripts on the nodes are told of an opcode, and who has them run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias

from masterd.config.snapshot import ConfigSnapshot
from masterd.node.target import Nodes, Where
from masterd.opcodes.base import OpCode
from masterd.rpc.result import RpcResult
from masterd.work.feedback import Feedback


@dataclass(frozen=True, slots=True)
class HookPath:
    """Which scripts.

    Attributes:
        path: their directory's name, such as `group-add`.
        object_type: the kind of object they are told of, in capitals.
    """

    path: str
    object_type: str


@dataclass(frozen=True, slots=True)
class Hooked:
    """What is told, and to whom.

    Attributes:
        env: variables without their prefix; values are told as `str` shows them.
        pre_nodes: uuids of the nodes that run the scripts before the work.
        post_nodes: and after it; those named before the work count.
    """

    env: Mapping[str, object] = field(default_factory=dict)
    pre_nodes: Sequence[str] = ()
    post_nodes: Sequence[str] = ()


NO_HOOKS: Final = Hooked()

#: What nodes answered, by their uuids; a payload is a list of `[script, status, output]`.
Answers: TypeAlias = Mapping[str, RpcResult]


@dataclass(frozen=True, slots=True)
class Surrounded:
    """The run of an opcode that scripts surround.

    Attributes:
        nodes: as the opcode has them; what they are asked is noted for it.
        path: None where only a change of the configuration is followed by scripts.
        say: the job's log.
        before: the configuration when the work began: every script is told whose cluster that was.
    """

    nodes: Nodes
    op: OpCode
    path: HookPath | None
    say: Feedback
    before: ConfigSnapshot


class HookRunner(Protocol):
    """Has scripts run by node daemons. All methods switch."""

    def pre(self, run: Surrounded, told: Hooked) -> None:
        """Run the scripts before the work.

        Raises:
            HooksAbort: one of them failed, which forbids the work.
        """
        ...

    def post(self, run: Surrounded, told: Hooked, now: Hooked) -> Answers:
        """Run the scripts after the work; one that fails is told of and changes nothing.

        Args:
            told: what was told before the work.
            now: what is so after it.
        """
        ...

    def leaving(self, run: Surrounded, told: Hooked, node: Where) -> None:
        """Run the scripts after the work on a node of which it is about to take the daemon away."""
        ...

    def config_update(self, run: Surrounded, told: Hooked) -> None:
        """Run the master's scripts that follow a change of the configuration; nobody is told."""
        ...


class NoHooks:
    """Obeys `HookRunner`; nodes have no scripts."""

    def pre(self, run: Surrounded, told: Hooked) -> None:
        """Run nothing."""

    def post(self, run: Surrounded, told: Hooked, now: Hooked) -> Answers:
        """Run nothing."""
        return {}

    def leaving(self, run: Surrounded, told: Hooked, node: Where) -> None:
        """Run nothing."""

    def config_update(self, run: Surrounded, told: Hooked) -> None:
        """Run nothing."""


class LastScripts:
    """The scripts of a node that leaves while the work goes on; one for each run of an opcode."""

    def __init__(self, runner: HookRunner) -> None:
        self._runner = runner
        self._about: tuple[Surrounded, Hooked] | None = None

    def begin(self, run: Surrounded, told: Hooked) -> None:
        """Take note of the work that begins."""
        self._about = run, told

    def run(self, node: Where) -> None:
        """Have a node run the scripts that follow the work, as it will not be there. Switches."""
        assert self._about is not None, "only the work itself takes a node's daemon away"
        self._runner.leaving(*self._about, node)
