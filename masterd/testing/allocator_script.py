"""How a simulated node runs an allocator: as a real node daemon does, in a process of its own.

Scripts are looked for below the node's root first, so that a test can put its own there, then where
packages install them: Ganeti's own `hail`, where it is installed.

Source: Ganeti 3.0.2 lib/backend.py, IAllocatorRunner; lib/server/noded.py; constants
IALLOCATOR_SEARCH_PATH.
"""

import re
import subprocess
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Final

import gevent

from store.threads import in_thread

#: Below the root of a node, and of the machine.
SEARCH_PATH: Final = ("usr/local/lib/ganeti/iallocators", "usr/lib/ganeti/iallocators")

#: Seconds a script gets.
_PATIENCE_S: Final = 60

_NAME: Final = re.compile(r"[a-zA-Z0-9_.-]+")


class ScriptError(Exception):
    """The script is not there or failed."""


def write_script(root: Path, name: str, answer: str) -> None:
    """Give the node with this root directory an allocator that always prints `answer`."""
    path = root / SEARCH_PATH[0] / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".answer").write_text(answer)
    path.write_text(f"#!/bin/sh\ncat '{path.with_suffix('.answer')}'\n")
    path.chmod(0o755)


def run(root: Path, name: str, text: str, options: Mapping[str, str | None]) -> str:
    """Return what the script prints when it gets `text` in a file. Switches.

    Raises:
        ScriptError: it is not there or failed.
    """
    script = _find(root, name)
    given = [f"--{key}" if value is None else f"--{key}={value}" for key, value in options.items()]
    with tempfile.NamedTemporaryFile("w", prefix="ganeti-iallocator.") as file:
        file.write(text)
        file.flush()
        # On a thread: gevent's own way of waiting takes the end of every child of the process,
        # also of those that others wait for.
        run_script = partial(
            subprocess.run,
            [str(script), file.name, *given],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE_S,
            text=True,
            check=False,
        )
        ended: subprocess.CompletedProcess[str] = in_thread(gevent.get_hub().threadpool, run_script)
    if ended.returncode != 0:
        output = ended.stdout + ended.stderr
        raise ScriptError(
            f"iallocator module '{name}' failed: exited with exit code {ended.returncode},"
            f" output '{output}'"
        )
    return ended.stdout


def _find(root: Path, name: str) -> Path:
    if _NAME.fullmatch(name) is not None:
        for top in (root, Path("/")):
            for folder in SEARCH_PATH:
                path = top / folder / name
                if path.is_file():
                    return path
    raise ScriptError(f"iallocator module '{name}' not found in the search path")
