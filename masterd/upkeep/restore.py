"""Bring back a store from a file that a dump wrote."""

import argparse
import sys
from pathlib import Path

from masterd.clock import SystemClock
from masterd.upkeep import place
from store.errors import StoreBusy, StoreError
from store.load import load

DESCRIPTION = """\
Make the store from FILE, which a dump wrote. ganeti-masterd must not be running.

FILE is verified first, whole; then the new store is built beside, checked against itself, and
put in its place. Where there is a store already it is left alone, unless --replace is given:
then it is kept beside under a name with the date.

Where config.data and the queue directory hold what came after the dump, the daemon does not start
on the restored store until it is told what counts: with --keep-store it puts these files aside and
writes all anew from the store (what came after the dump is lost), with --adopt-files it takes them
over and puts the restored store aside. Where they are gone too, they are written anew, and job ids
that were given out after the dump are given out again.

Exit status: 0 when it was restored, 1 when nothing was changed, 2 when the command is not
understood."""


def main() -> int:
    """Run the command with the process's arguments; return its exit code."""
    parser = argparse.ArgumentParser(
        description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    place.add_place(parser)
    parser.add_argument("--replace", action="store_true", help="put the store that is there aside")
    parser.add_argument("file", metavar="FILE", type=Path, help="what a dump wrote")
    options = parser.parse_args()
    data_dir = place.data_dir(parser, options)
    if not data_dir.is_dir():
        print(f"{parser.prog}: there is no directory {data_dir}", file=sys.stderr)
        return 1
    try:
        with options.file.open("rb") as stream:
            done = load(
                stream,
                data_dir / "masterd-store",
                now_us=SystemClock().now_us(),
                replace=options.replace,
            )
    except StoreBusy as error:
        print(f"{parser.prog}: {error}; stop ganeti-masterd first", file=sys.stderr)
        return 1
    except (StoreError, OSError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1
    print(f"restored {sum(done.counts.values())} rows, dumped by {done.header.software}")
    if done.aside is not None:
        print(f"the store that was there is in {done.aside}")
    if not done.header.with_secrets:
        print("the dump was made without secrets: private and secret OS parameters and the secrets")
        print("of DRBD disks read <redacted> now, and have to be set again where they are needed")
    return 0
