"""`scripts/quickstart`: a cluster to look at, in one command."""

import argparse
import contextlib
import os
import shlex
import shutil
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from masterd.errors import EXIT_FAILURE, EXIT_SUCCESS, GanetiError
from masterd.testing import demonstration as demonstrations
from masterd.testing import demonstration_jobs
from masterd.testing.demonstration import (
    NODES_DEFAULT,
    NODES_MAX,
    Demonstration,
    DemonstrationError,
    Started,
)
from masterd.testing.terminal import Terminal

_PROGRAM: Final = "scripts/quickstart"
_EXIT_USAGE: Final = 2

#: Seconds between two looks whether anything of the cluster still runs.
_LOOK_AGAIN_S: Final = 1.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out the command; return its exit code."""
    options = _parser().parse_args(arguments)
    terminal = Terminal(sys.stdout)
    # Whoever ends us politely wants the cluster ended too. SIGINT is named because a shell's
    # background job is started with it ignored.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        if options.stop:
            return _stop(options, terminal)
        return _start(options, terminal)
    except (DemonstrationError, GanetiError) as error:
        print(f"{_PROGRAM}: {error}", file=sys.stderr)
        return EXIT_FAILURE
    except KeyboardInterrupt:
        print(f"{_PROGRAM}: interrupted", file=sys.stderr)
        return EXIT_FAILURE
    except BrokenPipeError:
        # Our reader went away, and Python must not try to tell it more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILURE


def _start(options: argparse.Namespace, terminal: Terminal) -> int:
    root = options.root or demonstrations.temporary_root()
    found = demonstrations.find(root)
    if found is not None and options.nodes not in (None, len(found.cluster.nodes)):
        raise DemonstrationError(
            f"the cluster in {found.root} has {len(found.cluster.nodes)} nodes; --nodes is for new"
            " ones"
        )
    wanted = NODES_DEFAULT if options.nodes is None else options.nodes
    demonstration = found or demonstrations.make(root, wanted)
    stays = False
    try:
        started = demonstration.start()
        if options.quiet:
            terminal.line(str(demonstration.root))
        else:
            _show(demonstration, terminal, started, is_new=found is None)
        if options.detach:
            stays = True
            return EXIT_SUCCESS
        _wait(demonstration, terminal, quiet=options.quiet)
    except KeyboardInterrupt:
        return EXIT_SUCCESS
    finally:
        if not stays:
            _end(demonstration, terminal, quiet=options.quiet)
    return EXIT_SUCCESS


def _show(
    demonstration: Demonstration, terminal: Terminal, started: Started, *, is_new: bool
) -> None:
    cluster = demonstration.cluster
    terminal.heading(f"Demonstration cluster {cluster.name}")
    terminal.fact("root", demonstration.root)
    terminal.fact(
        "node daemons",
        f"{len(cluster.nodes)} simulated, {cluster.nodes[0].address} to"
        f" {cluster.nodes[-1].address}, port {cluster.port}"
        f" ({_count(len(started.nodes), len(cluster.nodes))})",
    )
    terminal.fact(
        "ganeti-masterd",
        f"process {demonstration.daemon_pid()}, serving"
        f" ({'started now' if started.daemon else 'was running already'})",
    )
    terminal.fact("LUXI socket", demonstration.paths.query_socket)
    terminal.fact("log", demonstration.paths.log_file)
    if is_new:
        demonstration_jobs.show(demonstration, terminal)
    else:
        demonstration_jobs.show_table(demonstration, terminal)
    _show_next(demonstration, terminal)


def _show_next(demonstration: Demonstration, terminal: Terminal) -> None:
    terminal.heading("What to type next, in another terminal")
    for name, value in demonstration.cluster.environment().items():
        terminal.line(f"  export {name}={shlex.quote(value)}")
    again = f"{_PROGRAM} --root {shlex.quote(str(demonstration.root))}"
    lines = [
        (f"{Path(sys.executable).with_name('gnt-job')} list", "also info, watch, wait, cancel"),
        (again, "bring back what you killed"),
        (f"{again} --stop", "end all of it"),
    ]
    if shutil.which("gnt-debug") is None:
        lines.insert(1, ("gnt-debug delay 0.1", "once Debian's package ganeti is installed"))
    else:
        lines.insert(1, ("gnt-job list; gnt-debug delay 0.1", "Debian's own, unmodified"))
    width = max(len(command) for command, _ in lines)
    for command, about in lines:
        terminal.line(f"  {command:<{width}}  # {about}")


def _wait(demonstration: Demonstration, terminal: Terminal, *, quiet: bool) -> None:
    """Return when nothing of the cluster runs any more; mostly interrupted before."""
    if not quiet:
        terminal.heading("Serving until Ctrl-C")
    pause = threading.Event()
    while demonstration.is_running():
        pause.wait(_LOOK_AGAIN_S)


def _end(demonstration: Demonstration, terminal: Terminal, *, quiet: bool) -> None:
    # The end takes seconds at most; a second Ctrl-C must not leave half of the cluster behind.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    ended = demonstration.stop()
    if not quiet:
        # Nobody may be reading any more.
        with contextlib.suppress(BrokenPipeError):
            terminal.line()
            terminal.line(f"  {_describe_end(ended)}")
            terminal.line(f"  everything it wrote is still in {demonstration.root}")


def _stop(options: argparse.Namespace, terminal: Terminal) -> int:
    if options.root is None:
        print(f"{_PROGRAM}: --stop needs --root", file=sys.stderr)
        return _EXIT_USAGE
    found = demonstrations.find(options.root)
    if found is None:
        raise DemonstrationError(f"{options.root} holds no demonstration cluster")
    ended = found.stop()
    if not options.quiet:
        terminal.line(_describe_end(ended))
    return EXIT_SUCCESS


def _describe_end(ended: Started) -> str:
    if not ended:
        return "nothing was running"
    parts = ["ganeti-masterd"] if ended.daemon else []
    if ended.nodes:
        parts.append(f"{len(ended.nodes)} node daemon{'s' if len(ended.nodes) > 1 else ''}")
    return f"ended {' and '.join(parts)}"


def _count(started: int, of: int) -> str:
    if started == 0:
        return "were running already"
    return "started now" if started == of else f"{started} of them started now"


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=_PROGRAM,
        description="Start a demonstration cluster: one ganeti-masterd and simulated node daemons"
        " under a directory of its own. Shows some jobs, then serves until interrupted. On the"
        " directory of an earlier run it brings back what is not running.",
    )
    parser.add_argument(
        "--root",
        type=Path,
        metavar="DIR",
        help="the master's root; its last component is the master's host name"
        " (default: a new temporary directory)",
    )
    parser.add_argument(
        "--nodes",
        type=int,
        metavar="N",
        help=f"nodes of a new cluster, 1 to {NODES_MAX} (default: {NODES_DEFAULT})",
    )
    parser.add_argument("--detach", action="store_true", help="return when it serves")
    parser.add_argument("--stop", action="store_true", help="end the cluster of --root")
    parser.add_argument(
        "--quiet", action="store_true", help="submit no jobs and print only the root"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
