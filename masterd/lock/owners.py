"""Who can own locks.

Nearly always a job, which is named by its id alone: all jobs live and die with the daemon. A
program beside the daemon is named as the reference names it, by a word, a file it keeps locked
while it lives, and its process: whoever can lock that file knows that the owner is dead.

Source: luxi.json, wconfd.client_id; Ganeti 3.0.2 lib/config, GetWConfdContext.
"""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Outsider:
    """A program beside the daemon.

    Attributes:
        name: the word it calls itself, which listings show, or a number where it says that it is a
            job; several programs may use the same.
        livelock: path of the file it keeps locked.
        process_id: its process.
    """

    name: str | int
    livelock: str
    process_id: int


#: A job's id, or a program beside the daemon.
Owner: TypeAlias = int | Outsider


def label(owner: Owner) -> str:
    """Return how listings show an owner: a job by its number, a program by its word."""
    return str(owner.name if isinstance(owner, Outsider) else owner)


def described(owner: Owner) -> str:
    """Return an owner as people are told of it, such as `job 12`."""
    if isinstance(owner, Outsider):
        return f"{owner.name} (process {owner.process_id})"
    return f"job {owner}"


def subject(owner: Owner) -> str:
    """Return an owner as a sentence begins with it, such as `Job 12`."""
    return described(owner) if isinstance(owner, Outsider) else f"Job {owner}"
