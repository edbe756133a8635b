"""Our daemon as a production machine has it: as a package of the machine's Debian release."""

import subprocess
from pathlib import Path
from typing import Final

from tests.boxes.box import Box

REPOSITORY: Final = Path(__file__).parents[2]

#: Where the package has its commands.
COMMANDS: Final = Path("/usr/lib/ganeti-masterd/bin")
NAME: Final = "ganeti-masterd"

#: Seconds the build may take.
_BUILD_S: Final = 600


def build(directory: Path) -> Path:
    """Build the package for this machine's release; return its file.

    Raises:
        subprocess.CalledProcessError: it cannot be built; what was said is printed.
    """
    subprocess.run(
        [REPOSITORY / "scripts/build-deb", directory],
        check=True, timeout=_BUILD_S, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    (package,) = directory.glob("*.deb")
    return package


def install(box: Box, package: Path) -> str:
    """Install the package as an administrator does, also over itself; return what was said.

    Raises:
        BoxError: apt failed.
    """
    return _apt(box, "install", "--reinstall", "--no-install-recommends", str(package))


def remove(box: Box, action: str = "remove") -> str:
    """Remove the package, or with "purge" what it kept too; return what was said.

    Raises:
        BoxError: apt failed.
    """
    return _apt(box, action, NAME)


def _apt(box: Box, *what: str) -> str:
    # Nothing has to be fetched: a box reaches no network but its own.
    return box.ok("apt-get", "--yes", *what, DEBIAN_FRONTEND="noninteractive")
