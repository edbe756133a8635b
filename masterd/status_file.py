"""What the daemon tells of itself, as a JSON file that is replaced every few seconds.

It lies beside the pid file (`ganeti-masterd.status.json`) and lives as long as the daemon. Its
keys:

* `pid`, `time_s` (seconds since the epoch, when it was written);
* `jobs`: `live` (not archived and not finished), `running`;
* `clients`: counters of the LUXI server;
* `store`: counters and sizes of the store;
* `mirror`: lag of the files here (`mirror`), of each master candidate (`replicas`) and until all of
  these hold a change (`everywhere`), in changes and seconds; `troubles` by candidate; the names of
  those that take changes and keep up (`reachable`); archived jobs that candidates may lack whose
  archive was not compared yet (`archive_unknown`); how old the oldest change is that none of those
  holds, and how many submissions wait because of that (`entrance`).
"""

import dataclasses
import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import gevent
import msgspec

from masterd.clock import Clock
from masterd.limits import APP_STATUS_S
from store.files import replacing

_log = logging.getLogger(__name__)

MODE: Final = 0o640

#: Gives one part of the document: a mapping or a dataclass.
Part = Callable[[], object]


class StatusFile:
    """Keeps the file; one greenlet."""

    def __init__(
        self,
        path: Path,
        parts: Mapping[str, Part],
        clock: Clock,
        *,
        owner: tuple[int, int] | None = None,
    ) -> None:
        """Prepare; `parts` are asked on the hub and must not switch."""
        self._path = path
        self._parts = parts
        self._clock = clock
        self._owner = owner
        self._greenlet: gevent.Greenlet[[], None] | None = None

    def start(self) -> None:
        """Write the file now and then; returns at once."""
        self._greenlet = gevent.spawn(self._run)

    def stop(self) -> None:
        """Remove the file. Switches.

        Raises:
            OSError: it cannot be removed.
        """
        if self._greenlet is not None:
            self._greenlet.kill()
            self._greenlet = None
        self._path.unlink(missing_ok=True)

    def write(self) -> None:
        """Write the file once, whole; it lies in memory on every usual system.

        Raises:
            OSError: it cannot be written.
        """
        document: dict[str, object] = {
            "pid": os.getpid(),
            "time_s": self._clock.now_us() / 1_000_000,
            **{name: _plain(part()) for name, part in self._parts.items()},
        }
        content = msgspec.json.format(msgspec.json.encode(document)) + b"\n"
        with replacing(self._path, MODE, owner=self._owner, durable=False) as file:
            file.write(content)

    def _run(self) -> None:
        failed = False
        while True:
            try:
                self.write()
                failed = False
            except OSError as error:
                if not failed:
                    _log.warning("%s cannot be written: %s", self._path, error)
                failed = True
            gevent.sleep(APP_STATUS_S)


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return value
