"""What changes and queries of the configuration cost, by the number of instances.

Changes are measured on a store of this process; queries on a whole daemon, beside a luxid that has
the same configuration, where it is installed. Both are asked over their sockets by one client.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from masterd.clock import SystemClock
from masterd.config import document
from masterd.config.kinds import INSTANCE
from masterd.config.render import Renderer
from masterd.query.instance_fields import INSTANCE_TABLE
from masterd.testing import cluster as clusters
from masterd.wconf.repository import ConfigRepository
from store.store import Store
from tests import system
from tests.benchmarks.figure import Figure
from tests.benchmarks.scenarios import how_to_run, load_at, luxid_is_there
from tests.interop import luxid_support
from tests.sample_config import HOST, Document, sample

SIZES: Final = (100, 2000, 10_000)
#: Fields of `gnt-instance list`, without those that ask nodes.
LISTED: Final = ["name", "hypervisor", "os", "pnode", "admin_state", "be/memory"]
_LIVE: Final = ("console", "oper_ram", "oper_state", "oper_vcpus", "status")


def changes(quick: bool) -> list[Figure]:
    """Durable changes of one instance, and looking one up."""
    figures = []
    medians = {}
    for size in (100, 300) if quick else SIZES:
        with tempfile.TemporaryDirectory() as directory:
            store = Store.open(Path(directory) / "store")
            repository = ConfigRepository(store, SystemClock())
            repository.import_document(config(size), source="bench")
            median_ms, p99_ms = _change_times(repository, 50 if quick else 400)
            medians[size] = median_ms
            read_us = _read_time(repository)
            rendered_ms = _timed(lambda: Renderer().render(repository.snapshot()))  # noqa: B023
            store.close()
        where = f"{size:,} instances"
        figures += [
            Figure("changes", f"one instance, durably, median, {where}", median_ms, "ms"),
            Figure("changes", f"the same, p99, {where}", p99_ms, "ms", 10, True),
            Figure("changes", f"look one up by name, {where}", read_us, "us", 1000, True),
            Figure("changes", f"render config.data, {where}", rendered_ms, "ms"),
        ]
    first, *_, last = medians.values()
    return [
        *figures,
        Figure("changes", "median of the largest to the smallest", last / first, "x", 2, True),
    ]


def instance_queries(quick: bool) -> list[Figure]:
    """Queries of instances over the socket, beside luxid on the same configuration."""
    figures = []
    for size in (20,) if quick else (100, 2000, 10_000):
        static = [name for name in all_fields() if name not in _LIVE]
        asked: dict[str, list[object]] = {
            "as listed": ["instance", LISTED, None],
            "all static fields": ["instance", static, None],
            "one by name": ["instance", LISTED, ["=", "name", "inst5.example.com"]],
        }
        seconds = 0.3 if quick else 2.0
        with daemon_with(size) as path:
            ours = {name: _rate(path, args, seconds) for name, args in asked.items()}
        theirs = rates_of_luxid(size, asked, seconds) if luxid_is_there() else {}
        for name, rate in ours.items():
            figures.append(
                Figure("instances", f"{name}, {size:,} instances", rate, "/s"),
            )
            if name in theirs:
                aim = 0.5 if name == "one by name" else 1
                ratio = rate / theirs[name]
                figures.append(
                    Figure("instances", f"{name}, {size:,}, ours to luxid's", ratio, "x", aim)
                )
    return figures


def rendering(quick: bool) -> list[Figure]:
    """Jobs that change a large configuration, while a client asks small questions."""
    size, seconds = (100, 1.0) if quick else (10_000, 10.0)
    with daemon_with(size) as path:
        quiet = load_at(
            path, "rate", clients=1, seconds=seconds / 5, method="QueryConfigValues",
            args=["cluster_name"],
        )  # fmt: skip
        found = load_at(path, "changing", seconds=seconds)
    small, jobs = found["small"], found["changes"]
    return [
        Figure("rendering", f"a change told, as a job, median, {size:,}", jobs["median_ms"], "ms"),
        Figure("rendering", "a small query meanwhile, median", small["median_ms"], "ms"),
        Figure("rendering", "a small query meanwhile, p99", small["p99_ms"], "ms", 50, True),
        Figure("rendering", "the longest one", small["max_ms"], "ms"),
        Figure("rendering", "a small query when all is quiet, p99", quiet["p99_ms"], "ms"),
    ]


def config(size: int) -> Document:
    """Return a configuration with so many instances."""
    return sample(size, nodes=max(3, size // 50), groups=3, instances=size)


def all_fields() -> list[str]:
    """Return the names of all fields of instances."""
    return list(INSTANCE_TABLE.fields)


@contextmanager
def daemon_with(size: int) -> Iterator[Path]:
    """Run the daemon on a configuration whose nodes do not answer; give its socket."""
    with system.short_directory() as base:
        cluster = clusters.build(base, nodes=1, home=base / HOST)
        path = cluster.data(cluster.master) / "config.data"
        path.write_bytes(msgspec.json.encode(config(size)))
        arguments = ["--no-voting", "--yes-do-it"]
        with system.running(cluster, arguments=arguments, module=how_to_run) as daemon:
            yield daemon.paths.query_socket


def rates_of_luxid(size: int, asked: dict[str, list[object]], seconds: float) -> dict[str, float]:
    """Measure luxid; what it does not answer in time is told and left out, with what follows."""
    rates: dict[str, float] = {}
    with luxid_support.running(document.split(config(size))) as luxid:
        for name, arguments in asked.items():
            try:
                rates[name] = _rate(luxid.path, arguments, seconds)
            except subprocess.TimeoutExpired as error:
                told = f"luxid did not answer '{name}' of {size:,} within {error.timeout:.0f} s"
                print(told, file=sys.stderr)
                break
    return rates


def _rate(path: Path, arguments: list[object], seconds: float) -> float:
    found: dict[str, Any] = load_at(
        path, "rate", clients=1, seconds=seconds, method="Query", args=arguments
    )
    per_s: float = found["per_s"]
    return per_s


def _change_times(repository: ConfigRepository, count: int) -> tuple[float, float]:
    """Return median and 99th percentile of changes of one instance, in ms."""
    uuids = list(repository.snapshot().instances)
    times = []
    for number in range(count):
        uuid = uuids[number % len(uuids)]
        tag = f"t{number}"

        def change(draft: Any, uuid: str = uuid, tag: str = tag) -> None:
            draft.add_tags(INSTANCE, uuid, [tag])

        begun = time.monotonic()
        repository.update(change)
        times.append(1000 * (time.monotonic() - begun))
    times.sort()
    return times[len(times) // 2], times[len(times) * 99 // 100]


def _read_time(repository: ConfigRepository) -> float:
    """Return the time of a look-up by name, in us."""
    count = 10_000
    begun = time.monotonic()
    for _ in range(count):
        assert repository.snapshot().instances.named("inst5.example.com") is not None
    return 1e6 * (time.monotonic() - begun) / count


def _timed(work: Callable[[], object]) -> float:
    begun = time.monotonic()
    work()
    return 1000 * (time.monotonic() - begun)
