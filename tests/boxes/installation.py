"""Our daemon as a production machine has it: installed for Debian's Python, seen by every box."""

import subprocess
import sys
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).parents[2]
_PYTHON: Final = "/usr/bin/python3"

#: Seconds pip may take.
_PIP_S: Final = 600


def install(directory: Path) -> Path:
    """Install this project with what it needs at run time; return where its commands are.

    Raises:
        subprocess.CalledProcessError: it cannot be installed; what pip said was printed.
    """
    # pip is the one that runs here: Debian ships the part that would put one there separately.
    subprocess.run([_PYTHON, "-m", "venv", "--without-pip", directory], check=True)
    requirements = REPOSITORY / "scripts/constraints/run.txt"
    _pip(directory, "--require-hashes", "--requirement", str(requirements))
    _pip(directory, "--no-deps", str(REPOSITORY))
    return directory / "bin"


def _pip(directory: Path, *what: str) -> None:
    subprocess.run(
        [
            sys.executable, "-m", "pip", "--python", directory / "bin/python", "install", "--quiet",
            "--disable-pip-version-check", *what,
        ],
        check=True, timeout=_PIP_S,
    )  # fmt: skip
