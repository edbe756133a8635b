"""The order of the tests, and what a run of them tells at its end besides their outcome."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

import hypothesis
import pytest

from tests.boxes.installation import build

pytest_plugins = ["tests.time_limit"]

# How long one example takes says how busy the machine is; that a test ends is the time limit's.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

#: The folders, cheapest first: what is broken should be told by the test that says most about it.
KINDS: Final = (
    *("unit", "property", "scenario", "conformance", "migration"),
    *("crash", "integration", "interop", "same_calls"),
)

#: Tells one line at the end of the run.
Tell = Callable[[str], None]

_TESTS: Final = Path(__file__).parent
_TOLD: Final = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_TOLD] = []


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: _place(item.path))


def _place(path: Path) -> int:
    """Return the place of a test's folder among the kinds; an unknown one comes last."""
    kind = path.relative_to(_TESTS).parts[0] if path.is_relative_to(_TESTS) else ""
    return KINDS.index(kind) if kind in KINDS else len(KINDS)


@pytest.fixture(scope="session")
def tell(pytestconfig: pytest.Config) -> Tell:
    """What to call with a line for the end of the run, such as how much was compared."""
    return pytestconfig.stash[_TOLD].append


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of our Debian package, built for this machine's release."""
    if shutil.which("dpkg-deb") is None:
        pytest.skip("dpkg-deb is not installed")
    return build(tmp_path_factory.mktemp("package"))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if config.stash[_TOLD]:
        terminalreporter.section("told by the tests")
        for line in config.stash[_TOLD]:
            terminalreporter.write_line(line)
