"""Who answers as the cluster's master: asked on every node's socket, from outside the boxes."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Final, Self

from masterd.luxi.client import Client, ClientError
from tests.boxes.box import Box, BoxError

#: The socket that all clients use, as a running box's path.
_SOCKET: Final = "/run/ganeti/socket/ganeti-query"

#: Seconds one question may take, between two looks of the watch, and until the master serves.
_ANSWER_S: Final = 5.0
_LOOK_S: Final = 0.2
SERVING_S: Final = 60.0


def serves(box: Box) -> bool:
    """Tell whether a master answers on this node's socket."""
    if not box.runs:
        return False
    client = Client(
        str(box.path(_SOCKET)), connect_s=_ANSWER_S, answer_s=_ANSWER_S, should_serve=lambda: False
    )
    try:
        return isinstance(client.call("QueryConfigValues", ["cluster_name"]), list)
    except (ClientError, OSError, BoxError):
        return False
    finally:
        client.close()


def masters(boxes: Sequence[Box]) -> list[str]:
    """Return the names of the nodes on which a master answers now."""
    return [box.plan.name for box in boxes if serves(box)]


def await_master(boxes: Sequence[Box], wanted: str) -> None:
    """Wait until this node, and no other, serves.

    Raises:
        BoxError: it does not come to that.
    """
    deadline = time.monotonic() + SERVING_S
    while (found := masters(boxes)) != [wanted]:
        if time.monotonic() > deadline:
            raise BoxError(f"{wanted} should be the only master, but there are {found or 'none'}")
        time.sleep(_LOOK_S)


class Watch:
    """Looks all the time whether two nodes serve at once. A context manager."""

    def __init__(self, boxes: Sequence[Box], now: Callable[[], str]) -> None:
        """Prepare; `now` tells which step is being played, for the report."""
        self._boxes = boxes
        self._now = now
        self._ended = threading.Event()
        self._suspended = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        #: How often it looked, and when two masters were seen.
        self.looks = 0
        self.twice: list[str] = []

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """Do not look: a node that is cut off cannot know that another has become master."""
        self._suspended = True
        try:
            yield
        finally:
            self._suspended = False

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(_LOOK_S):
            if self._suspended:
                continue
            found = masters(self._boxes)
            # Asked one after the other: what looks like two may be a change between the questions.
            if len(found) > 1 and len(found := masters(self._boxes)) > 1 and not self._suspended:
                self.twice.append(f"{self._now()}: {', '.join(found)}")
            self.looks += 1
