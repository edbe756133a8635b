"""Numbers that only rise: job ids, outbox sequence, configuration serial.

The row keeps the last number given out. A number taken by a body that is undone is given out again,
because it was never told to anybody.
"""

from store.schema import SERIALS
from store.txn import ReadTxn, WriteTxn


def next(txn: WriteTxn, name: str, count: int = 1) -> int:
    """Take `count` numbers in a row; return the first. Counting starts at 1."""
    assert count > 0, count
    last = SERIALS.get(txn, name) or 0
    SERIALS.put(txn, name, last + count)
    return last + 1


def last(txn: ReadTxn, name: str) -> int:
    """Return the last number given out; 0 before the first."""
    return SERIALS.get(txn, name) or 0


def raise_to(txn: WriteTxn, name: str, at_least: int) -> int:
    """Make sure that numbers up to `at_least` are never given out; return the last number now."""
    value = max(SERIALS.get(txn, name) or 0, at_least)
    SERIALS.put(txn, name, value)
    return value
