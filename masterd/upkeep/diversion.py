"""Debian's programs moved aside, and ours in their places.

Debian's `dpkg-divert` remembers the move, so that an upgrade of the package puts its programs aside
too and leaves ours alone. Each step may have been done before, or cut off in its middle; it is done
again, or its rest is.

Source: dpkg-divert(1).
"""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from masterd.limits import UPKEEP_COMMAND_S
from masterd.paths import LUXID_NAME, WCONFD_NAME

#: The programs in whose places ours stand.
PROGRAMS: Final = tuple(Path("/usr/sbin") / name for name in (LUXID_NAME, WCONFD_NAME))
_ASIDE: Final = ".distrib"
_LOCAL: Final = "LOCAL"


class DiversionError(Exception):
    """A program cannot be moved, or what stands in its place is not ours."""


@dataclass(frozen=True, slots=True)
class Diversions:
    """The programs of a machine.

    Args:
        root: below which dpkg and the programs are.
    """

    root: Path = Path("/")

    def are_made(self, launcher: Path) -> bool:
        """Tell whether ours stands in all places, remembered by dpkg."""
        return all(
            self._owner(program) == _LOCAL and self._leads_to(program) == launcher
            for program in PROGRAMS
        )

    def exist(self) -> bool:
        """Tell whether any of the programs has been moved by `make`, or has begun to be."""
        return any(self._owner(program) == _LOCAL for program in PROGRAMS)

    def make(self, launcher: Path) -> None:
        """Move Debian's programs aside and lead their names to our launcher.

        Raises:
            DiversionError: a program is diverted by somebody else, or dpkg-divert failed.
        """
        for program in PROGRAMS:
            self._refuse_foreign(program)
        for program in PROGRAMS:
            aside = self._aside(program)
            self._run("--add", program)
            place = self._place(program)
            if not os.path.lexists(self._place(aside)):
                if not os.path.lexists(place):
                    raise DiversionError(f"{program} is missing; is the package ganeti installed?")
                # Cut off between the note and the move.
                place.rename(self._place(aside))
            fresh = place.with_name(f".{place.name}.new")
            fresh.unlink(missing_ok=True)
            fresh.symlink_to(launcher)
            fresh.replace(place)

    def remove(self) -> None:
        """Bring Debian's programs back.

        Raises:
            DiversionError: what stands in a place was not put there by `make`, or dpkg-divert
                failed.
        """
        for program in PROGRAMS:
            if self._owner(program) != _LOCAL:
                continue
            place = self._place(program)
            if os.path.lexists(self._place(self._aside(program))):
                if os.path.lexists(place) and not place.is_symlink():
                    raise DiversionError(f"{program} is not the link that was put there")
                place.unlink(missing_ok=True)
            self._run("--remove", program)

    def _refuse_foreign(self, program: Path) -> None:
        owner = self._owner(program)
        if owner not in ("", _LOCAL):
            raise DiversionError(f"{program} is diverted by the package {owner} already")
        known = self._ask("--truename", program)
        if owner and known != str(self._aside(program)):
            raise DiversionError(f"{program} is diverted already, to {known}")

    def _owner(self, program: Path) -> str:
        """Return the package that diverts a program, LOCAL, or nothing."""
        return self._ask("--listpackage", program)

    def _leads_to(self, program: Path) -> Path | None:
        place = self._place(program)
        return place.readlink() if place.is_symlink() else None

    def _aside(self, program: Path) -> Path:
        return program.with_name(program.name + _ASIDE)

    def _place(self, path: Path) -> Path:
        return self.root / path.relative_to("/")

    def _run(self, action: str, program: Path) -> None:
        aside = self._aside(program)
        self._dpkg_divert("--local", "--rename", "--divert", str(aside), action, str(program))

    def _ask(self, question: str, program: Path) -> str:
        return self._dpkg_divert(question, str(program)).strip()

    def _dpkg_divert(self, *arguments: str) -> str:
        command = ["dpkg-divert", "--root", str(self.root), *arguments]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=UPKEEP_COMMAND_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DiversionError(f"{' '.join(command)}: {error}") from error
        if done.returncode != 0:
            raise DiversionError(f"{' '.join(command)}: {done.stderr.strip()}")
        return done.stdout
