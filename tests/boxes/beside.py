"""The tour with Debian's daemons and with ours, side by side: words, exit codes, times, figures."""

import difflib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.boxes import figures, installation, tour
from tests.boxes.act import Chapter, Outcome
from tests.boxes.cluster import Cluster
from tests.boxes.figures import Figure

#: Lines of one difference that are shown.
_LINES_MAX: Final = 12


@dataclass(frozen=True, slots=True)
class Toured:
    """A tour that ended well: what came of each act, and what was measured on the way."""

    outcomes: tuple[Outcome, ...]
    figures: tuple[Figure, ...]

    @property
    def took_s(self) -> float:
        """Seconds that all acts took."""
        return sum(each.took_s for each in self.outcomes)


def take(
    cluster: Cluster,
    package: Path | None,
    say: Callable[[str], None],
    *,
    chapters: Sequence[Chapter],
    measuring: bool,
) -> Toured:
    """Take the tour on boxes that belong to no cluster yet.

    Args:
        package: the file of our package in every box; None for Debian's daemons.
        say: is told what is done.
        chapters: those that are played; the first makes a cluster.
        measuring: take figures on the cluster once it is made.

    Raises:
        BoxError: something is not as it must be.
    """
    if package is not None:
        for box in cluster.nodes:
            installation.install(box, package)
    outcomes: list[Outcome] = []
    measured: list[Figure] = []
    for chapter in chapters:
        outcomes += tour.play(cluster, chapter, say)
        if measuring and not measured:
            measured += figures.measure(cluster, say)
    return Toured(tuple(outcomes), tuple(measured))


def table(stock: Toured, ours: Toured) -> Iterator[str]:
    """Yield the lines that show both side by side."""
    yield f"{'':58} {'code':>9} {'seconds':>15} words"
    yield f"{'':58} {'stock ours':>9} {'stock':>8} {'ours':>5}"
    pairs = list(zip(stock.outcomes, ours.outcomes, strict=True))
    for theirs, own in pairs:
        words = "same" if _same(theirs, own) else "differ"
        yield (
            f"{own.act.words[:58]:58} {theirs.ended.code:>5} {own.ended.code:>4}"
            f" {theirs.took_s:8.1f} {own.took_s:5.1f} {words}"
        )
    yield f"{'all acts':58} {'':10} {stock.took_s:8.1f} {ours.took_s:5.1f}"
    yield ""
    yield from _figures(stock.figures, ours.figures)
    yield ""
    for theirs, own in pairs:
        if not _same(theirs, own):
            yield f"$ {own.act.words}"
            yield from _difference(theirs.words, own.words)


def _same(theirs: Outcome, own: Outcome) -> bool:
    return not own.act.compared or theirs.words == own.words


def _figures(stock: Sequence[Figure], ours: Sequence[Figure]) -> Iterator[str]:
    for theirs, own in zip(stock, ours, strict=True):
        yield (
            f"{own.name:58} stock {theirs.value:8.2f} {own.unit}, ours {own.value:8.2f} {own.unit}"
            f" ({theirs.value / own.value:.1f} times)"
        )


def _difference(theirs: str, own: str) -> Iterator[str]:
    lines = list(difflib.unified_diff(theirs.splitlines(), own.splitlines(), lineterm="", n=0))[2:]
    for line in lines[:_LINES_MAX]:
        if not line.startswith("@@"):
            yield f"    {line}"
    if len(lines) > _LINES_MAX:
        yield f"    ... and {len(lines) - _LINES_MAX} lines more"
