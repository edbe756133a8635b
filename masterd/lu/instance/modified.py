"""What came of a part of a modification, for its result and for the configuration."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from masterd.config.transaction import Draft
from masterd.instance.list_changes import Row as Row


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
