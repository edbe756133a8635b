"""The mirror's command: `ganeti-exporter catch-up | rebuild | compare`.

Exit codes: 0 when the mirror is as the store has it, 1 when something differs or failed, 2 when the
command is not understood.
"""

import argparse
import dataclasses
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from exporter.candidates import candidates
from exporter.layout import Layout
from exporter.rebuild import catch_up, compare, documents_of, rebuild
from store.errors import StoreBusy, StoreError, told
from store.store import Store

DATA_DIR: Final = Path("var/lib/ganeti")
QUEUE: Final = "queue"
STORE: Final = "masterd-store"

PROGRAM: Final = "ganeti-exporter"

DESCRIPTION: Final = """\
Work on the mirror of the job queue: the files in the queue directory.

Exit status: 0 when the mirror is as the store has it, 1 when something differs or failed, 2 when
the command is not understood."""

_ACTIONS: Final = {
    "catch-up": "do what the store says is still to be done (no daemon may run)",
    "rebuild": "write the whole mirror anew (no daemon may run)",
    "compare": "look whether files and store agree; changes nothing (a daemon may run)",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    options = _parser().parse_args(arguments)
    data_dir = options.data_dir or options.root / DATA_DIR
    layout = _layout(data_dir / QUEUE)
    try:
        # On the wrong machine there is none, and none must appear.
        store = Store.open(data_dir / STORE, read_only=options.action == "compare", make=False)
        try:
            return _run(options, store, layout)
        finally:
            store.close()
    except StoreBusy as error:
        return _failed(options, f"{error}; stop ganeti-masterd first")
    except (StoreError, OSError) as error:
        return _failed(options, told(error))


def _failed(options: argparse.Namespace, text: str) -> int:
    print(f"{PROGRAM}: {text}", file=sys.stderr)
    if options.json:
        print(json.dumps({"ok": False, "error": text}))
    return 1


def _run(options: argparse.Namespace, store: Store, layout: Layout) -> int:
    if options.action == "catch-up":
        changes = catch_up(store, layout)
        _tell(options, [f"{changes} changes caught up"], {"ok": True, "changes": changes})
        return 0
    if options.action == "rebuild":
        done = rebuild(store, layout, archive=options.archive)
        summary = (
            f"rebuilt: {len(done.before)} differences before, {len(done.left)} left; "
            f"{done.archived} archived files written"
        )
        document = {
            "ok": not done.left,
            "before": documents_of(done.before),
            "left": documents_of(done.left),
            "archived": done.archived,
        }
        _tell(options, [*done.before, summary], document)
        return 1 if done.left else 0
    found = compare(store, layout)
    away = candidates(store)
    summary = (
        f"{found.live} live and {found.archived} archived jobs: "
        f"{len(found.differences)} differences, {found.pending} still to be written, "
        f"{found.removed} without a file in the archive"
    )
    document = {
        "ok": not (found.differences or found.uncarried),
        **found.document(),
        "candidates": [dataclasses.asdict(candidate) for candidate in away],
    }
    _tell(options, [*found.differences, *found.uncarried, summary, *away], document)
    return 1 if found.differences or found.uncarried else 0


def _tell(options: argparse.Namespace, lines: Sequence[object], document: object) -> None:
    if options.json:
        print(json.dumps(document))
    else:
        print(*lines, sep="\n")


def _layout(queue_dir: Path) -> Layout:
    """Return the layout; what root writes gets the owner that the directory has."""
    try:
        status = queue_dir.stat()
    except FileNotFoundError:
        return Layout(queue_dir)
    return Layout(queue_dir, (status.st_uid, status.st_gid) if os.geteuid() == 0 else None)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description=DESCRIPTION,
        epilog="\n".join(("commands:", *(f"  {name:9} {what}" for name, what in _ACTIONS.items()))),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("action", choices=_ACTIONS, metavar="COMMAND", help="what to do, see below")
    place = parser.add_mutually_exclusive_group()
    place.add_argument(
        "--root",
        type=Path,
        default=Path(os.environ.get("GANETI_ROOTDIR") or "/"),
        help="the node's root directory (default: $GANETI_ROOTDIR, or /)",
    )
    place.add_argument(
        "--data-dir", type=Path, help="Ganeti's data directory (default: ROOT/var/lib/ganeti)"
    )
    parser.add_argument(
        "--archive",
        action="store_true",
        help="with rebuild: also write files that are missing in the archive",
    )
    parser.add_argument("--json", action="store_true", help="the result as one JSON object")
    return parser


if __name__ == "__main__":
    sys.exit(main())
