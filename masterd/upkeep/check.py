"""Compare the store with itself, and the files with the store."""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from exporter.layout import Layout
from exporter.rebuild import compare
from masterd.clock import SystemClock
from masterd.errors import ConfigurationError
from masterd.upkeep import place
from masterd.wconf import standing as standings
from masterd.wconf.repository import ConfigRepository
from store.check import PROBLEMS_MAX, check
from store.errors import StoreError, told
from store.schema import TABLES
from store.store import Store

DESCRIPTION = """\
Look whether the store agrees with itself (every row, every index, every number), and the files
with the store: config.data, object by object where another master has changed it, and the queue
directory. Changes nothing; ganeti-masterd may be running.

Exit status: 0 when all agree, 1 when something does not or cannot be read, 2 when the command
is not understood."""


def main() -> int:
    """Run the command with the process's arguments; return its exit code."""
    parser = argparse.ArgumentParser(
        description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    place.add_place(parser)
    parser.add_argument("--no-mirror", action="store_true", help="do not look at the files")
    parser.add_argument("--json", action="store_true", help="the result as one JSON object")
    options = parser.parse_args()
    data_dir = place.data_dir(parser, options)
    report = Report(options.json)
    try:
        store = Store.open(data_dir / "masterd-store", read_only=True, walk_all=True)
        try:
            bad = check_store(store, report)
            if not options.no_mirror:
                bad += check_config(store, data_dir / "config.data", report)
                bad += check_mirror(store, Layout(data_dir / "queue"), report)
        finally:
            store.close()
    except (StoreError, ConfigurationError, OSError) as error:
        print(f"{parser.prog}: {told(error)}", file=sys.stderr)
        report.end(ok=False, error=told(error))
        return 1
    report.end(ok=not bad)
    return 1 if bad else 0


class Report:
    """What was found: lines as soon as they are known, or one document in the end."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self.document: dict[str, Any] = {}

    def tell(self, *lines: object) -> None:
        """Print lines, unless a document is wanted."""
        if not self._as_json:
            for line in lines:
                print(line)

    def end(self, **values: object) -> None:
        """Print the document, if it is wanted."""
        if self._as_json:
            print(json.dumps({**values, **self.document}))


def check_store(store: Store, report: Report) -> int:
    """Tell what is wrong with the store; return how many things."""
    with store.snapshot() as txn:
        counts = {table.name: table.count(txn) for table in TABLES if table.name in txn.tables}
        problems = check(txn)
    more = "more than " if len(problems) > PROBLEMS_MAX else ""
    report.tell(
        *problems,
        "rows: " + ", ".join(f"{count} {name}" for name, count in counts.items()),
        f"store: {more}{min(len(problems), PROBLEMS_MAX)} problems",
    )
    report.document["store"] = {"rows": counts, "problems": [asdict(each) for each in problems]}
    return len(problems)


def check_config(store: Store, path: Path, report: Report) -> int:
    """Tell how a config.data that is not ours differs from the store; return in how much."""
    config = ConfigRepository(store, SystemClock())
    if config.is_empty():
        return 0
    standing = standings.look(config, path)
    if standing.is_ours:
        return 0
    found = list(standing.refused)
    if not found:
        ours = config.snapshot()
        found = list(standings.differences(ours, standings.read(path, ours.version)))
    report.tell(
        f"{path} is not what was last written, and differs from the store:",
        *(f"  {difference}" for difference in found),
        f"config.data: {len(found)} differences",
    )
    report.document["config"] = {"path": str(path), "differences": [str(each) for each in found]}
    return len(found)


def check_mirror(store: Store, layout: Layout, report: Report) -> int:
    """Tell which files differ from the store; return how many."""
    found = compare(store, layout)
    report.tell(
        *found.differences,
        *found.uncarried,
        f"mirror: {found.live} live and {found.archived} archived jobs, "
        f"{len(found.differences)} differences, {found.pending} still to be written, "
        f"{found.removed} without a file in the archive",
    )
    report.document["mirror"] = found.document()
    return len(found.differences) + len(found.uncarried)
