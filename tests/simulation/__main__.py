"""Command `scripts/simulate`: run seeds, and say what went wrong with which."""

import argparse
import multiprocessing
import os
import secrets
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Final

from tests.simulation.plants import PLANTS
from tests.simulation.run import STEPS, Report, simulate

#: The order of sets must not differ from run to run.
_HASH_SEED: Final = "PYTHONHASHSEED"
#: Fresh seeds are below this.
_FRESH_BELOW: Final = 10**9


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for; return 1 if anything was found."""
    if os.environ.get(_HASH_SEED) != "0":
        os.environ[_HASH_SEED] = "0"
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
    options = _parser().parse_args(arguments)
    if options.seed is not None:
        return _show(options)
    fresh = [secrets.randbelow(_FRESH_BELOW) for _ in range(options.fresh)]
    if fresh:
        print("fresh seeds:", *fresh, flush=True)
    seeds = [*fresh, *range(options.first, options.first + options.seeds)]
    began_s = time.monotonic()
    bad = count = 0
    for report in islice(_bounded(options, seeds, began_s), len(seeds)):
        count += 1
        if options.digests:
            print(f"seed {report.seed}: {report.digest}")
        if report.violation:
            bad += 1
            print(f"seed {report.seed}: {report.violation}", flush=True)
            if options.first_only:
                break
    print(f"{count} seeds in {time.monotonic() - began_s:.0f} s, {bad} with violations")
    if bad:
        print("scripts/simulate --seed SEED shows what happened in one")
    return 1 if bad else 0


def _bounded(options: argparse.Namespace, seeds: Sequence[int], began_s: float) -> Iterator[Report]:
    """Yield reports until the time is over, but not before there are enough of them."""
    run = partial(_one, steps=options.steps, plant=options.plant)
    with _mapped(options.processes) as pool:
        results: Iterable[Report] = map(run, seeds)
        if pool is not None:
            results = pool.imap_unordered(run, seeds, chunksize=4)
        for count, report in enumerate(results, 1):
            yield report
            over = time.monotonic() - began_s > options.seconds
            if over and count >= options.minimum:
                return


def _mapped(processes: int) -> "_Pool":
    return _Pool(processes)


class _Pool:
    """Some processes, or none: then everything happens in this one."""

    def __init__(self, processes: int) -> None:
        self._pool = None
        if processes > 1:
            self._pool = multiprocessing.get_context("spawn").Pool(processes)

    def __enter__(self):  # type: ignore[no-untyped-def]  # the type has no public name
        return self._pool

    def __exit__(self, *_error: object) -> None:
        if self._pool is not None:
            self._pool.terminate()
            self._pool.join()


def _one(seed: int, *, steps: int, plant: str | None) -> Report:
    report = simulate(seed, steps=steps, plant=None if plant is None else PLANTS[plant])
    return replace(report, trace=())


def _show(options: argparse.Namespace) -> int:
    """Print all that happened in one seed."""
    plant = None if options.plant is None else PLANTS[options.plant]
    report = simulate(options.seed, steps=options.steps, plant=plant)
    print(*report.trace, sep="\n")
    print(
        f"seed {report.seed}: {report.steps} steps, {report.lives} lives of the daemon,"
        f" digest {report.digest}: {report.violation or 'nothing wrong'}"
    )
    return 1 if report.violation else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/simulate",
        description="Simulate the daemon's core: random jobs, clients, faults and crashes, and a"
        " look at all invariants after every step. What happens follows from the seed alone.",
    )
    add = parser.add_argument
    add("--seeds", type=int, default=500, metavar="N", help="how many seeds to run (500)")
    add("--from", type=int, default=0, dest="first", metavar="S", help="the first of them (0)")
    add("--fresh", type=int, default=0, metavar="N", help="run N seeds nobody has seen, too")
    add("--seed", type=int, metavar="S", help="run this one and print all that happened")
    add("--steps", type=int, default=STEPS, metavar="N", help=f"steps of each seed ({STEPS})")
    add("--seconds", type=float, default=float("inf"), metavar="T", help="stop after T seconds")
    add("--minimum", type=int, default=1, metavar="N", help="but not before N seeds")
    add("--processes", type=int, default=os.cpu_count() or 1, metavar="N", help="at once")
    add("--digests", action="store_true", help="print the digest of each trace")
    add("--plant", choices=sorted(PLANTS), help="plant a fault, to see it found")
    add("--first-only", action="store_true", help="stop at the first violation")
    return parser


if __name__ == "__main__":
    sys.exit(main())
