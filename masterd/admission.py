"""When submissions are let in, and when they are answered: as the master candidates keep pace."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

from exporter.entrance import CandidatesBehindError, Entrance
from exporter.service import Exporter
from masterd.clock import Clock
from masterd.errors import GenericError
from masterd.limits import DAEMON_ENTRANCE_WAIT_S, DAEMON_ENTRANCE_WAITING_MAX
from masterd.settings import Settings


def make_entrance(settings: Settings, clock: Clock) -> Entrance:
    """Return what makes submissions wait while no candidate holds what came before."""
    return Entrance(
        clock.monotonic_s,
        behind_max_s=settings.candidates_behind_max_s,
        wait_s=DAEMON_ENTRANCE_WAIT_S,
        waiting_max=DAEMON_ENTRANCE_WAITING_MAX,
    )


def replicated(settings: Settings, exporter: Exporter) -> Callable[[int], None] | None:
    """Return what waits until candidates hold an outbox number; None where nobody is to wait."""
    if not settings.wait_for_candidates:
        return None

    def wait(seq: int) -> None:
        if not exporter.wait_replicated(seq, settings.wait_for_candidates_s):
            raise GenericError(
                "The job is kept by the master, but not by the master candidates yet"
            )

    return wait


def room_for(entrance: Entrance) -> Callable[[int], AbstractContextManager[None]]:
    """Return what lets so many new jobs in; entering it switches, or refuses them."""

    @contextmanager
    def passing(jobs: int) -> Iterator[None]:
        with ExitStack() as stack:
            try:
                stack.enter_context(entrance.passing(jobs))
            except CandidatesBehindError as error:
                raise GenericError(f"Nothing was submitted: {error}") from error
            yield

    return passing
