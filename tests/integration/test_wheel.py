"""What production installs: the wheel, alone in a virtual environment."""

import os
import subprocess
import sys
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path
from typing import Final

import pytest

from exporter.layout import Layout
from exporter.rebuild import rebuild
from store.store import Store
from tests.store_support import fill

ROOT: Final = Path(__file__).parents[2]
COMMANDS: Final = sorted(path.name for path in (ROOT / "scripts/commands").iterdir())
PATIENCE_S: Final = 60
INSTALL_S: Final = 500

#: Modules that a command must not find in the directory where somebody happens to be.
TRAPS: Final = ("exporter", "gevent", "lmdb", "masterd", "migrations", "msgspec", "store")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory with the wheel and what it needs."""
    directory = tmp_path_factory.mktemp("dist")
    checked(ROOT / "scripts/wheel", directory)
    return directory


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (found,) = built.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(built: Path, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a virtual environment with the wheel and the packages it names."""
    venv = tmp_path_factory.mktemp("installed") / "venv"
    checked(sys.executable, "-m", "venv", venv)
    pip = (venv / "bin/pip", "install", "--quiet", "--disable-pip-version-check")
    checked(*pip, "--require-hashes", "--requirement", built / "run.txt")
    checked(*pip, "--no-deps", wheel)
    return venv


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """Return a directory full of modules that nobody may import."""
    directory = tmp_path / "trap"
    for name in TRAPS:
        (directory / name).mkdir(parents=True)
        (directory / name / "__init__.py").write_text(f"raise SystemExit('{name} of the trap')")
    return directory


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Return a data directory with a store and its mirror."""
    directory = tmp_path / "ganeti"
    directory.mkdir()
    store = Store.open(directory / "masterd-store")
    fill(store)
    rebuild(store, Layout(directory / "queue"), archive=True)
    store.close()
    return directory


def checked(*command: object) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        timeout=INSTALL_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        return Parser().parsestr(archive.read(name).decode())


def run(
    installed: Path, directory: Path, name: str, *arguments: object
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(installed / "bin" / name), *map(str, arguments)],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": f":{directory}"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def test_the_wheel_holds_commands_and_documents_and_nothing_of_the_tests(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert not [name for name in names if name.startswith(("masterd/testing", "tests"))]
    assert {"store/FORMAT.md", "exporter/FORMAT.md"} <= set(names)
    data = {name.split(".data/")[1] for name in names if ".data/" in name}
    pages = {f"data/share/man/man8/{path.name}" for path in (ROOT / "man").iterdir()}
    assert data >= pages | {f"scripts/{name}" for name in COMMANDS}
    assert "data/share/doc/ganeti-masterd/README.md" in data


def test_the_wheel_names_its_licence_and_no_test_tool(wheel: Path) -> None:
    found = metadata(wheel)
    assert found["License-Expression"] == "BSD-2-Clause"
    needs = found.get_all("Requires-Dist") or []
    always = [need for need in needs if "extra ==" not in need]
    assert any(need.startswith("lmdb") for need in always)
    assert not [need for need in always if need.startswith(("pytest", "hypothesis", "mypy"))]


def test_the_build_uses_nothing_that_is_going_away(tmp_path: Path) -> None:
    config = tmp_path / "build.cfg"
    config.write_text(f"[build]\nbuild_base={tmp_path}/build\n[egg_info]\negg_base={tmp_path}\n")
    text = checked(
        "env", f"DIST_EXTRA_CONFIG={config}", sys.executable, "-m", "pip", "wheel", "--verbose",
        "--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path, ROOT,
    )  # fmt: skip
    assert "running bdist_wheel" in text
    assert "deprecat" not in text.lower()


def test_production_installs_no_test_tool(installed: Path) -> None:
    listed = checked(installed / "bin/pip", "list", "--disable-pip-version-check").lower()
    assert "ganeti-masterd" in listed
    assert not [name for name in ("pytest", "hypothesis", "mypy", "ruff") if name in listed]


@pytest.mark.parametrize("name", COMMANDS)
def test_an_installed_command_explains_itself(name: str, installed: Path, trap: Path) -> None:
    done = run(installed, trap, name, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    # Ganeti's commands, and so our gnt-job, begin it with a capital.
    assert done.stdout.lower().startswith("usage: ")


def test_installed_commands_check_dump_and_restore(
    installed: Path, trap: Path, data_dir: Path, tmp_path: Path
) -> None:
    done = run(installed, trap, "ganeti-masterd-check", "--data-dir", data_dir)
    assert (done.returncode, done.stderr) == (0, "")
    dump = tmp_path / "dump"
    done = run(installed, trap, "ganeti-masterd-dump", "--data-dir", data_dir, dump)
    assert done.returncode == 0, done.stderr
    other = tmp_path / "other"
    other.mkdir()
    done = run(installed, trap, "ganeti-masterd-restore", "--data-dir", other, dump)
    assert (done.returncode, done.stderr) == (0, "")
    done = run(installed, trap, "ganeti-masterd-migrate", "status", "--data-dir", other)
    assert (done.returncode, done.stderr) == (0, "")
    done = run(installed, trap, "ganeti-exporter", "compare", "--data-dir", data_dir)
    assert done.returncode == 0, done.stderr
