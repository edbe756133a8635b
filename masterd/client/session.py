"""What a command of `gnt-job` works with: the master daemon, the streams, the terminal."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from masterd.client.follow import Caller
from masterd.client.table import Answer
from masterd.clock import Clock
from masterd.errors import (
    EXIT_SUCCESS,
    EXIT_UNKNOWN_FIELD,
    ConfigurationError,
    ECode,
    OpPrereqError,
)
from masterd.luxi.client import Client, NoMasterError
from masterd.paths import Paths
from masterd.ssconf import SimpleConfig

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Session:
    """What a command works with; the world is handed in."""

    caller: Caller
    output: TextIO
    errors: TextIO
    clock: Clock
    #: Asks a yes-or-no question at the terminal; False without one.
    ask: Callable[[str], bool]

    def tell(self, text: str) -> None:
        print(text, file=self.output, flush=True)

    def warn(self, text: str) -> None:
        print(text, file=self.errors, flush=True)

    def query(self, fields: Sequence[str], job_filter: list[Any] | None) -> Answer:
        return Answer.from_wire(self.caller.call("Query", "job", list(fields), job_filter))

    def warn_of_unknown_fields(self, answer: Answer) -> int:
        """Return the exit code that unknown fields lead to."""
        if not answer.unknown_fields:
            return EXIT_SUCCESS
        self.warn(f"Warning: Queried for unknown fields {', '.join(answer.unknown_fields)}")
        return EXIT_UNKNOWN_FIELD


class MasterCaller:
    """Calls the master daemon of this node; knows what to say where there is none."""

    def __init__(
        self,
        paths: Paths,
        *,
        waiting: Callable[[str], object] | None = None,
        clock: Clock | None = None,
        pause: Callable[[float], object] | None = None,
    ) -> None:
        """Args: as `Client` has them."""
        self._ssconf = SimpleConfig(paths.data_dir)
        self._paths = paths
        self._client = Client(
            str(paths.query_socket),
            should_serve=self._is_master,
            waiting=waiting,
            clock=clock,
            pause=pause,
        )

    def call(self, method: str, *args: object) -> Any:
        """Return a call's result; see `Caller`."""
        _logger.debug("LUXI %s %s", method, args)
        try:
            return self._client.call(method, *args)
        except NoMasterError as error:
            raise self._explain() or error from None

    def _explain(self) -> OpPrereqError | None:
        try:
            master = self._ssconf.master_node()
        except ConfigurationError:
            return OpPrereqError(
                "Cluster not initialized or this machine is not part of a cluster", ECode.INVAL
            )
        if master == self._own_name():
            return None
        return OpPrereqError(
            f"This is not the master node, please connect to node '{master}' and rerun the command",
            ECode.INVAL,
        )

    def _is_master(self) -> bool:
        try:
            return self._ssconf.master_node() == self._own_name()
        except ConfigurationError:
            return False

    def _own_name(self) -> str:
        from masterd.startup import own_name  # only needed when something is wrong

        return own_name(self._paths)


def ask_at_terminal(question: str, terminal: Path = Path("/dev/tty")) -> bool:
    """Ask a yes-or-no question at the controlling terminal; without one the answer is no."""
    try:
        with terminal.open("w", encoding="utf-8") as shown, terminal.open("rb", 0) as typed:
            while True:
                shown.write(f"{question}\ny/[n]/?: ")
                shown.flush()
                line = typed.readline().strip().lower()
                if line != b"?":
                    return line == b"y"
                shown.write(" y - Perform the operation\n n - Do not perform the operation\n\n")
    except OSError:
        return False
