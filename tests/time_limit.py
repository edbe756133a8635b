"""A plugin of pytest that fails a test which takes too long, and lets the run go on.

The alarm's handler runs wherever the main thread is. That may be a greenlet which is not the
test's, or the hub, where an exception would only be printed; so what ends the test is thrown into
the greenlet that runs it. Where that does not help, because another one never lets go, the next
alarm ends that one. What takes the interpreter's lock for ever is left to pytest's own
`faulthandler`, which ends the run.
"""

import faulthandler
import signal
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, Protocol

import gevent
import greenlet
import pytest

#: The setting with the seconds that setup, call and teardown of a test may take each.
SETTING: Final = "time_limit_s"

#: Seconds between the first alarm and those that follow until the test has ended.
AGAIN_S: Final = 5.0


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini(SETTING, "seconds that each phase of a test may take", default="600")


class _Callback(Protocol):
    """What gevent will call soon."""

    def stop(self) -> None: ...


@contextmanager
def limited(name: str, seconds: float) -> Iterator[None]:
    """End the block by a failure when it takes longer; for the main thread."""
    test = greenlet.getcurrent()
    failure = pytest.fail.Exception(f"took longer than {seconds:g} s")
    thrown: list[_Callback] = []

    def expire(_signal: int, _frame: FrameType | None) -> None:
        if not thrown:
            print(f"{name} took longer than {seconds:g} s:", file=sys.stderr, flush=True)
            faulthandler.dump_traceback(2)
        if thrown or greenlet.getcurrent() is test:
            raise failure
        thrown.append(gevent.get_hub().loop.run_callback(test.throw, failure))

    before = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        for callback in thrown:
            callback.stop()
    if thrown:
        # It ended just then, or because the next alarm ended what it waited for.
        raise failure


def _phase(item: pytest.Item) -> Generator[None, object, object]:
    with limited(item.nodeid, float(item.config.getini(SETTING))):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    return (yield from _phase(item))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    return (yield from _phase(item))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    return (yield from _phase(item))
