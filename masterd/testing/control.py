"""The socket on which simulated nodes are told to misbehave, and asked what they were called.

A Unix socket; one JSON object per line in each direction, so that an effect is in place when the
answer comes:

    {"set": "node2.example.com", "faults": [{"kind": "hang", ...}]}   -> {"ok": true}
    {"clear": true}                                                  -> {"ok": true}
    {"forget": true}                                                 -> {"ok": true}
    {"counts": true}              -> {"ok": true, "counts": {node: {call: n}}, "cpu_s": 1.5}
    {"held": true}                -> {"ok": true, "held": {node: [call, ...]}}
    {"record": [{"call": ..., "payload": ..., "node": null}, ...], "left_out": [call, ...]}
                                                                     -> {"ok": true}
    {"recorded": true}            -> {"ok": true, "asked": [{"node", "call", "arguments"}, ...]}
"""

import resource
import socket as native_socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from gevent import socket
from gevent.server import StreamServer

from masterd.testing.faults import Fault, FaultPlan, dump, load
from masterd.testing.node_server import NodeServer
from masterd.testing.script import (
    RECORDED_BYTES_MAX,
    Asked,
    NodeScript,
    Scripted,
    TooMuchRecordedError,
)

#: Bytes of one line: a whole recording, with what JSON puts around it.
LINE_BYTES_MAX: Final = 2 * RECORDED_BYTES_MAX

#: Seconds the client waits for an answer.
ANSWER_S: Final = 10


class ControlServer:
    """Applies what comes over the socket to a set of nodes."""

    def __init__(
        self,
        path: Path,
        servers: Mapping[str, NodeServer],
        faults: FaultPlan,
        script: NodeScript,
    ) -> None:
        """Prepare; `servers` are by node name."""
        self._path = path
        self._servers = servers
        self._faults = faults
        self._script = script
        self._server: StreamServer | None = None

    def start(self) -> None:
        """Listen."""
        self._path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(self._path))
        listener.listen(8)
        self._server = StreamServer(listener, self._serve)
        self._server.start()

    def stop(self) -> None:
        """Listen no longer and remove the socket. Switches."""
        if self._server is not None:
            self._server.stop(timeout=1)
            self._server = None
        self._path.unlink(missing_ok=True)

    def _serve(self, connection: Any, _: object) -> None:
        with connection, connection.makefile("rb") as lines:
            while line := lines.readline(LINE_BYTES_MAX):
                try:
                    answer = self._obey(msgspec.json.decode(line))
                except (
                    *(ValueError, KeyError, TypeError, OSError),
                    TooMuchRecordedError,
                ) as error:
                    answer = {"ok": False, "error": str(error)}
                connection.sendall(msgspec.json.encode(answer) + b"\n")

    def _obey(self, order: Any) -> dict[str, object]:
        if "set" in order:
            node = order["set"]
            server = self._servers[node]
            self._faults.set(node, *load(order["faults"]))
            server.apply_faults()
        elif "clear" in order:
            self._faults.clear()
            for server in self._servers.values():
                server.apply_faults()
        elif "forget" in order:
            for server in self._servers.values():
                server.node.forget()
        elif "counts" in order:
            counts = {name: dict(server.node.counts) for name, server in self._servers.items()}
            used = resource.getrusage(resource.RUSAGE_SELF)
            return {"ok": True, "counts": counts, "cpu_s": used.ru_utime + used.ru_stime}
        elif "held" in order:
            held = {name: server.held for name, server in self._servers.items() if server.held}
            return {"ok": True, "held": held}
        elif "record" in order:
            self._script.begin(
                msgspec.convert(order["record"], list[Scripted]), order.get("left_out", ())
            )
        elif "recorded" in order:
            return {"ok": True, "asked": self._script.end()}
        else:
            raise ValueError("neither set, clear, forget, counts, held, record nor recorded")
        return {"ok": True}


class NodeControl:
    """The other side: used by tests and demonstrations. Blocks without switching."""

    def __init__(self, path: Path) -> None:
        """Connect to the control socket at `path`.

        Raises:
            OSError: nobody listens there.
        """
        self._socket = native_socket.socket(native_socket.AF_UNIX, native_socket.SOCK_STREAM)
        self._socket.settimeout(ANSWER_S)
        self._socket.connect(str(path))
        self._lines = self._socket.makefile("rb")

    def set(self, node: str, *faults: Fault) -> None:
        """Give a node these faults instead of those it had; none makes it well."""
        self._ask({"set": node, "faults": dump(faults)})

    def clear(self) -> None:
        """Make all nodes well."""
        self._ask({"clear": True})

    def forget(self) -> None:
        """Have all nodes as if nobody had told them to make, run or keep anything."""
        self._ask({"forget": True})

    def counts(self) -> dict[str, dict[str, int]]:
        """Return how often each node carried out each call."""
        counts: dict[str, dict[str, int]] = self._ask({"counts": True})["counts"]
        return counts

    def held(self) -> dict[str, list[str]]:
        """Return the calls that hang, or whose answers are withheld, by node."""
        held: dict[str, list[str]] = self._ask({"held": True})["held"]
        return held

    def record(self, answers: Sequence[Scripted] = (), *, left_out: Sequence[str] = ()) -> None:
        """Have nodes follow these answers and record what they are asked, but calls left out."""
        self._ask({"record": msgspec.to_builtins(list(answers)), "left_out": list(left_out)})

    def recorded(self) -> list[Asked]:
        """End the recording and forget its answers; return the calls in order of arrival."""
        return msgspec.convert(self._ask({"recorded": True})["asked"], list[Asked])

    def cpu_s(self) -> float:
        """Return the CPU seconds that the process of the nodes has used."""
        used: float = self._ask({"counts": True})["cpu_s"]
        return used

    def close(self) -> None:
        """Close the connection."""
        self._lines.close()
        self._socket.close()

    def _ask(self, order: dict[str, object]) -> Any:
        self._socket.sendall(msgspec.json.encode(order) + b"\n")
        answer: Any = msgspec.json.decode(self._lines.readline(LINE_BYTES_MAX))
        if not answer["ok"]:
            raise ValueError(answer["error"])
        return answer
