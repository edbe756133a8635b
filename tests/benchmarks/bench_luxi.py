"""How fast the LUXI server answers, and what a waiting client costs.

Run: `python -m tests.benchmarks.bench_luxi`.
The load comes from another process, so that the figures are the server's; on a machine with two
processors both have one. Prints one JSON object.
"""

import argparse
import json
import multiprocessing
import os
import re
import resource
import selectors
import socket
import tempfile
import time
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

from gevent.socket import wait_read

from masterd.clock import SystemClock
from masterd.job.model import Peer
from masterd.luxi.calls import Call, WaitForJobChange
from masterd.luxi.messages import Request
from masterd.luxi.methods import check
from masterd.luxi.reply import Reply
from masterd.luxi.server import Server
from masterd.luxi.sockets import SocketSpec

#: About the size of QueryClusterInfo's answer.
_ANSWER = json.dumps({f"key{number}": "x" * 20 for number in range(200)}).encode()

_QUERY = b'{"method": "QueryClusterInfo", "args": [], "version": 3000000}\n\x03'
_WAIT = (
    b'{"method": "WaitForJobChange", "args": [%d, ["status"], ["queued"], 0, 60],'
    b' "version": 3000000}\n\x03'
)


class _Daemon:
    """The server's process: answers at once, or parks."""

    def __init__(self) -> None:
        self.parked: list[tuple[Call, Reply]] = []

    def __call__(self, request: Request, peer: Peer, reply: Reply) -> None:
        call = check(request)
        if isinstance(call, WaitForJobChange):
            self.parked.append((call, reply))
        else:
            reply.success_raw(_ANSWER)


def _serve(path: Path, pipe: Pipe) -> None:
    """Serve until told to end; tells on request how much private memory there is."""
    _raise_file_limit()
    daemon = _Daemon()
    server = Server([SocketSpec(path, 0o600)], daemon, clock=SystemClock())
    server.start()
    pipe.send("ready")
    while True:
        wait_read(pipe.fileno())
        match pipe.recv():
            case "memory":
                pipe.send((_private_bytes(), len(daemon.parked), time.process_time()))
            case "end":
                server.close()
                return


def _private_bytes() -> int:
    rollup = Path("/proc/self/smaps_rollup").read_text()
    kib = re.findall(r"^Private_(?:Clean|Dirty): +(\d+) kB", rollup, re.M)
    return 1024 * sum(map(int, kib))


def _raise_file_limit() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _connect(path: Path) -> socket.socket:
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    while True:
        try:
            client.connect(os.fspath(path))
        except BlockingIOError:
            time.sleep(0.001)
        else:
            return client


def _requests_per_s(path: Path, connections: int, seconds: float) -> tuple[float, float, float]:
    """Return requests per second, and the median and 99th percentile of the answer times in ms."""
    selector = selectors.DefaultSelector()
    begun: dict[socket.socket, float] = {}
    times: list[float] = []
    for _ in range(connections):
        client = _connect(path)
        selector.register(client, selectors.EVENT_READ, client)
        client.sendall(_QUERY)
        begun[client] = time.monotonic()
    start = now = time.monotonic()
    while now - start < seconds:
        for key, _ in selector.select():
            client = key.data
            data = client.recv(1 << 17)
            if data.endswith(b"\x03"):
                now = time.monotonic()
                times.append(now - begun[client])
                begun[client] = now
                client.sendall(_QUERY)
    for client in begun:
        client.close()
    times.sort()
    rate = len(times) / (now - start)
    return rate, 1000 * times[len(times) // 2], 1000 * times[len(times) * 99 // 100]


def _bytes_per_waiter(path: Path, pipe: Pipe, waiters: int) -> float:
    before = _ask(pipe)[0]
    clients = [_connect(path) for _ in range(waiters)]
    for number, client in enumerate(clients):
        client.sendall(_WAIT % number)
    while _ask(pipe)[1] < waiters:
        time.sleep(0.01)
    after = _ask(pipe)[0]
    for client in clients:
        client.close()
    return (after - before) / waiters


def _ask(pipe: Pipe) -> tuple[int, int, float]:
    pipe.send("memory")
    private, parked, cpu_s = pipe.recv()
    return private, parked, cpu_s


def measure(connections: int, waiters: int, seconds: float) -> dict[str, float]:
    """Run the server in a process of its own and return the figures."""
    _raise_file_limit()
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "query"
        context = multiprocessing.get_context("spawn")
        pipe, far_end = context.Pipe()
        daemon = context.Process(target=_serve, args=(path, far_end))
        daemon.start()
        assert pipe.recv() == "ready"
        _requests_per_s(path, connections, 0.1)
        cpu_before = _ask(pipe)[2]
        rate, median_ms, p99_ms = _requests_per_s(path, connections, seconds)
        cpu_s = _ask(pipe)[2] - cpu_before
        per_waiter = _bytes_per_waiter(path, pipe, waiters)
        pipe.send("end")
        daemon.join()
        daemon.close()
        pipe.close()
        far_end.close()
    return {
        "requests_per_s": round(rate),
        "requests_per_s_aim": 8000,
        "answer_ms_median": round(median_ms, 3),
        "answer_ms_p99": round(p99_ms, 3),
        "server_us_per_request": round(1e6 * cpu_s / (rate * seconds), 1),
        "connections": connections,
        "answer_bytes": len(_ANSWER),
        "bytes_per_waiter": round(per_waiter),
        "bytes_per_waiter_aim": 5 * 1024,
        "waiters": waiters,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--waiters", type=int, default=5000)
    parser.add_argument("--seconds", type=float, default=3.0)
    options = parser.parse_args()
    print(json.dumps(measure(options.connections, options.waiters, options.seconds), indent=1))


if __name__ == "__main__":
    main()
