"""The installed commands, as a shell finds them."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
LAUNCHERS = sorted((REPOSITORY / "scripts/commands").iterdir())
WAIT_S = 60

#: Names that a program looks for early, or that are our own: none may be found in a directory that
#: somebody else can write to.
TRAPS = ("argparse", "exporter", "gevent", "masterd", "os", "re", "sitecustomize", "store")

#: What the command line needs of the daemon.
LIGHT = ("__main__", "cli", "constants", "errors", "installed", "paths", "programs")

#: Prints what a command has imported when it ends.
IMPORTED = """
import sys
sys.argv = sys.argv[1:]
from masterd.__main__ import main
try:
    main()
except SystemExit:
    print(*sys.modules, sep="\\n")
"""


def installed(name: str) -> Path:
    return Path(sys.executable).with_name(name)


@pytest.mark.parametrize("launcher", LAUNCHERS, ids=lambda path: path.name)
def test_a_command_executes_nothing_that_lies_in_the_current_directory(
    launcher: Path, tmp_path: Path
) -> None:
    for trap in TRAPS:
        (tmp_path / f"{trap}.py").write_text("open('trapped', 'w').close()\n")
    done = subprocess.run(
        [installed(launcher.name), "--help"],
        # An empty part of this variable is the current directory.
        env={**os.environ, "PYTHONPATH": f":{tmp_path}", "HOME": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )
    assert not (tmp_path / "trapped").exists()
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("launcher", LAUNCHERS, ids=lambda path: path.name)
def test_a_command_works_through_a_link_in_another_directory(
    launcher: Path, tmp_path: Path
) -> None:
    link = tmp_path / "a b" / "linked"
    link.parent.mkdir()
    link.symlink_to(installed(launcher.name))
    done = subprocess.run(
        [link, "--help"], capture_output=True, text=True, timeout=WAIT_S, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_all_commands_are_installed_from_isolated_launchers() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    # What pip generates for an entry point reads PYTHONPATH.
    assert "scripts" not in project["project"]
    names = [f"scripts/commands/{path.name}" for path in LAUNCHERS]
    assert sorted(project["tool"]["setuptools"]["script-files"]) == names
    for launcher in LAUNCHERS:
        isolated = '''\'\'\'exec' "$(dirname -- "$(readlink -f -- "$0")")/python3" -I "$0" "$@"'''
        assert launcher.read_text().splitlines()[2] == isolated


def test_documents_name_installed_commands_only() -> None:
    pages = [*REPOSITORY.glob("*.md"), *REPOSITORY.glob("*/*.md"), *REPOSITORY.glob("man/*")]
    named = [path.name for path in pages if "python -m exporter" in path.read_text("utf-8")]
    assert named == []


@pytest.mark.parametrize("option", ["--version", "--help"])
@pytest.mark.parametrize("name", ["ganeti-masterd", "ganeti-luxid", "ganeti-wconfd"])
def test_what_a_daemon_tells_of_itself_needs_nothing_of_the_daemon(name: str, option: str) -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-c", IMPORTED, name, option],
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=True,
    )
    imported = done.stdout.splitlines()
    ours = [module for module in imported if module.split(".")[0] in ("masterd", "store")]
    assert sorted(ours) == ["masterd", *(f"masterd.{name}" for name in LIGHT)]
    others = {"gevent", "lmdb", "msgspec", "msgpack", "h11", "cryptography", "cbor2"}
    heavy = {"ssl", "socket", "subprocess", "asyncio", "ctypes", "logging", "threading"}
    assert not (others | heavy) & set(imported)
