"""Names, modes and owners of the files in a queue directory.

Source: jobfile.json files (Ganeti 3.0.2 src/Ganeti/JQueue.hs, lib/jstore.py, tools/ensure_dirs.py).
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

JOBS_PER_DIRECTORY: Final = 10_000

FILE_MODE: Final = 0o640
DIRECTORY_MODE: Final = 0o750

#: The only content the file `version` ever had.
VERSION_CONTENT: Final = b"1\n"

_JOB_NAME: Final = re.compile(r"job-([1-9]\d{0,17})", re.ASCII)

#: A name no reader takes for a job: hidden, and with an ending.
_TEMPORARY: Final = ".{}.new"
_TEMPORARY_NAME: Final = re.compile(r"\.(job-\d+|serial|epoch|version|drain)\.new", re.ASCII)


@dataclass(frozen=True, slots=True)
class Layout:
    """A queue directory.

    Attributes:
        directory: The queue directory; the archive lies in it.
        owner: Uid and gid of everything in it; None leaves them as they come.
    """

    directory: Path
    owner: tuple[int, int] | None = None

    def job(self, job_id: int) -> Path:
        """Return the file of a live job."""
        return self.directory / f"job-{job_id}"

    def archived_job(self, job_id: int) -> Path:
        """Return the file of an archived job."""
        return self.archive / str(job_id // JOBS_PER_DIRECTORY) / f"job-{job_id}"

    @property
    def archive(self) -> Path:
        """The directory of the archive's directories."""
        return self.directory / "archive"

    def stray(self, job_id: int) -> Path:
        """Return where a replica's file of a job goes that is not in the queue."""
        return self.directory / "strays" / f"job-{job_id}"

    def archive_directories(self) -> list[Path]:
        """Return the directories of archived jobs that are there, links to others left out.

        Raises:
            OSError: the archive cannot be read.
        """
        try:
            with os.scandir(self.archive) as entries:
                return sorted(
                    Path(entry.path)
                    for entry in entries
                    if entry.name.isdecimal() and entry.is_dir(follow_symlinks=False)
                )
        except FileNotFoundError:
            return []

    @property
    def serial(self) -> Path:
        """The file with the last job id ever given out."""
        return self.directory / "serial"

    @property
    def epoch(self) -> Path:
        """The file with the number of the newest master's start; not one of Ganeti's own."""
        return self.directory / "epoch"

    @property
    def version(self) -> Path:
        """The file with the version of the queue's form."""
        return self.directory / "version"

    @property
    def drain(self) -> Path:
        """The file that is there while the queue is drained."""
        return self.directory / "drain"

    def temporary(self, path: Path) -> Path:
        """Return where a file is written before it gets its name: always in the queue directory."""
        return self.directory / _TEMPORARY.format(path.name)


def job_id_of(name: str) -> int | None:
    """Return the id in the name of a job file; None when it is not one."""
    found = _JOB_NAME.fullmatch(name)
    return None if found is None else int(found.group(1))


def is_temporary(name: str) -> bool:
    """Tell whether a file was being written when its writer died."""
    return _TEMPORARY_NAME.fullmatch(name) is not None


def number_content(number: int) -> bytes:
    """Return the bytes of a file that holds a number: `serial` and `epoch`."""
    return b"%d\n" % number
