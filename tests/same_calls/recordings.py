"""What the reference did in earlier runs, kept so that ours can be compared with it at any time.

`recorded/<opcode>.jsonl.xz` has a line for the whole and then one for each case. A recording holds
for the case as it was and for the package that was installed; where one of them has changed, the
reference is asked again. `SAME_CALLS=record` keeps anew what it then does.
"""

import hashlib
import json
import lzma
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec

from masterd.testing import faults
from masterd.testing.script import Asked
from tests.same_calls.case import Case
from tests.same_calls.matcher import Span
from tests.same_calls.sides import FaultAt, Outcome

_DIRECTORY: Final = Path(__file__).parent / "recorded"

#: Whose behaviour it is.
_PACKAGE: Final = "ganeti"

#: All runs of an opcode resemble each other: the more of them are seen at once, the smaller it is.
_FILTERS: Final = [{"id": lzma.FILTER_LZMA2, "preset": 4, "dict_size": 64 * 1024 * 1024}]


@dataclass(frozen=True, slots=True)
class Run:
    """What the reference did once.

    Attributes:
        at: which call failed; None where all went well.
        outcome: what it did.
        span: between which times.
    """

    at: FaultAt | None
    outcome: Outcome
    span: Span


@dataclass
class Recorder:
    """Collects the runs of an opcode's cases."""

    op_id: str
    _lines: list[bytes] = field(default_factory=list)

    def add(self, case: Case, runs: Sequence[Run]) -> None:
        """Keep what the reference did in a case."""
        line = {"key": key(case), "runs": [_dumped(run) for run in runs]}
        self._lines.append(msgspec.json.encode(line))

    def write(self) -> None:
        """Put it in the place of what was recorded before."""
        path = _path(self.op_id)
        path.parent.mkdir(exist_ok=True)
        with lzma.open(path, "wb", format=lzma.FORMAT_XZ, filters=_FILTERS) as file:
            file.write(b"%s\n" % msgspec.json.encode({"package": _package()}))
            file.writelines(b"%s\n" % line for line in self._lines)


class _Line(msgspec.Struct):
    """What is kept of a case; its runs are not read before they are wanted."""

    key: str
    runs: msgspec.Raw


class Recorded:
    """What was recorded of an opcode, where it holds still."""

    def __init__(self, op_id: str) -> None:
        """Read it."""
        self._runs = {line.key: line.runs for line in _lines(_path(op_id))}

    def runs(self, case: Case) -> list[Run] | None:
        """Return what the reference did in a case, None if that is not known."""
        found = self._runs.get(key(case))
        return None if found is None else list(map(_loaded, msgspec.json.decode(found)))


def key(case: Case) -> str:
    """Return what stands for all of a case that the reference sees."""
    seen = [case.ops, case.document(), case.answers, case.failing, case.mended, case.instead]
    return hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()


def _lines(path: Path) -> Iterator[_Line]:
    if not path.exists():
        return
    with lzma.open(path) as file:
        if msgspec.json.decode(file.readline())["package"] == _package():
            for line in file:
                yield msgspec.json.decode(line, type=_Line)


def _path(op_id: str) -> Path:
    return _DIRECTORY / f"{op_id.removeprefix('OP_').lower()}.jsonl.xz"


@cache
def _package() -> str:
    """Return name and version of the package that is installed."""
    asked = ["dpkg-query", "--show", _PACKAGE]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()


def _dumped(run: Run) -> dict[str, Any]:
    outcome = run.outcome
    return {
        "at": run.at and [run.at.node, faults.dump([run.at.fault])],
        "span": [run.span.from_s, run.span.until_s],
        "job": outcome.job,
        "submitted": outcome.submitted,
        "asked": [[each.node, each.call, each.arguments] for each in outcome.asked],
        "config": outcome.config,
        "copies": outcome.copies,
    }


def _loaded(told: Any) -> Run:
    at = None
    if told["at"] is not None:
        node, plan = told["at"]
        (fault,) = faults.load(plan)
        at = FaultAt(node, fault)
    outcome = Outcome(
        told["job"],
        told["submitted"],
        [Asked(*each) for each in told["asked"]],
        told["config"],
        told["copies"],
    )
    return Run(at, outcome, Span(*told["span"]))
