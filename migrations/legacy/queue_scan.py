"""What lies in a queue directory of Ganeti: names only, no job is read.

Directories of hundreds of thousands of files are listed as they come; of each file only its number
is kept, eight bytes.

Source: jobfile.json files; queue-layout of a Ganeti 3.0.2 master.
"""

import os
import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ARCHIVE: Final = "archive"
JOBS_PER_DIRECTORY: Final = 10_000

#: The only content of the file `version` that there ever was.
VERSION: Final = "1"

#: Bytes read of the files `serial` and `version`.
_SMALL_BYTES: Final = 64

_JOB: Final = re.compile(r"job-(\d+)", re.ASCII)
_NUMBER: Final = re.compile(r"0|[1-9]\d{0,17}", re.ASCII)


@dataclass(frozen=True, slots=True)
class QueueFiles:
    """A queue directory as found.

    Attributes:
        live: Ids of the job files, rising.
        archived: Ids of the archived job files, rising.
        serial: Number in the file `serial`; None when there is none.
        both: Ids of jobs that have a file in both places, which are in `live` and `archived` too.
        reasons: Why it cannot be taken over, one sentence each.
        notes: What is passed over in the archive, one sentence each.
        highest: Highest id that has a file, also one that is passed over; 0 without any.
    """

    directory: Path
    live: "array[int]"
    archived: "array[int]"
    serial: int | None
    drained: bool
    reasons: tuple[str, ...]
    notes: tuple[str, ...] = ()
    both: tuple[int, ...] = ()
    highest: int = 0

    @property
    def empty(self) -> bool:
        """Whether there is nothing at all to take over."""
        return not (self.live or self.archived or self.drained or self.reasons) and not self.serial

    def live_path(self, job_id: int) -> Path:
        """Return the file of a live job."""
        return self.directory / f"job-{job_id}"

    def archived_path(self, job_id: int) -> Path:
        """Return the file of an archived job."""
        return archived_path(self.directory, job_id)


def archived_path(directory: Path, job_id: int) -> Path:
    """Return where the archive of a queue directory has a job."""
    return directory / ARCHIVE / str(job_id // JOBS_PER_DIRECTORY) / f"job-{job_id}"


def scan(directory: Path) -> QueueFiles:
    """List a queue directory and its archive; a directory that is not there is an empty one.

    Files with other names (locks, leftovers of writing) are passed over, as Ganeti does.
    """
    reasons: list[str] = []
    notes: list[str] = []
    live = array("Q")
    archived = array("Q")
    for entry in _entries(directory, reasons):
        job_id = _job_id(entry, reasons)
        if job_id is not None:
            live.append(job_id)
    for entry in _entries(directory / ARCHIVE, reasons):
        if _JOB.fullmatch(entry.name):
            notes.append(f"{entry.path}: archived jobs belong into numbered directories")
        elif entry.name.isdecimal() and entry.is_dir(follow_symlinks=False):
            _scan_archived(directory, entry, archived, reasons, notes)
    live = array("Q", sorted(live))
    archived = array("Q", sorted(archived))
    serial = _serial(directory, reasons)
    if serial is None and (live or archived) and not (directory / "serial").exists():
        reasons.append(f"{directory / 'serial'} is missing, so nobody knows which ids were used")
    version = _small_file(directory / "version", reasons)
    if version is not None and version != VERSION:
        reasons.append(f"{directory / 'version'} says {version!r}, and only {VERSION!r} is known")
    both = tuple(sorted(set(live).intersection(archived)))
    drained = (directory / "drain").exists()
    highest = max([0, *live[-1:], *archived[-1:]])
    return QueueFiles(
        directory, live, archived, serial, drained, tuple(reasons), tuple(notes), both, highest
    )


def _scan_archived(
    directory: Path,
    subdirectory: "os.DirEntry[str]",
    found: "array[int]",
    reasons: list[str],
    notes: list[str],
) -> None:
    for entry in _entries(Path(subdirectory.path), reasons):
        job_id = _job_id(entry, notes)
        if job_id is None:
            continue
        right = archived_path(directory, job_id)
        if right.parent.name == subdirectory.name:
            found.append(job_id)
        else:
            notes.append(f"{entry.path} belongs to {right}")


def _entries(directory: Path, reasons: list[str]) -> "Iterator[os.DirEntry[str]]":
    try:
        with os.scandir(directory) as entries:
            yield from entries
    except FileNotFoundError:
        return
    except OSError as error:
        reasons.append(f"{directory}: {error.strerror}")


def _job_id(entry: "os.DirEntry[str]", reasons: list[str]) -> int | None:
    """Return the id of a job file; None for any other, with a reason where it should be one."""
    match = _JOB.fullmatch(entry.name)
    if match is None:
        return None
    if not _NUMBER.fullmatch(match[1]) or match[1] == "0":
        reasons.append(f"{entry.path} is no name of a job file")
    elif not entry.is_file(follow_symlinks=False):
        reasons.append(f"{entry.path} is not a regular file")
    else:
        return int(match[1])
    return None


def _serial(directory: Path, reasons: list[str]) -> int | None:
    text = _small_file(directory / "serial", reasons)
    if text is None:
        return None
    if not _NUMBER.fullmatch(text):
        reasons.append(f"{directory / 'serial'} holds {text!r}, which is no number")
        return None
    return int(text)


def _small_file(path: Path, reasons: list[str]) -> str | None:
    """Return the text of a file without its line end; None when it is missing or unreadable."""
    try:
        with path.open("rb") as file:
            content = file.read(_SMALL_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        reasons.append(f"{path}: {error.strerror}")
        return None
    return content.decode("ascii", errors="replace").rstrip("\n")
