"""The mirror's command: `python -m exporter catch-up | rebuild | compare`.

Exit codes: 0 when the mirror is as the store has it, 1 when something differs or failed, 2 when the
command is not understood.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from exporter.layout import Layout
from exporter.rebuild import Difference, catch_up, compare, rebuild
from store.errors import StoreBusy, StoreError
from store.store import Store

DATA_DIR: Final = Path("var/lib/ganeti")
QUEUE: Final = "queue"
STORE: Final = "masterd-store"

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
        store = Store.open(data_dir / STORE, read_only=options.action == "compare")
        try:
            return _run(options, store, layout)
        finally:
            store.close()
    except StoreBusy as error:
        print(f"{error}; stop ganeti-masterd first", file=sys.stderr)
    except (StoreError, OSError) as error:
        print(f"exporter: {error}", file=sys.stderr)
    return 1


def _run(options: argparse.Namespace, store: Store, layout: Layout) -> int:
    if options.action == "catch-up":
        print(f"{catch_up(store, layout)} changes caught up")
        return 0
    if options.action == "rebuild":
        done = rebuild(store, layout, archive=options.archive)
        _tell(done.before)
        print(
            f"rebuilt: {len(done.before)} differences before, {len(done.left)} left; "
            f"{done.archived} archived files written"
        )
        return 1 if done.left else 0
    found = compare(store, layout)
    _tell(found.differences)
    print(
        f"{found.live} live and {found.archived} archived jobs: "
        f"{len(found.differences)} differences, {found.pending} still to be written, "
        f"{found.removed} without a file in the archive"
    )
    return 1 if found.differences else 0


def _tell(differences: Sequence[Difference]) -> None:
    for difference in differences:
        print(difference)


def _layout(queue_dir: Path) -> Layout:
    """Return the layout; what root writes gets the owner that the directory has."""
    try:
        status = queue_dir.stat()
    except FileNotFoundError:
        return Layout(queue_dir)
    return Layout(queue_dir, (status.st_uid, status.st_gid) if os.geteuid() == 0 else None)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m exporter",
        description="Work on the mirror of the job queue: the files in the queue directory.",
        epilog="; ".join(f"{name}: {text}" for name, text in _ACTIONS.items()) + ".",
    )
    parser.add_argument("action", choices=_ACTIONS)
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
    return parser


if __name__ == "__main__":
    sys.exit(main())
