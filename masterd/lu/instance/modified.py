"""What came of a part of a modification, for its result and for the configuration."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from masterd.config.transaction import Draft

#: A parameter and its new value.
Row: TypeAlias = tuple[str, object]


def no_change(draft: Draft) -> None:
    """Change nothing."""


@dataclass(frozen=True, slots=True)
class Modified:
    """What a part did.

    Attributes:
        rows: of the result, in order.
        enter: puts what is not in the configuration yet there; called with all else that changes.
    """

    rows: Sequence[Row] = ()
    enter: Callable[[Draft], None] = no_change
