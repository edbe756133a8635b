"""The benchmark command: choose scenarios, run them, print figures beside their aims."""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.benchmarks import (
    calling,
    configuration,
    guests,
    locking,
    scenarios,
    scheduling,
    units,
)
from tests.benchmarks.figure import Figure, document, table

SCENARIOS: Final = {
    **scenarios.SCENARIOS,
    "changes": configuration.changes,
    "instances": configuration.instance_queries,
    "rendering": configuration.rendering,
    "calls": calling.calls,
    "guests": guests.guests,
    "many": guests.many,
    "locks": locking.locks,
    "stops": locking.stops,
    "scheduling": scheduling.scheduling,
    "units": units.units,
}

#: Lines of a profile that are shown.
PROFILE_LINES: Final = 25

DESCRIPTION: Final = """\
Measure the whole daemon: a process of its own, its store and files in the temporary directory
($TMPDIR), three simulated master candidates with replication on, clients in another process.
Where a figure misses its aim, its scenario runs once more under a sampling profiler, and the
profile is shown. A scenario that fails is told, and the others are measured all the same.

Exit status: 0 when everything was measured, 1 when a scenario failed, 2 when the command is not
understood."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code: 0 also where aims are missed, 1 after a failure."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.list:
        for name, scenario in SCENARIOS.items():
            print(f"{name:12} {scenario.__doc__}")
        return 0
    unknown = [name for name in options.scenario if name not in SCENARIOS]
    if unknown:
        parser.error(f"no such scenario: {', '.join(unknown)}; see --list")
    figures: list[Figure] = []
    profiles: dict[str, str] = {}
    failures: dict[str, str] = {}
    begun = time.monotonic()
    for name in options.scenario or SCENARIOS:
        print(f"{name} ...", file=sys.stderr, flush=True)
        try:
            found = SCENARIOS[name](options.quick)
            figures += found
            missed = any(figure.reached is False for figure in found)
            if options.profile or (missed and not options.quick):
                profiles[name] = profile(name, options.quick)
        except Exception as error:  # noqa: BLE001 - the others' figures are wanted all the same
            traceback.print_exc()
            failures[name] = f"{type(error).__name__}: {error}"
    where = place()
    print(f"{where}; took {time.monotonic() - begun:.0f} s")
    print(table(figures))
    for name, text in profiles.items():
        print(f"\nprofile of {name}:\n{text}")
    for name, text in failures.items():
        print(f"bench: {name} failed: {text}", file=sys.stderr)
    if options.json:
        report = {
            "where": where,
            "figures": document(figures),
            "profiles": profiles,
            "failures": failures,
        }
        Path(options.json).write_text(json.dumps(report, indent=1) + "\n")
    return 1 if failures else 0


def profile(name: str, quick: bool) -> str:
    """Run a scenario with the daemon under a profiler; return the top of the profile."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "profile"
        scenarios.how_to_run[:] = ["tests.benchmarks.profiled", str(path)]
        try:
            SCENARIOS[name](quick)
        finally:
            scenarios.how_to_run[:] = ["masterd"]
        if not path.exists():
            return "(no daemon runs in this scenario)"
        return "\n".join(path.read_text().splitlines()[:PROFILE_LINES])


def place() -> str:
    """Return on what was measured."""
    directory = tempfile.gettempdir()
    told = subprocess.run(
        ["stat", "--file-system", "--format=%T", directory],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    return (
        f"Python {platform.python_version()}, {os.cpu_count()} processors, "
        f"{directory} on {told or 'an unknown file system'}"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bench",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("scenario", nargs="*", help="what to run (default: everything)")
    parser.add_argument("--list", action="store_true", help="list the scenarios")
    parser.add_argument("--quick", action="store_true", help="small numbers, to see that it works")
    parser.add_argument("--profile", action="store_true", help="show a profile of each scenario")
    parser.add_argument("--json", metavar="FILE", help="write the figures to FILE as well")
    return parser


if __name__ == "__main__":
    sys.exit(main())
