"""Short-lived read transactions.

A snapshot sees the last commit as it was when it began, and never a part of one. It costs a few
microseconds; while it is open, LMDB cannot reuse the pages that newer commits gave up, so it must
be short: no greenlet switch inside, no waiting. Any thread may take one.
"""

from types import TracebackType

from store.env import Environment
from store.errors import StoreDamaged
from store.txn import ReadTxn


class Snapshot:
    """A context manager that begins a read transaction and ends it; to be used once."""

    __slots__ = ("_environment", "_raw")

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def __enter__(self) -> ReadTxn:
        self._raw = self._environment.begin_read()
        environment = self._environment
        return ReadTxn(self._raw, environment.handles, sealed=environment.sealed)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._environment.end_read(self._raw)
        if isinstance(error, StoreDamaged):
            self._environment.note_damage(error)
