"""One act of the tour: a command that an administrator types, and what must come of it."""

import re
import shlex
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from tests.boxes.box import COMMAND_S, BoxError, Ended
from tests.boxes.cluster import Cluster

#: What is another one in each run, and says nothing of how well a master does.
_DRAWN: Final = (
    (r"\x1b\[[0-9;]*m", ""),
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID"),
    (r"\b[0-9A-F]{2}(:[0-9A-F]{2}){19}\b", "DIGEST"),
    (r"\baa:00:00(:[0-9a-f]{2}){3}\b", "MAC"),
    (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?", "TIME"),
    (r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun) \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}", "TIME"),
    (r"[Jj]ob(ID:|s)?,? \d+", "job N"),
    (r"job-\d+", "job-N"),
    (r"\b\d+\.\d{2,}s?\b", "FIGURE"),
    (r"\b[1-9]\d{9}\b", "TIMESTAMP"),
    (r"(pid|PID|process)[= ]\d+", "PID"),
    (r"(?m)^(Serial number:|  serial_no:) \d+$", "SERIAL"),
    (r"[ \t]+(?=\n)", ""),
)


@dataclass(frozen=True, slots=True)
class Act:
    """A command, and what must come of it.

    Attributes:
        words: the command line; a name for people where `does` is given.
        shows: a regular expression for something in its output, over lines.
        lacks: one for what must not be there.
        code: its exit code.
        typed: its standard input.
        on: the node on which it is typed, counted from 1.
        does: what happens instead of a command; returns what it saw. Raises BoxError.
        compared: whether its words are the same with each master.
    """

    words: str
    shows: str = ""
    lacks: str = ""
    code: int = 0
    typed: str = ""
    on: int = 1
    does: Callable[[Cluster], str] | None = None
    compared: bool = True
    limit_s: float = COMMAND_S


@dataclass(frozen=True, slots=True)
class Chapter:
    """Acts that belong together, in their order."""

    name: str
    acts: tuple[Act, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an act, and how long it took."""

    act: Act
    ended: Ended
    took_s: float

    @property
    def words(self) -> str:
        """Its output without what is another one in each run."""
        text = self.ended.output
        for pattern, word in _DRAWN:
            text = re.sub(pattern, word, text)
        return text


def perform(cluster: Cluster, act: Act) -> Outcome:
    """Let it happen, and look at what comes of it.

    Raises:
        BoxError: it is not what must come of it, or it hangs.
    """
    began = time.monotonic()
    if act.does is not None:
        ended = Ended(0, act.does(cluster))
    else:
        box = cluster.nodes[act.on - 1]
        ended = box.run(*shlex.split(act.words), typed=act.typed, limit_s=act.limit_s)
    outcome = Outcome(act, ended, time.monotonic() - began)
    for complaint in _complaints(act, ended):
        raise BoxError(f"{act.words}: {complaint}; it says:\n{ended.output}")
    return outcome


def _complaints(act: Act, ended: Ended) -> Iterable[str]:
    if ended.code != act.code:
        yield f"it exits with {ended.code}, not {act.code}"
    if re.search(act.shows, ended.output, re.MULTILINE) is None:
        yield f"it does not show {act.shows!r}"
    if act.lacks and re.search(act.lacks, ended.output, re.MULTILINE):
        yield f"it shows {act.lacks!r}"
