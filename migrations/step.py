"""What a migration step is."""

from collections.abc import Callable
from dataclasses import dataclass

from store.txn import WriteTxn

#: A body of a transaction: no I/O, no clock; may run twice, each time over the same old state.
Body = Callable[[WriteTxn], None]


@dataclass(frozen=True, slots=True)
class Irreversible:
    """Why a step has no way back; said to whoever asks for it."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The way from version `version - 1` to `version`, and back.

    Attributes:
        name: A few words, shown by `status`.
        up: Brings the rows to the new form. The runner sets the version in the same transaction.
        down: The way back, likewise.
        tables: Tables that `up` and `down` use. Those that do not exist are made before, outside
            the transaction; while empty, they mean nothing in any version.
    """

    version: int
    name: str
    up: Body
    down: Body | Irreversible
    tables: tuple[str, ...] = ()
