"""How a difference that stays is written down.

An entry that no run needs any more fails the tests, so that the lists only say what is true; what
depends on the order of a hash table, or on a name that is drawn, need not occur in each run.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.same_calls.matcher import Difference


@dataclass(frozen=True, slots=True)
class Justified:
    """A difference that stays.

    Attributes:
        title: opcode (without OP_) and name of the case, as a regular expression for its beginning.
        place: where, as a regular expression for all of the path; see `matcher.Difference`.
        reason: why ours does not do the same.
        theirs: what stands there at the reference, as a regular expression for a part of its repr.
        ours: what stands there at ours, likewise.
        by_chance: whether a run may do without it.
    """

    title: str
    place: str
    reason: str
    theirs: str = ""
    ours: str = ""
    by_chance: bool = False

    def fits(self, title: str, found: Difference) -> bool:
        """Tell whether a difference is this one."""
        return (
            re.match(self.title, title) is not None
            and re.fullmatch(self.place, found.place) is not None
            and re.search(self.theirs, repr(found.theirs)) is not None
            and re.search(self.ours, repr(found.ours)) is not None
        )


def exactly(value: object) -> str:
    """Return the regular expression for the whole repr of a value, in which some may stand."""
    if isinstance(value, re.Pattern):
        return str(value.pattern)
    parts: list[str] = []

    def text(inside: object) -> str:
        if isinstance(inside, re.Pattern):
            parts.append(inside.pattern)
            return f"\0{len(parts) - 1}\0"
        if isinstance(inside, dict):
            return "{" + ", ".join(f"{key!r}: {text(each)}" for key, each in inside.items()) + "}"
        if isinstance(inside, list):
            return "[" + ", ".join(map(text, inside)) + "]"
        return repr(inside)

    escaped = re.escape(text(value))
    return "^" + re.sub("\0([0-9]+)\0", lambda at: parts[int(at[1])], escaped) + "$"


def succeeds(
    title: str, reason: str, *, theirs: object, ours: object, log: object = None
) -> Iterator[Justified]:
    """Give the differences of a case whose opcode fails at the reference only.

    Args:
        theirs: its error there, compared whole.
        ours: its result here, compared whole.
        log: what it says here.
    """
    yield Justified(
        title, r"job\.(status|ops\[0\]\.status)", reason, exactly("error"), exactly("success")
    )
    yield Justified(title, r"job\.ops\[0\]\.result", reason, exactly(theirs), exactly(ours))
    if log is not None:
        yield Justified(title, r"job\.ops\[0\]\.log", reason, exactly([]), exactly(log))
