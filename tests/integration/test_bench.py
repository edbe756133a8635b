"""The benchmark command works; how fast things are is not a test's business."""

import json
import subprocess
import sys
from pathlib import Path

from tests.benchmarks.figure import Figure, table

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
    assert (done.returncode, done.stderr) == (2, "bench: no such scenario: speed; see --list\n")


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
