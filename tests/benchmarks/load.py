"""Clients of a daemon, many in one light process.

Run by the benchmarks as `python -m tests.benchmarks.load SOCKET < SPEC`; prints one JSON object.
Every client is a plain non-blocking socket, and requests are encoded before the clock starts, so
that on a machine with two processors the daemon has nearly all of one. A client is a generator: it
yields a request and is sent the answer.
"""

import json
import os
import resource
import selectors
import socket
import sys
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from typing import Any, Final

import msgspec

#: A client: yields a request (bytes without the final byte), receives the answer's bytes.
Client = Generator[bytes, bytes, None]

_EOM: Final = b"\x03"
_RECEIVE_BYTES: Final = 1 << 18
_decode: Final = msgspec.json.Decoder().decode

#: Seconds for which a client that gets no answer is waited for.
PATIENCE_S: Final = 120.0


def request(method: str, *arguments: object) -> bytes:
    """Return the bytes of a request."""
    return msgspec.json.encode({"method": method, "args": arguments, "version": 3000000})


def result(answer: bytes) -> Any:
    """Return what an answer carries; an error ends the measurement."""
    document = _decode(answer)
    assert document["success"], document
    return document["result"]


class Crowd:
    """Clients that run until they have ended."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._selector = selectors.DefaultSelector()
        self.running = 0

    def add(self, client: Client) -> None:
        """Connect a client and send its first request."""
        connection = _connect(self._path)
        self._selector.register(connection, selectors.EVENT_READ, (client, bytearray()))
        self.running += 1
        self._send(connection, next(client))

    def run(self, until: Callable[[], bool] = lambda: False) -> None:
        """Serve clients until all have ended, or `until` says so."""
        while self.running and not until():
            ready = self._selector.select(PATIENCE_S)
            assert ready, f"{self.running} clients got no answer for {PATIENCE_S} s"
            for key, _ in ready:
                assert isinstance(key.fileobj, socket.socket)
                self._receive(key.fileobj, *key.data)

    def stirred(self) -> int:
        """Return how many clients have an answer or a closed connection before them, unread."""
        return len(self._selector.select(0))

    def _receive(self, connection: socket.socket, client: Client, buffer: bytearray) -> None:
        data = connection.recv(_RECEIVE_BYTES)
        assert data, "the daemon closed a connection"
        buffer += data
        if not buffer.endswith(_EOM):
            return
        answer = bytes(buffer[:-1])
        buffer.clear()
        try:
            self._send(connection, client.send(answer))
        except StopIteration:
            self._selector.unregister(connection)
            connection.close()
            self.running -= 1

    @staticmethod
    def _send(connection: socket.socket, message: bytes) -> None:
        connection.sendall(message + _EOM)


def _connect(path: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    while True:
        try:
            connection.connect(path)
        except BlockingIOError:
            time.sleep(0.001)  # the backlog is full for a moment
        else:
            return connection


# --- clients ------------------------------------------------------------------------------------


def repeating(message: bytes, times: list[float], until_s: float) -> Client:
    """Ask the same again and again."""
    now = time.monotonic()
    while now < until_s:
        begun = now
        yield message
        now = time.monotonic()
        times.append(now - begun)


def submitting(message: bytes, count: Iterable[int], times: list[float]) -> Client:
    """Submit jobs one after the other."""
    for _ in count:
        begun = time.monotonic()
        answer = yield message
        times.append(time.monotonic() - begun)
        result(answer)


def working(
    message: bytes,
    count: Iterable[int],
    times: list[float],
    notices: list[float],
    nodes: Sequence[str] = ("",),
) -> Client:
    """Submit a job, wait for its end as Ganeti's clients do, and again.

    "{n}" in a job is its number, "{node}" the one of `nodes` whose turn it is.
    """
    for number in count:
        begun = time.monotonic()
        node = nodes[number % len(nodes)].encode()
        filled = message.replace(b"{n}", b"%d" % number).replace(b"{node}", node)
        job_id = result((yield filled))
        seen: list[Any] | None = None
        serial: int | None = None
        while seen is None or seen[0] not in ("success", "error", "canceled"):
            fields = ["status", "end_ts"]
            answer = yield request("WaitForJobChange", job_id, fields, seen, serial, 60)
            now_s = time.time()
            if result(answer) == "nochange":
                continue
            seen, entries = result(answer)
            # Who does not say what it has of the log is told all of it again, and at once.
            serial = entries[-1][0] if entries else serial
        times.append(time.monotonic() - begun)
        assert seen[0] == "success", seen
        seconds, microseconds = seen[1]
        notices.append(now_s - seconds - microseconds / 1e6)


def canceling(ids: Iterable[int], times: list[float]) -> Client:
    """Cancel jobs one after the other."""
    for job_id in ids:
        begun = time.monotonic()
        answer = yield request("CancelJob", job_id, False)
        times.append(time.monotonic() - begun)
        result(answer)


def waiting(job_id: int, begun: list[int]) -> Client:
    """Wait for a job that does not change."""
    begun.append(job_id)
    yield request("WaitForJobChange", job_id, ["status"], ["queued"], None, 60)


# --- what can be measured -----------------------------------------------------------------------


def rate(crowd: Crowd, spec: dict[str, Any]) -> dict[str, object]:
    """One request, from many connections, for some seconds."""
    times: list[float] = []
    message = request(spec["method"], *spec["args"])
    start = time.monotonic()
    for _ in range(spec["clients"]):
        crowd.add(repeating(message, times, start + spec["seconds"]))
    crowd.run()
    return _summary(times, time.monotonic() - start)


def submit(crowd: Crowd, spec: dict[str, Any]) -> dict[str, object]:
    """Many clients that submit the same job."""
    times: list[float] = []
    count = iter(range(spec["jobs"]))
    message = request(spec.get("method", "SubmitJob"), spec["ops"])
    start = time.monotonic()
    for _ in range(spec["clients"]):
        crowd.add(submitting(message, count, times))
    crowd.run()
    return _summary(times, time.monotonic() - start)


def work(crowd: Crowd, spec: dict[str, Any]) -> dict[str, object]:
    """Many clients that submit a job and wait for its end."""
    times: list[float] = []
    notices: list[float] = []
    count = iter(range(spec["jobs"]))
    message = request("SubmitJob", spec["ops"])
    start = time.monotonic()
    for _ in range(spec["clients"]):
        crowd.add(working(message, count, times, notices, spec.get("nodes", ("",))))
    crowd.run()
    elapsed = time.monotonic() - start
    return {**_summary(times, elapsed), "notice": _summary(notices, elapsed)}


def cancel(crowd: Crowd, spec: dict[str, Any]) -> dict[str, object]:
    """Many clients that cancel queued jobs."""
    times: list[float] = []
    ids = iter(range(spec["first"], spec["first"] + spec["jobs"]))
    start = time.monotonic()
    for _ in range(spec["clients"]):
        crowd.add(canceling(ids, times))
    crowd.run()
    return _summary(times, time.monotonic() - start)


def busy(crowd: Crowd, spec: dict[str, Any]) -> dict[str, object]:
    """Clients that submit while one asks small questions; waiting clients are in the background.

    With `waiters`, those connect first and stay; "memory" of the answer is the daemon's private
    bytes per waiting client.
    """
    before = private_bytes(spec["pid"])
    begun: list[int] = []
    waiters = Crowd(spec["path"])
    for _ in range(spec["waiters"]):
        waiters.add(waiting(spec["job"], begun))
    # An answer to a client that came last says that the daemon has seen all others.
    probe: list[float] = []
    small = request("QueryConfigValues", ["cluster_name"])
    crowd.add(submitting(small, iter(range(1)), probe))
    crowd.run()
    after = private_bytes(spec["pid"])
    times: list[float] = []
    probes: list[float] = []
    message = request("SubmitJob", spec["ops"])
    start = time.monotonic()
    end = start + spec["seconds"]
    for _ in range(spec["clients"]):
        crowd.add(repeating(message, times, end))
    crowd.add(repeating(small, probes, end))
    crowd.run()
    elapsed = time.monotonic() - start
    stirred = waiters.stirred()
    assert not stirred, f"{stirred} waiting clients were dropped, or answered without a change"
    return {
        "submissions": _summary(times, elapsed),
        "small": _summary(probes, elapsed),
        "bytes_per_waiter": (after - before) / max(1, spec["waiters"]),
    }


def changing(crowd: Crowd, spec: dict[str, Any]) -> dict[str, object]:
    """One client's jobs tag one instance after the other, while another asks small questions."""
    times: list[float] = []
    probes: list[float] = []
    start = time.monotonic()
    end = start + spec["seconds"]

    def tagging() -> Client:
        number = 0
        while time.monotonic() < end:
            name = f"inst{number % 7}.example.com"
            op = {"OP_ID": "OP_TAGS_SET", "kind": "instance", "name": name, "reason": [],
                  "tags": [f"t{number}"]}  # fmt: skip
            yield from working(request("SubmitJob", [op]), range(1), times, [])
            number += 1

    crowd.add(tagging())
    crowd.add(repeating(request("QueryConfigValues", ["cluster_name"]), probes, end))
    crowd.run()
    elapsed = time.monotonic() - start
    return {"changes": _summary(times, elapsed), "small": _summary(probes, elapsed)}


def private_bytes(pid: int) -> int:
    """Return a process's private memory."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:  # noqa: PTH123  # procfs
        return 1024 * sum(int(line.split()[1]) for line in rollup if line.startswith("Private_"))


def _summary(times: list[float], elapsed_s: float) -> dict[str, object]:
    ordered = sorted(times)
    return {
        "count": len(ordered),
        "elapsed_s": elapsed_s,
        "per_s": len(ordered) / elapsed_s,
        "median_ms": 1000 * ordered[len(ordered) // 2],
        "p99_ms": 1000 * ordered[len(ordered) * 99 // 100],
        "max_ms": 1000 * ordered[-1],
    }


KINDS: Final = {
    "busy": busy, "cancel": cancel, "changing": changing, "rate": rate, "submit": submit,
    "work": work,
}  # fmt: skip


def main() -> None:
    """Measure what the document on standard input asks for."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    path = os.fspath(sys.argv[1])
    spec = {**json.load(sys.stdin), "path": path}
    print(json.dumps(KINDS[spec["kind"]](Crowd(path), spec)))


if __name__ == "__main__":
    main()
