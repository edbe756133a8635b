"""What a run of the tests tells at its end besides their outcome."""

from collections.abc import Callable
from typing import Final

import pytest

#: Tells one line at the end of the run.
Tell = Callable[[str], None]

_TOLD: Final = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_TOLD] = []


@pytest.fixture(scope="session")
def tell(pytestconfig: pytest.Config) -> Tell:
    """What to call with a line for the end of the run, such as how much was compared."""
    return pytestconfig.stash[_TOLD].append


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if config.stash[_TOLD]:
        terminalreporter.section("told by the tests")
        for line in config.stash[_TOLD]:
            terminalreporter.write_line(line)
