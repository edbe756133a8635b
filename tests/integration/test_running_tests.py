"""How the tests are run: in what order, and what becomes of one that does not end."""

import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PATIENCE_S: Final = 120

#: Tests that never end by themselves, each in another way, and one that does.
ENDLESS: Final = """
import subprocess
import threading

import gevent
import gevent.event


def test_waits_for_another_greenlet():
    gevent.event.Event().wait(1000)


def test_waits_for_another_thread():
    threading.Event().wait(1000)


def test_another_greenlet_never_lets_go():
    def work():
        while True:
            pass

    gevent.spawn(work).join(1000)


def test_does_nothing_special():
    pass
"""


def pytest_of(*arguments: object, root: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *map(str, arguments)],
        cwd=root,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def test_a_test_that_does_not_end_fails_and_the_others_run(tmp_path: Path) -> None:
    path = tmp_path / "test_endless.py"
    path.write_text(ENDLESS)
    (tmp_path / "pytest.ini").write_text("[pytest]\ntime_limit_s = 0.5\n")
    done = pytest_of("-p", "tests.time_limit", path, root=tmp_path)
    assert "3 failed, 1 passed" in done.stdout.splitlines()[-1]
    assert done.stdout.count("Failed: took longer than 0.5 s") >= 3


def test_cheap_tests_run_before_dear_ones() -> None:
    given = ["interop/test_confd.py", "migration/test_runner.py", "unit/test_tidy.py"]
    done = pytest_of("--collect-only", "-q", *(f"tests/{path}" for path in given), root=ROOT)
    shown = [line.split("::")[0] for line in done.stdout.splitlines() if "::" in line]
    assert list(dict.fromkeys(shown)) == [f"tests/{path}" for path in reversed(given)]
