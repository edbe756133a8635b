"""Reading every row once, so that a damaged one is known before it is asked for.

A store whose pages were walked at its opening (`verify`) is read here, at once. One that is larger
is read by a process of its own, `python -m store.reading PATH PART`: LMDB may end that process
when pages are not as it left them, and the daemon learns of it. Live tables are read before
anybody is served; the archive, which may take long, meanwhile.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from store import schema, verify
from store.errors import StoreError
from store.store import Store
from store.table import Table

LIVE: Final = "live"
ARCHIVE: Final = "archive"
_PARTS: Final[Mapping[str, Sequence[Table[Any, Any]]]] = {
    LIVE: tuple(table for table in schema.TABLES if table is not schema.ARCHIVE),
    ARCHIVE: (schema.ARCHIVE,),
}

#: What the archive's reader leaves of the machine to everybody else.
_NICENESS: Final = 19


def flaws(store: Store) -> list[str]:
    """Return what in an open store cannot be read, a text for each. Switches.

    Of a large one without its archive, which `flaws_of_archive` looks at.

    Raises:
        OSError: no process can be made.
    """
    if not store.walked:
        return _read_apart(store.path, LIVE)
    with store.snapshot() as txn:
        return verify.rows(txn, schema.TABLES)


def flaws_of_archive(store: Store) -> list[str]:
    """Return what in the archive of a large store cannot be read. Switches.

    Raises:
        OSError: no process can be made.
    """
    return [] if store.walked else _read_apart(store.path, ARCHIVE)


def _read_apart(path: Path, part: str) -> list[str]:
    process = subprocess.Popen(
        [sys.executable, "-I", "-m", "store.reading", str(path), part],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        output, _ = process.communicate()
    finally:
        # Whoever waits may be ended.
        if process.poll() is None:
            process.kill()
    try:
        found: list[str] = json.loads(output)
    except ValueError:
        return [f"reading its {part} part ended a process with {process.returncode}"]
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Read a part of a store and print the texts of what is wrong, as a JSON list."""
    parser = argparse.ArgumentParser(prog="python -m store.reading")
    parser.add_argument("path", type=Path)
    parser.add_argument("part", choices=_PARTS)
    options = parser.parse_args(arguments)
    if options.part == ARCHIVE:
        os.nice(_NICENESS)
    try:
        store = Store.open(options.path, read_only=True)
        try:
            with store.snapshot() as txn:
                found = verify.rows(txn, _PARTS[options.part])
        finally:
            store.close()
    except (StoreError, OSError) as error:
        found = [str(error)]
    print(json.dumps(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
