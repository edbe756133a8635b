"""The benchmark command works; how fast things are is not a test's business."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.benchmarks import configuration, run, scenarios
from tests.benchmarks.figure import Figure, table
from tests.interop import luxid_support

ROOT = Path(__file__).parents[2]
PATIENCE_S = 120


def test_a_quick_run_gives_figures_with_aims(tmp_path: Path) -> None:
    report = tmp_path / "figures.json"
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts/bench"), "--quick", "--profile", "--json",
         str(report), "jobs", "cancels"],
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    document = json.loads(report.read_bytes())
    figures = {f"{each['scenario']}: {each['name']}": each for each in document["figures"]}
    assert figures["jobs: submit to success, 16 clients"]["aim"] == 400
    assert all(each["value"] > 0 for each in figures.values())
    assert all(name in done.stdout for name in figures)
    assert "samples" in document["profiles"]["jobs"]


def test_an_unknown_scenario_is_refused() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts/bench"), "speed"],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.endswith("bench: error: no such scenario: speed; see --list\n")


def test_what_was_measured_is_shown_when_another_scenario_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def measured(quick: bool) -> list[Figure]:
        how = " under a profiler" if scenarios.how_to_run != ["masterd"] else ""
        if how:
            raise AssertionError(f"the daemon closed a connection{how}")
        return [Figure("measured", "speed", 7.0, "x", 8)]

    def failing(quick: bool) -> list[Figure]:
        raise AssertionError("nobody answers")

    monkeypatch.setitem(run.SCENARIOS, "failing", failing)
    monkeypatch.setitem(run.SCENARIOS, "measured", measured)
    report = tmp_path / "figures.json"
    assert run.main(["--profile", "--json", str(report), "failing", "measured"]) == 1
    shown = capsys.readouterr()
    assert "measured: speed" in shown.out
    assert "bench: failing failed: AssertionError: nobody answers\n" in shown.err
    assert "bench: measured failed: AssertionError: the daemon closed" in shown.err
    document = json.loads(report.read_bytes())
    assert [each["value"] for each in document["figures"]] == [7.0]
    assert document["failures"].keys() == {"failing", "measured"}


def test_the_table_says_what_was_reached() -> None:
    text = table(
        [
            Figure("a", "least", 5.0, "x", 4),
            Figure("a", "most", 5.0, "ms", 4, True),
            Figure("a", "just told", 12345.0, "jobs/s", note="of old"),
        ]
    )
    assert text.splitlines() == [
        "figure             measured   aim",
        "a: least                5 x  >= 4  reached",
        "a: most                5 ms   < 4  NOT reached",
        "a: just told  12,345 jobs/s                     of old",
    ]


def test_a_luxid_that_does_not_answer_costs_its_own_figures_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "socket"))
        silent.listen()

        @contextmanager
        def running(config: object) -> Iterator[SimpleNamespace]:
            yield SimpleNamespace(path=tmp_path / "socket")

        monkeypatch.setattr(luxid_support, "running", running)
        monkeypatch.setattr(scenarios, "LOAD_S", 1)
        asked: dict[str, list[object]] = {"as listed": ["instance", configuration.LISTED, None]}
        assert configuration.rates_of_luxid(2, asked, 0.1) == {}
    assert capsys.readouterr().err == "luxid did not answer 'as listed' of 2 within 1 s\n"
