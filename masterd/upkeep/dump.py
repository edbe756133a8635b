"""Write the whole store into one file."""

import argparse
import io
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import masterd
from masterd.clock import SystemClock
from masterd.upkeep import place
from store.dump import dump, write_file
from store.errors import StoreError, told
from store.store import Store
from store.textdump import textdump
from store.txn import ReadTxn

DESCRIPTION = """\
Write the store, as one snapshot, into FILE: a CBOR sequence that a restore brings back
(its form: store/FORMAT.md). ganeti-masterd may be running; what it changes meanwhile is not in
the file.

FILE appears, readable by its owner alone, only once it is whole and on the disk; a file of that
name is replaced. What mirrors still have to do is left out.

Exit status: 0 when it was written, 1 when something failed, 2 when the command is not
understood."""


def main() -> int:
    """Run the command with the process's arguments; return its exit code."""
    parser = argparse.ArgumentParser(
        description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    place.add_place(parser)
    parser.add_argument(
        "--with-secrets",
        action="store_true",
        help="keep private and secret OS parameters and the secrets of DRBD disks; without it they "
        "are replaced, and a restored cluster has to be given them anew",
    )
    parser.add_argument(
        "--text",
        action="store_true",
        help="one JSON object per line, for reading; it cannot be brought back",
    )
    parser.add_argument("file", metavar="FILE", help="where to; - for standard output")
    options = parser.parse_args()
    if options.file == "-" and not options.text and sys.stdout.isatty():
        parser.error("a dump is no text; use --text, or send it into a file")
    data_dir = place.data_dir(parser, options)
    try:
        store = Store.open(data_dir / "masterd-store", read_only=True, walk_all=True)
        try:
            with store.snapshot() as txn:
                rows = write(options, txn)
        finally:
            store.close()
    except BrokenPipeError:
        # Whoever read has seen enough; Python must not complain once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (StoreError, OSError) as error:
        print(f"{parser.prog}: {told(error)}", file=sys.stderr)
        return 1
    secrets = "with its secrets" if options.with_secrets else "without secrets"
    print(f"{parser.prog}: {rows} rows, {secrets}", file=sys.stderr)
    return 0


def write(options: argparse.Namespace, txn: ReadTxn) -> int:
    """Write what was asked for to where it was asked; return how many rows."""
    job = partial(
        fill_text if options.text else fill,
        txn,
        software=f"ganeti-masterd {masterd.__version__}",
        created_us=SystemClock().now_us(),
        with_secrets=options.with_secrets,
    )
    if options.file != "-":
        return write_file(Path(options.file), job)
    rows = job(sys.stdout.buffer)
    sys.stdout.buffer.flush()
    return rows


def fill(txn: ReadTxn, stream: BinaryIO, **facts: Any) -> int:
    return sum(dump(txn, stream, **facts).values())


def fill_text(txn: ReadTxn, stream: BinaryIO, **facts: Any) -> int:
    text = io.TextIOWrapper(stream, encoding="utf-8", errors="backslashreplace")
    try:
        return textdump(txn, text, **facts)
    finally:
        text.detach()
