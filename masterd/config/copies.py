"""All copies of the configuration outside the store: the file here, and what other nodes have."""

import os
from collections.abc import Callable
from pathlib import Path

from masterd.config.distribute import Caller, Distributor
from masterd.config.render import Renderer
from masterd.config.repository import ConfigRepository
from masterd.config.shown import ShownConfig
from masterd.config.writer import ConfigWriter, FileReport
from masterd.limits import CONFIG_SHOWN_S


class ConfigCopies:
    """Keeps the copies equal to the store."""

    def __init__(
        self,
        config: ConfigRepository,
        rpc: Caller,
        path: Path,
        *,
        sent_as: str,
        owner: tuple[int, int] | None,
        now_s: Callable[[], float],
    ) -> None:
        """Prepare.

        Args:
            path: `config.data` here.
            sent_as: the name under which it travels to other nodes.
            owner: user and group id of the file; None leaves them to the process.
            now_s: seconds since the epoch.
        """
        self._writer = ConfigWriter(config, path, owner=owner)
        self._distributor = Distributor(
            config,
            rpc,
            Renderer().render,
            file_name=sent_as,
            owner=owner or (os.geteuid(), os.getegid()),
            now_s=now_s,
        )
        #: The configuration for whoever wants a change to be seen before going on.
        self.shown = ShownConfig(
            config,
            {
                "config.data": self._writer.wait_written,
                "master candidates": self._distributor.wait_told,
            },
            CONFIG_SHOWN_S,
        )

    def start(self) -> FileReport:
        """Begin; return how the file was found. Switches.

        Raises:
            OSError: the file is there but cannot be read, or no copy of an edited one can be made.
        """
        report = self._writer.start()
        self._distributor.start()
        return report

    def stop(self, timeout_s: float) -> None:
        """Write the file if it is behind, and end. Switches."""
        self._distributor.stop()
        self._writer.stop(timeout_s)
