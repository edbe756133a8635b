"""A daemon process around an application that does what a script says; run by `test_daemon.py`.

The script is `etc/ganeti/script.json` below the root: an object from phase (`start`, `drain`,
`stop`) to behaviour (see `FakeApplication._act`). What happens is written, a line each, to the
named pipe `events` in the root, so that a test can wait for it.
"""

from gevent import monkey

monkey.patch_all()

import json  # noqa: E402 (patched first)
import logging  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
from collections.abc import Callable  # noqa: E402

import gevent  # noqa: E402

from masterd import cli, daemon, log, programs  # noqa: E402
from masterd.errors import ConfigurationError, StartError  # noqa: E402
from masterd.paths import Paths  # noqa: E402
from masterd.settings import Settings  # noqa: E402
from masterd.startup import Identity  # noqa: E402


class FakeApplication:
    """Obeys the protocol of `masterd.daemon.Application`."""

    def __init__(
        self, paths: Paths, settings: Settings, options: cli.Options, identity: Identity
    ) -> None:
        self._script = json.loads((paths.etc_dir / "script.json").read_text())
        self._events = os.open(paths.root / "events", os.O_WRONLY)
        self._tell(f"built {identity.myself} {settings.jobs_live_max} {options.no_voting}")

    def start(self) -> str:
        self._act("start")
        return ""

    def report_to(self, lost: Callable[[str], None], busy: Callable[[str], None]) -> None:
        """Tell what it is busy with; nobody takes a fake's place."""
        busy("Pretending\nto start")

    def drain(self, timeout_s: float) -> bool:
        self._tell(f"draining {timeout_s:g}")
        self._act("drain")
        return True

    def stop(self) -> None:
        self._act("stop")

    def _act(self, phase: str) -> None:
        behaviour = self._script.get(phase, "succeed")
        if behaviour == "refuse":
            raise StartError(1, "too few friends")
        if behaviour == "refuse the configuration":
            raise ConfigurationError("too few friends")
        if behaviour == "raise":
            raise RuntimeError("broken")
        if behaviour == "die":
            os._exit(9)
        if behaviour == "hang":
            self._tell(f"{phase} hangs")
            gevent.sleep(3600)
        with log.job_context(7, 0):
            logging.getLogger(__name__).info("%s done", phase)
        self._tell(phase)

    def _tell(self, event: str) -> None:
        os.write(self._events, f"{event}\n".encode())


if __name__ == "__main__":
    program = programs.called(sys.argv[0])
    sys.exit(daemon.main(program, cli.parse(sys.argv[1:], program), os.environ, FakeApplication))
