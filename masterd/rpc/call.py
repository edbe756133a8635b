"""One call to a node daemon: a row of the table in `calls`, and the bodies of its requests.

A call's arguments are positional JSON values, ready to be sent.

Source: Ganeti 3.0.2 lib/rpc_defs.py, and src/Ganeti/Rpc.hs for what luxid and wconfd call.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from masterd.errors import ProgrammerError
from masterd.limits import RPC_ANSWER_BYTES_MAX

#: Seconds a node may take. Source: constants RPC_TMO_*.
URGENT: Final = 60
FAST: Final = 300
NORMAL: Final = 900
SLOW: Final = 3600
FOUR_HOURS: Final = 4 * 3600
ONE_DAY: Final = 24 * 3600

#: What has a JSON form; None has one too.
_JSON: Final = (str, int, float, list, tuple, Mapping)

TimeoutFunction = Callable[[Sequence[object]], int]
PerNode = Callable[[str, list[object]], list[object]]


@dataclass(frozen=True, slots=True)
class Argument:
    """One positional argument.

    Attributes:
        name: for messages.
        encoding: what it is made of, in the reference's words (`masterd.node` makes it); None for a
            value that travels as callers have it.
    """

    name: str
    encoding: str | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One row of the table.

    Attributes:
        name: also the last part of the URL.
        timeout: seconds until the answer must be there, or a function of the arguments.
        arguments: in the order in which they are sent.
        single: Ganeti sends it to one node at a time.
        accept_offline: nodes marked offline are asked as well.
        per_node: picks the arguments for one node, given its uuid.
        whole_body: the single argument is the body itself, not the list of arguments.
        repeatable: carrying it out twice is the same as once, so that it is sent again when a kept
            connection turns out closed.
        answer_bytes_max: a longer answer is a failure of the node.
        changes: the node is another one afterwards; the other calls only ask or wait.
    """

    name: str
    timeout: int | TimeoutFunction
    arguments: tuple[Argument, ...]
    single: bool
    accept_offline: bool = False
    per_node: PerNode | None = None
    whole_body: bool = False
    repeatable: bool = False
    answer_bytes_max: int = RPC_ANSWER_BYTES_MAX
    changes: bool = True

    def timeout_s(self, values: Sequence[object]) -> int:
        """Return how many seconds a node may take for these arguments."""
        return self.timeout if isinstance(self.timeout, int) else self.timeout(values)

    @property
    def quick(self) -> bool:
        """Whether the node answers at once or not at all; such calls pass the slow ones."""
        return self.timeout == URGENT

    def bodies(self, node_uuids: Sequence[str], values: Sequence[object]) -> dict[str, bytes]:
        """Return the request's body for each node; the same object where nothing differs.

        Raises:
            ProgrammerError: wrong number of arguments, or a value without JSON form.
        """
        self._check(values)
        if self.per_node is None:
            body = self._dump(values)
            return dict.fromkeys(node_uuids, body)
        return {uuid: self._dump(self.per_node(uuid, list(values))) for uuid in node_uuids}

    def _check(self, values: Sequence[object]) -> None:
        if len(values) != len(self.arguments):
            wanted = ", ".join(argument.name for argument in self.arguments) or "none"
            raise ProgrammerError(
                f"Node call '{self.name}' takes the arguments ({wanted}), got {len(values)}"
            )
        for argument, value in zip(self.arguments, values, strict=True):
            # The encoder would take objects apart whose JSON form is another one.
            if value is not None and not isinstance(value, _JSON):
                raise ProgrammerError(
                    f"Argument '{argument.name}' of node call '{self.name}' has no JSON form: it is"
                    f" a {type(value).__name__}"
                )

    def _dump(self, values: Sequence[object]) -> bytes:
        try:
            body = msgspec.json.encode(values[0] if self.whole_body else list(values))
            if body.isascii():
                return body
            # A node daemon reads requests as ASCII and hangs up on anything else.
            return json.dumps(msgspec.json.decode(body), separators=(",", ":")).encode("ascii")
        except (TypeError, ValueError, RecursionError) as error:
            raise ProgrammerError(
                f"An argument of node call '{self.name}' has no JSON form: {error}"
            ) from error
