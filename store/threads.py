"""Work on native threads whose failures are only raised, not printed as well."""

from collections.abc import Callable
from typing import Any, TypeVar

from gevent.threadpool import ThreadPool

T = TypeVar("T")


def in_thread(pool: ThreadPool, work: Callable[[], T]) -> T:
    """Do `work` on a thread of a pool and return its result. Switches.

    What fails there, `ThreadPool.apply` alone would also print, with a traceback, although whoever
    waits gets it and knows what to do about it.

    Raises:
        Exception: what `work` raised.
    """

    def outcome() -> tuple[Any, Exception | None]:
        try:
            return work(), None
        except Exception as error:  # noqa: BLE001 # raised again where it is awaited
            return None, error

    result, error = pool.apply(outcome)
    if error is not None:
        raise error
    done: T = result
    return done
