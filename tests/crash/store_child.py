"""A process that changes a store and tells what it is sure of, until it is killed.

Run as `python -m tests.crash.store_child PATH`. Each line on standard output is the number of a
group of rows that was told to be durable; a group is one body, so it is there whole or not at all.
"""

import os
import sys
from pathlib import Path

import gevent

from store import outbox, schema, serials
from store.store import Store
from store.txn import WriteTxn

#: Greenlets, and groups of each.
CALLERS = 4
GROUPS = 25


def body(txn: WriteTxn) -> int:
    """Write one group: a number, its two rows and its outbox entry."""
    number = serials.next(txn, "config")
    schema.META.put(txn, f"group-{number:05}-a", number)
    schema.META.put(txn, f"group-{number:05}-b", number)
    outbox.append(txn, outbox.CONFIG, number)
    return number


def tell(number: int) -> None:
    """Say that a group is durable, past any buffer that dies with the process."""
    os.write(1, b"%d\n" % number)


def main() -> None:
    """Write groups from several greenlets at once."""
    store = Store.open(Path(sys.argv[1]))

    def caller() -> None:
        for _ in range(GROUPS):
            tell(store.update(body))

    gevent.joinall([gevent.spawn(caller) for _ in range(CALLERS)], raise_error=True)
    store.close()


if __name__ == "__main__":
    main()
