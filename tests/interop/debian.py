"""Debian's unmodified programs, pointed at a simulated cluster."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from masterd.luxi.client import Client

#: Ganeti's Python library, as Debian installs it.
LIBRARY: Final = Path("/usr/share/ganeti/3.0")
#: Debian's Python, which has what Ganeti's library imports.
PYTHON: Final = "/usr/bin/python3"

#: Seconds a command gets; one that hangs fails the test then, it never decides one.
PATIENCE_S: Final = 60

needs_ganeti = pytest.mark.skipif(
    not (LIBRARY / "ganeti/client/gnt_job.py").exists(),
    reason="Debian's package ganeti is not installed",
)

REPOSITORY: Final = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended, and what it printed."""

    code: int
    output: str
    errors: str = ""

    @property
    def lines(self) -> list[str]:
        return self.output.splitlines()


class Commands:
    """Runs commands on the master of a cluster.

    Args:
        environment: the variables that point Ganeti's commands at the master.
    """

    def __init__(self, environment: dict[str, str]) -> None:
        # Times are printed in local time, and messages in the locale's language.
        self.environment = {**os.environ, **environment, "TZ": "UTC", "LC_ALL": "C.UTF-8"}

    def start(self, *command: str) -> "subprocess.Popen[str]":
        """Start a command and leave it running."""
        return subprocess.Popen(
            command,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=REPOSITORY,
            # Without a terminal, so that both clients print what they print into a pipe.
            start_new_session=True,
        )

    def run(self, *command: str) -> Outcome:
        """Run a command to its end."""
        return finish(self.start(*command))

    def ok(self, *command: str) -> Outcome:
        """Run a command that must succeed and complain of nothing."""
        outcome = self.run(*command)
        assert (outcome.code, outcome.errors) == (0, ""), f"{command}: {outcome}"
        return outcome

    def ganeti_python(self, script: str, *arguments: str) -> Outcome:
        """Run a script with Debian's Python and Ganeti's library."""
        path = f"PYTHONPATH={LIBRARY}"
        return self.ok("/usr/bin/env", path, PYTHON, "-c", script, *arguments)

    def gnt_job(self, *arguments: str) -> Outcome:
        """Run Debian's `gnt-job` and our own on the same state; both must do the same."""
        theirs = self.run("gnt-job", *arguments)
        ours = self.run(sys.executable, "-m", "masterd.client.gnt_job", *arguments)
        assert ours == theirs
        return theirs


def finish(process: "subprocess.Popen[str]") -> Outcome:
    """Wait for the end of a command."""
    try:
        output, errors = process.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        output, errors = process.communicate()
        raise AssertionError(f"{process.args!r} hangs:\n{output}\n{errors}") from None
    return Outcome(process.returncode, output, errors)


def wait_for(client: Client, job_id: int, field: str, wanted: Callable[[object], bool]) -> object:
    """Wait until a field of a job has a value that is wanted; return it."""
    previous: list[object] | None = None
    while True:
        news = client.call("WaitForJobChange", job_id, [field], previous, None, PATIENCE_S)
        assert isinstance(news, list), f"job {job_id} is stuck with {field} {previous}"
        (value,) = previous = news[0]
        if wanted(value):
            return value


def wait_for_status(client: Client, job_id: int, status: str) -> None:
    """Wait until a job has a status."""
    wait_for(client, job_id, "status", lambda value: value == status)


def submitted(outcome: Outcome) -> int:
    """Return the id that a command with `--submit` printed."""
    assert outcome.code == 0, outcome
    return int(outcome.errors.removeprefix("JobID: "))
