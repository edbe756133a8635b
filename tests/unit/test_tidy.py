"""The rules of the code that neither ruff, mypy nor import-linter can check (CONTRIBUTING.md)."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

REPOSITORY: Final = Path(__file__).parents[2]
PACKAGES: Final = ("masterd", "store", "exporter", "migrations")
SCRIPTS: Final = sorted(
    path
    for path in (REPOSITORY / "scripts").iterdir()
    if path.is_file() and not path.name.startswith("_")
)

FILE_LINES_MAX: Final = 500
TEST_FILE_LINES_MAX: Final = 800
FUNCTION_LINES_MAX: Final = 70
FOLDER_LEVELS_MAX: Final = 3
HELP_S: Final = 60

#: Reads a clock, by module.
CLOCKS: Final = {
    "time": {"time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns"},
    "datetime": {"now", "utcnow", "today"},
}
#: Who may: the clock itself, the store's meter, which only takes durations of its own work, and an
#: entry point below `masterd`.
CLOCK_READERS: Final = {"masterd/clock.py", "store/commit.py", "migrations/__main__.py"}

#: Who may open sockets: the two protocols, who asks whether a host is there, the notification
#: socket of test opcodes, that of systemd, the simulation.
SOCKET_OWNERS: Final = (
    "masterd/luxi/", "masterd/rpc/", "masterd/confd/", "masterd/node/probe.py",
    "masterd/lu/notify.py", "masterd/sd_notify.py", "masterd/testing/",
)  # fmt: skip
SOCKET_MODULES: Final = {"socket", "_socket", "gevent.socket", "gevent.server"}

#: Texts that have no place in the project. Written so that this file does not hold them.
FORBIDDEN: Final = {
    "an unfinished thing": re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b"),
    "a placeholder": re.compile("To be " + "written"),
    "a path of one machine": re.compile(r"(?<![\w.])/(wo" + r"rk|tmp/w|home/\w+)/"),
    "who wrote it": re.compile(
        r"\b(assist" + r"ant|co-authored" + r"-by|chat ?" + r"bot)\b", re.IGNORECASE
    ),
}
TEXT_SUFFIXES: Final = {".py", ".md", ".toml", ".txt", ".8", ".yml", ""}
SKIPPED_FOLDERS: Final = {"__pycache__", "build", "dist", "bench-results"}


def sources(*folders: str) -> list[Path]:
    """Return the Python files below these folders."""
    return sorted(
        path
        for folder in folders
        for path in (REPOSITORY / folder).rglob("*.py")
        if "__pycache__" not in path.parts
    )


def name(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def texts() -> Iterator[Path]:
    """Yield the files of the project that people read."""
    for folder, folders, files in os.walk(REPOSITORY):
        folders[:] = [
            each
            for each in folders
            if each not in SKIPPED_FOLDERS and (each == ".ci" or not each.startswith("."))
            if not each.endswith(".egg-info")
        ]
        for file in files:
            path = Path(folder, file)
            if path.suffix in TEXT_SUFFIXES and not file.startswith("."):
                yield path


def imported(node: ast.AST) -> list[str]:
    """Return the full names that an import statement binds."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
        return [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return []


def test_no_file_is_too_long() -> None:
    long = []
    for path in sources(*PACKAGES, "tests"):
        most = TEST_FILE_LINES_MAX if name(path).startswith("tests/") else FILE_LINES_MAX
        lines = path.read_text(encoding="utf-8").count("\n")
        if lines > most:
            long.append(f"{name(path)}: {lines}")
    assert long == []


def test_no_function_is_too_long() -> None:
    long = [
        f"{name(path)}:{node.lineno} {node.name}: {node.end_lineno - node.lineno + 1}"
        for path in sources(*PACKAGES, "tests")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > FUNCTION_LINES_MAX
    ]
    assert long == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        name(path)
        for path in sources(*PACKAGES, "tests")
        if not ast.get_docstring(tree(path)) and path.read_text(encoding="utf-8").strip()
    ]
    assert silent == []


def test_packages_of_the_daemon_begin_with_a_tour() -> None:
    silent = [
        name(path)
        for path in sources(*PACKAGES)
        if path.name == "__init__.py" and not ast.get_docstring(tree(path))
    ]
    assert silent == []


def test_only_the_clock_reads_the_time() -> None:
    readers = set()
    for path in sources(*PACKAGES):
        for node in ast.walk(tree(path)):
            for module, functions in CLOCKS.items():
                called = (
                    isinstance(node, ast.Attribute)
                    and node.attr in functions
                    and isinstance(node.value, ast.Name)
                    and node.value.id in (module, "date")
                )
                bound = any(full in imported(node) for full in (f"{module}.{f}" for f in functions))
                if called or bound:
                    readers.add(name(path))
    assert readers <= CLOCK_READERS


def test_only_the_protocols_open_sockets() -> None:
    others = [
        name(path)
        for path in sources(*PACKAGES)
        if not name(path).startswith(SOCKET_OWNERS)
        for node in ast.walk(tree(path))
        if SOCKET_MODULES & set(imported(node))
    ]
    assert others == []


def test_only_the_writer_begins_write_transactions() -> None:
    callers = {
        name(path)
        for path in sources(*PACKAGES)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "begin_write"
    }
    assert callers == {"store/commit.py"}


def test_only_entry_points_patch_the_standard_library() -> None:
    patching = {
        name(path)
        for path in sources(*PACKAGES)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and node.attr.startswith("patch_")
    }
    assert all(each.endswith("__main__.py") for each in patching), patching


def test_no_exception_is_swallowed_in_silence() -> None:
    silent = [
        f"{name(path)}:{node.lineno}"
        for path in sources(*PACKAGES, "tests")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler)
        and all(
            isinstance(step, ast.Pass)
            or (isinstance(step, ast.Expr) and isinstance(step.value, ast.Constant))
            for step in node.body
        )
    ]
    assert silent == []


def test_every_test_asserts_something() -> None:
    """Tests assert themselves, expect an exception, or call a helper named after checking."""
    checking = re.compile(r"assert|raises|check|expect|verify|agree|exercise|compare|run|\.ok\(")
    empty = []
    for path in sources("tests"):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                body = ast.Module(node.body, [])
                if not any(isinstance(step, ast.Assert) for step in ast.walk(body)) and (
                    not checking.search(ast.unparse(body))
                ):
                    empty.append(f"{name(path)}:{node.lineno} {node.name}")
    assert empty == []


def test_folders_are_not_nested_deeper_than_needed() -> None:
    deep = [
        name(path)
        for path in texts()
        if len(path.relative_to(REPOSITORY).parts) - 1 > FOLDER_LEVELS_MAX
        and not name(path).startswith("tests/conformance/data/")
    ]
    assert deep == []


@pytest.mark.parametrize("what", FORBIDDEN)
def test_nothing_is_left_behind(what: str) -> None:
    found = [
        f"{name(path)}:{number}: {line.strip()}"
        for path in texts()
        for number, line in enumerate(
            path.read_text(encoding="utf-8", errors="replace").split("\n"), start=1
        )
        if FORBIDDEN[what].search(line)
    ]
    assert found == []


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_every_script_runs_and_explains_itself(script: Path) -> None:
    assert os.access(script, os.X_OK), "it is not executable"
    # The interpreter of the tests has the packages, whatever the shell's path says.
    search = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    done = subprocess.run(
        [str(script), "--help"],
        env={**os.environ, "PATH": search},
        capture_output=True,
        text=True,
        timeout=HELP_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.lower().startswith("usage: "), done.stdout


PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())


def pins(name: str) -> dict[str, str]:
    """Return version by package of a file of constraints; every package must have hashes."""
    text = (REPOSITORY / f"scripts/constraints/{name}.txt").read_text().replace("\\\n", " ")
    found = {}
    for line in text.splitlines():
        if line and not line.lstrip().startswith("#"):
            pin = re.match(r"([\w.-]+)==([\w.]+) ", line)
            assert pin is not None, line
            assert re.search(r" --hash=sha256:[0-9a-f]{64}( |$)", line), line
            found[pin[1]] = pin[2]
    return found


def bounds(requirements: list[str]) -> dict[str, str]:
    """Return the lower bound by package."""
    found = dict(each.split(">=") for each in requirements if ">=" in each)
    assert len(found) == len([each for each in requirements if "==" not in each]), requirements
    return found


def test_development_adds_to_what_production_installs() -> None:
    run, dev = pins("run"), pins("dev")
    assert run.items() < dev.items()
    assert not {"pytest", "hypothesis", "mypy", "ruff", "setuptools"} & run.keys()
    assert bounds(PROJECT["project"]["dependencies"]).keys() <= run.keys()


def test_the_lowest_versions_that_are_tested_are_those_that_are_allowed() -> None:
    lowest = pins("lowest")
    extras = PROJECT["project"]["optional-dependencies"]
    for name, bound in bounds([*PROJECT["project"]["dependencies"], *extras["test"]]).items():
        assert f"{lowest[name]}.".startswith(f"{bound}."), name


def test_the_project_is_built_with_the_version_that_is_pinned() -> None:
    (needed,) = PROJECT["build-system"]["requires"]
    assert needed == f"setuptools=={pins('dev')['setuptools']}"
    assert needed in PROJECT["project"]["optional-dependencies"]["dev"]
