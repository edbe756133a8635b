"""Simulated node daemons: `python -m masterd.testing.node BASE NAME=ADDRESS...`.

One process serves any number of nodes, each on a loopback address of its own, each with the root
directory BASE/NAME (`masterd.testing.cluster` makes them). Prints `ready` when all of them listen
and ends at SIGTERM or SIGINT.
"""

import argparse
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import gevent
from gevent.event import Event
from gevent.socket import wait_read

from masterd.errors import EXIT_FAILURE, EXIT_SUCCESS
from masterd.pidfile import AlreadyRunningError, PidFile
from masterd.rpc.runner import NODED_PORT
from masterd.testing.control import ControlServer
from masterd.testing.faults import FaultPlan
from masterd.testing.node_calls import SimulatedNode
from masterd.testing.node_server import NodeServer
from masterd.testing.script import NodeScript


class SimulatedNodes:
    """Node daemons that live in this process, and their faults."""

    def __init__(
        self,
        base: Path,
        addresses: Sequence[tuple[str, str]],
        *,
        port: int = NODED_PORT,
        keep_alive: bool = True,
        sync: bool = False,
    ) -> None:
        """Prepare.

        Args:
            base: directory with one root directory per node.
            addresses: pairs of node name and address.
            port: on which all listen.
            keep_alive: False closes after each answer, as the real node daemon does.
            sync: bring files to disk before answering.
        """
        self.faults = FaultPlan()
        self.script = NodeScript()
        self.servers = {
            name: NodeServer(
                SimulatedNode(name, base / name, sync=sync),
                address,
                port,
                self.faults,
                script=self.script,
                keep_alive=keep_alive,
            )
            for name, address in addresses
        }

    def start(self) -> None:
        """Listen on all addresses."""
        for server in self.servers.values():
            server.start()

    def stop(self) -> None:
        """Stop listening and cut all connections. Switches."""
        for server in self.servers.values():
            server.stop()

    def apply_faults(self) -> None:
        """Let nodes refuse connections, or no longer, as the plan says. Switches."""
        for server in self.servers.values():
            server.apply_faults()


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to end."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, format="%(levelname)s %(message)s")
    try:
        pid_file = PidFile.take(options.pid_file) if options.pid_file else None
    except AlreadyRunningError as error:
        print(error, file=sys.stderr)
        return EXIT_FAILURE
    nodes = SimulatedNodes(
        options.base,
        [_pair(text) for text in options.nodes],
        port=options.port,
        keep_alive=not options.close,
        sync=options.sync,
    )
    nodes.start()
    control = (
        ControlServer(options.control, nodes.servers, nodes.faults, nodes.script)
        if options.control
        else None
    )
    if control is not None:
        control.start()
    ended = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, ended.set)
    if options.end_with_input:
        gevent.spawn(_watch_input, ended)
    print("ready", flush=True)
    ended.wait()
    if control is not None:
        control.stop()
    nodes.stop()
    if pid_file is not None:
        pid_file.release()
    return EXIT_SUCCESS


def _watch_input(ended: Event) -> None:
    descriptor = sys.stdin.fileno()
    wait_read(descriptor)
    while os.read(descriptor, 4096):
        wait_read(descriptor)
    ended.set()


def _pair(text: str) -> tuple[str, str]:
    name, equals, address = text.partition("=")
    if not equals:
        raise SystemExit(f"'{text}' is not NAME=ADDRESS")
    return name, address


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m masterd.testing.node", description="Simulated Ganeti node daemons."
    )
    parser.add_argument("base", type=Path, help="directory with one root directory per node")
    parser.add_argument("nodes", nargs="+", metavar="NAME=ADDRESS", help="a node to serve")
    parser.add_argument("--port", type=int, default=NODED_PORT, help="default: %(default)s")
    parser.add_argument(
        "--close", action="store_true", help="close after each answer, as the real node daemon does"
    )
    parser.add_argument("--sync", action="store_true", help="bring files to disk before answering")
    parser.add_argument("--pid-file", type=Path, help="file to hold, with our process id in it")
    parser.add_argument("--control", type=Path, help="Unix socket for faults and counts")
    parser.add_argument(
        "--end-with-input", action="store_true", help="end when standard input is closed"
    )
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
