"""A measured number beside what was aimed at."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the report.

    Attributes:
        scenario: Where it was measured.
        name: What it is, with its conditions.
        value: What was measured.
        unit: Of the value and the aim; `x` is a ratio of two measurements of this run.
        aim: What it should be; None where nothing was promised.
        most: Whether the aim is the most it may be, not the least.
        note: How it came about, where that is not plain.
    """

    scenario: str
    name: str
    value: float
    unit: str
    aim: float | None = None
    most: bool = False
    note: str = ""

    @property
    def reached(self) -> bool | None:
        """Whether the aim is reached; None without one."""
        if self.aim is None:
            return None
        return self.value <= self.aim if self.most else self.value >= self.aim


def document(figures: Sequence[Figure]) -> list[dict[str, object]]:
    """Return the figures as JSON values."""
    return [{**asdict(figure), "reached": figure.reached} for figure in figures]


def table(figures: Sequence[Figure]) -> str:
    """Return an aligned table."""
    rows = [("figure", "measured", "aim", "", "")]
    for each in figures:
        aim = "" if each.aim is None else f"{'<' if each.most else '>='} {_number(each.aim)}"
        verdict = {True: "reached", False: "NOT reached", None: ""}[each.reached]
        measured = f"{_number(each.value)} {each.unit}"
        rows.append((f"{each.scenario}: {each.name}", measured, aim, verdict, each.note))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join(
        "  ".join(
            (
                row[0].ljust(widths[0]),
                row[1].rjust(widths[1]),
                row[2].rjust(widths[2]),
                row[3].ljust(widths[3]),
                row[4],
            )
        ).rstrip()
        for row in rows
    )


def _number(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
