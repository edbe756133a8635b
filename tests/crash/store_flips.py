"""One byte of a store's file changed after the other: what is in it comes out, or it is refused.

A small store is made once. For each place its byte is changed, the store is opened and read as a
starting daemon does, and put right again. It counts as a failure when something else comes out than
went in, or when anything but `StoreError` or `OSError` is raised; a crash ends the process, and
whoever started it sees where.

By hand, every byte in two ways (some 20 minutes): `python -m tests.crash.store_flips --all`.
"""

import argparse
import os
import random
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from store import schema, verify
from store.env import DATA_FILE
from store.errors import StoreError
from store.store import Store
from tests.store_support import fill

#: How a byte is changed: its lowest bit, its highest, all bits.
FLIPS: Final = (0x01, 0x80, 0xFF)

PAGE_BYTES: Final = 4096
#: Bytes at the beginning of each page that are always tried: its header and first pointers.
HEAD_BYTES: Final = 24
#: The same of the meta pages.
META_BYTES: Final = 160

Content = dict[str, list[tuple[bytes, bytes]]]


def make(path: Path) -> None:
    """Make the store whose bytes are changed. Switches."""
    store = Store.open(path)
    fill(store)
    store.close()


def read(path: Path) -> Content:
    """Return all rows of a store, read as a start does.

    Raises:
        StoreError: it is damaged.
    """
    store = Store.open(path, read_only=True)
    try:
        with store.snapshot() as txn:
            flaws = verify.rows(txn, schema.TABLES)
            if flaws:
                raise StoreError(flaws[0])
            return {
                table.name: list(txn.items_raw(table.name, None, None, False))
                for table in schema.TABLES
            }
    finally:
        store.close()


def places(size: int, chosen: int, seed: int) -> list[int]:
    """Return places in a file: every byte that leads LMDB, and as many more as `chosen`."""
    heads = {
        page + offset
        for page in range(0, size, PAGE_BYTES)
        for offset in range(META_BYTES if page < 2 * PAGE_BYTES else HEAD_BYTES)
    }
    others = random.Random(seed).sample(range(size), min(chosen, size))
    return sorted(heads | set(others))


def run(path: Path, wanted: Iterable[int], flips: Sequence[int]) -> Iterator[str]:
    """Change the bytes at these places, in these ways; yield each failure.

    Progress goes to standard error, so that a crash tells where.
    """
    right = read(path)
    descriptor = os.open(path / DATA_FILE, os.O_RDWR)
    refused = tried = 0
    try:
        for place in wanted:
            (before,) = os.pread(descriptor, 1, place)
            for flip in flips:
                print(f"\rbyte {place} ^ {flip:#x} ", end="", file=sys.stderr)
                os.pwrite(descriptor, bytes([before ^ flip]), place)
                tried += 1
                try:
                    if read(path) != right:
                        yield f"byte {place} ^ {flip:#x}: something else came out"
                except (StoreError, OSError):
                    refused += 1
                except Exception as error:  # noqa: BLE001 # that is what is looked for
                    yield f"byte {place} ^ {flip:#x}: {type(error).__name__}: {error}"
            os.pwrite(descriptor, bytes([before]), place)
    finally:
        os.close(descriptor)
    assert read(path) == right
    print(f"\n{tried} changes, {refused} refused", file=sys.stderr)


def main() -> int:
    """Carry out the command; return its exit code."""
    parser = argparse.ArgumentParser(description="Change bytes of a store and read it.")
    parser.add_argument("--all", action="store_true", help="every byte, not a sample")
    parser.add_argument("--chosen", type=int, default=400, metavar="N", help="bytes of the sample")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32), metavar="N")
    parser.add_argument("--from", dest="start", type=int, default=0, help="first byte to try")
    options = parser.parse_args()
    print(f"seed {options.seed}")
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "store"
        make(path)
        size = (path / DATA_FILE).stat().st_size
        everything: Sequence[int] = range(size)
        wanted = everything if options.all else places(size, options.chosen, options.seed)
        failures = 0
        for failure in run(path, [each for each in wanted if each >= options.start], FLIPS):
            failures += 1
            print(failure, flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    from gevent import monkey

    monkey.patch_all()
    sys.exit(main())
