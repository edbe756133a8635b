"""One box: started, asked, ended."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.boxes.plan import BoxPlan

#: Seconds a box may take to be ready or gone.
BOX_S: Final = 30.0
_POLL_S: Final = 0.05

#: Seconds a command inside may take; what takes longer hangs.
COMMAND_S: Final = 120.0

_NAMESPACES: Final = ("--mount", "--pid", "--net", "--uts", "--ipc")
#: What a box needs of this machine besides Ganeti.
_PROGRAMS: Final = ("arping", "ip", "nsenter", "ssh", "ssh-keygen", "sshd", "unshare")

_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class BoxError(Exception):
    """A box, or something in it, does not do what it must."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command in a box ended, and what it printed on both streams."""

    code: int
    output: str


class Box:
    """A machine made of namespaces. Its files stay when it ends: it can be started again."""

    def __init__(self, plan: BoxPlan, state: Path, shown: Iterable[tuple[Path, str]]) -> None:
        """Prepare.

        Args:
            state: the directory of all boxes.
            shown: directories of this machine, and where each is seen inside.
        """
        self.plan = plan
        self._state = state
        self._shown = tuple(shown)
        self._directory = state / "boxes" / plan.name
        self._starter: subprocess.Popen[bytes] | None = None
        self._pid: int | None = None

    @property
    def upper(self) -> Path:
        """The files in which the box differs from this machine."""
        return self._directory / "upper"

    @property
    def pid(self) -> int:
        """The process id, outside, of the box's first process.

        Raises:
            BoxError: the box does not run.
        """
        if self._pid is None:
            raise BoxError(f"{self.plan.name} does not run")
        return self._pid

    @property
    def runs(self) -> bool:
        """Tell whether it has been started and not ended."""
        return self._pid is not None

    def path(self, inside: str) -> Path:
        """Return where a file of the running box is seen from outside."""
        return Path(f"/proc/{self.pid}/root") / inside.lstrip("/")

    def start(self) -> None:
        """Boot the box; its network comes afterwards.

        Raises:
            BoxError: it does not become ready.
        """
        for name in ("root", "upper", "work"):
            (self._directory / name).mkdir(parents=True, exist_ok=True)
        with (self._directory / "init.log").open("ab") as log:
            self._starter = subprocess.Popen(
                [
                    "unshare", *_NAMESPACES, "--fork", "--kill-child", "/usr/bin/python3",
                    str(Path(__file__).with_name("box_init.py")), self.plan.name,
                    *(str(self._directory / name) for name in ("root", "upper", "work")),
                    str(self._state), *(f"{outside}:{inside}" for outside, inside in self._shown),
                ],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env={"PATH": _PATH, "LANG": "C.UTF-8"},
            )  # fmt: skip
        deadline = time.monotonic() + BOX_S
        while time.monotonic() < deadline and self._starter.poll() is None:
            self._pid = _only_child(self._starter.pid)
            if self._pid is not None and self.path("/run/box-ready").exists():
                return
            time.sleep(_POLL_S)
        self.kill()
        raise BoxError(f"{self.plan.name} does not start, see {self._directory}/init.log")

    def kill(self) -> None:
        """Cut the power: all its processes end at once, whatever they do."""
        starter, self._starter = self._starter, None
        if self._pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
        self._pid = None
        if starter is not None:
            try:
                starter.wait(BOX_S)
            except subprocess.TimeoutExpired:
                starter.kill()
                starter.wait()

    def await_end(self) -> None:
        """Wait until the box has ended by itself, as one does that is power cycled.

        Raises:
            BoxError: it goes on.
        """
        if self._starter is not None:
            try:
                self._starter.wait(BOX_S)
            except subprocess.TimeoutExpired:
                raise BoxError(f"{self.plan.name} goes on for {BOX_S:g} s") from None
        self.kill()

    def inside(self, *command: str, **environment: str) -> list[str]:
        """Return the command line, for this machine, of a command inside."""
        variables = {
            "HOME": "/root", "USER": "root", "LOGNAME": "root", "SHELL": "/bin/bash",
            "LANG": "C.UTF-8", "TERM": "dumb", "TZ": "UTC", "PATH": _PATH, **environment,
        }  # fmt: skip
        return [
            "nsenter", "--target", str(self.pid), "--mount", "--pid", "--net", "--uts", "--ipc",
            "--", "/usr/bin/env", "-i", *(f"{name}={value}" for name, value in variables.items()),
            *command,
        ]  # fmt: skip

    def run(
        self, *command: str, typed: str = "", limit_s: float = COMMAND_S, **environment: str
    ) -> Ended:
        """Run a command to its end.

        Args:
            typed: its standard input.

        Raises:
            BoxError: it hangs.
        """
        # A file and not a pipe: a daemon that it starts may keep the descriptor open for ever.
        with tempfile.TemporaryFile(buffering=0, dir=self._directory) as output:
            process = subprocess.Popen(
                self.inside(*command, **environment),
                stdin=subprocess.PIPE, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
            try:
                process.communicate(typed.encode(), timeout=limit_s)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                told = _content(output.fileno())
                raise BoxError(
                    f"{self.plan.name}: {' '.join(command)} hangs for {limit_s:g} s:\n{told}"
                ) from None
            return Ended(process.returncode, _content(output.fileno()))

    def ok(
        self, *command: str, typed: str = "", limit_s: float = COMMAND_S, **environment: str
    ) -> str:
        """Run a command that must succeed; return what it printed.

        Raises:
            BoxError: it fails or hangs.
        """
        ended = self.run(*command, typed=typed, limit_s=limit_s, **environment)
        if ended.code:
            raise BoxError(
                f"{self.plan.name}: {' '.join(command)} exits with {ended.code}:\n{ended.output}"
            )
        return ended.output


def _content(descriptor: int) -> str:
    size = os.fstat(descriptor).st_size
    return os.pread(descriptor, size, 0).decode(errors="replace")


def _only_child(pid: int) -> int | None:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return None
    return int(children[0]) if children else None


def missing_means() -> str | None:
    """Return why no box can be made here, None where it can."""
    if sys.platform != "linux" or os.getuid() != 0:
        return "only root on Linux makes boxes"
    lacking = [name for name in _PROGRAMS if shutil.which(name) is None]
    if lacking:
        return f"{', '.join(lacking)} are not installed"
    probe = ["unshare", *_NAMESPACES, "--fork", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    ended = subprocess.run(probe, capture_output=True, text=True, check=False)
    return None if ended.returncode == 0 else f"no namespaces: {ended.stderr.strip()}"
