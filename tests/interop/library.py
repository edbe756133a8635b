"""Ganeti's own Python library, asked from a process of its own: one JSON line in, one out."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.interop import debian


class Library:
    """A running program; see `library`."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def ask(self, question: object) -> Any:
        """Return the program's answer to a JSON value."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@contextmanager
def library(program: str) -> Iterator[Library]:
    """Run a program with Ganeti's library.

    Args:
        program: Defines `answer(question)`, from JSON value to JSON value.
    """
    loop = (
        "import json, sys\n"
        "def plain(value):\n"
        "    return value.Get() if hasattr(value, 'Get') else list(value)\n"
        f"{program}\n"
        "for line in sys.stdin:\n"
        "    print(json.dumps(answer(json.loads(line)), default=plain), flush=True)\n"
    )
    with subprocess.Popen(
        [debian.PYTHON, "-c", loop],
        env={"PYTHONPATH": str(debian.LIBRARY), "PATH": os.environ["PATH"]},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Library(process)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(debian.PATIENCE_S) == 0
