"""Which release of Ganeti is installed on this machine.

Debian installs each release below `/usr/share/ganeti/<version>`; a link names the one that counts.
Nothing of Ganeti's is run or imported, and nothing heavy is imported here: `--version` tells of it.

Source: Debian's ganeti-3.0 and ganeti-3.1 (links), Ganeti 3.0.2 ganeti/_constants.py and
_vcsversion.py (names).
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from masterd.constants import RELEASES

#: Links to the directory of the release that counts, the first one first.
_LINKS: Final = ("usr/share/ganeti/default", "etc/ganeti/share")
_DIRECTORY: Final = "usr/share/ganeti"
_VERSION = re.compile(r"[0-9]+\.[0-9]+")
_RELEASE_VERSION = re.compile(r"^RELEASE_VERSION = [\"']([\w.~+-]+)[\"']$", re.MULTILINE)
_VCS_VERSION = re.compile(r"^VCS_VERSION = [\"']([\w.~+-]+)[\"']$", re.MULTILINE)

#: Bytes of the file of constants that are looked at; the version stands in the first thousand.
_HEAD_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Installed:
    """A release that is installed.

    Attributes:
        version: Major and minor version, such as "3.0".
        release_version: In full, such as "3.0.2"; None where nothing says it.
        vcs_version: As clients are told; None where nothing says it.
    """

    version: str
    release_version: str | None
    vcs_version: str | None


def find(root: Path = Path("/")) -> Installed | None:
    """Return the release that counts on the machine whose files are below `root`.

    Where no link names one, the only release that can be spoken counts; of several, none.
    """
    for link in _LINKS:
        directory = (root / link).resolve()
        if _VERSION.fullmatch(directory.name) and directory.is_dir():
            return _read(directory)
    found = [root / _DIRECTORY / name for name in RELEASES]
    found = [directory for directory in found if (directory / "ganeti/_constants.py").exists()]
    return _read(found[0]) if len(found) == 1 else None


def _read(directory: Path) -> Installed:
    """Read what the files of a release say of it."""
    version = directory.name
    release = _search(_RELEASE_VERSION, directory / "ganeti/_constants.py")
    build = _search(_VCS_VERSION, directory / "ganeti/_vcsversion.py")
    if release is not None and not release.startswith(f"{version}."):
        release = None
    return Installed(version, release, None if build is None else f"(ganeti) version {build}")


def _search(pattern: re.Pattern[str], path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            text = file.read(_HEAD_BYTES).decode("utf-8", "replace")
    except OSError:
        return None
    found = pattern.search(text)
    return None if found is None else found[1]
