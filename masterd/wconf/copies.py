"""All copies of the configuration outside the store: the file here, and what other nodes have."""

import os
from collections.abc import Callable
from pathlib import Path

from masterd.config.render import Renderer
from masterd.config.ssconf_files import ssconf_files
from masterd.limits import CONFIG_SHOWN_S
from masterd.wconf.authorship import Authorship
from masterd.wconf.distribute import Distributor, Sender
from masterd.wconf.repository import ConfigRepository
from masterd.wconf.shown import ShownConfig
from masterd.wconf.writer import ConfigWriter, FileReport


class ConfigCopies:
    """Keeps the copies equal to the store."""

    def __init__(
        self,
        config: ConfigRepository,
        rpc: Sender,
        path: Path,
        *,
        sent_as: str,
        owner: tuple[int, int] | None,
        now_s: Callable[[], float],
        release_version: str,
        trusted: bool = False,
    ) -> None:
        """Prepare.

        Args:
            path: `config.data` here.
            sent_as: the name under which it travels to other nodes.
            owner: user and group id of the file; None leaves them to the process.
            now_s: seconds since the epoch.
            release_version: of the Ganeti that is spoken.
            trusted: the simple files that are there now may be overwritten, whoever wrote them.
        """
        self._config = config
        self._release_version = release_version
        self._authorship = Authorship(path.parent, config, trusted=trusted)
        self._writer = ConfigWriter(config, path, owner=owner)
        self._distributor = Distributor(
            config,
            rpc,
            Renderer().render,
            file_name=sent_as,
            owner=owner or (os.geteuid(), os.getegid()),
            now_s=now_s,
            release_version=release_version,
            begin_simple=self._authorship.begin,
        )
        #: The configuration for whoever wants a change to be seen before going on.
        self.shown = ShownConfig(
            config,
            {
                "config.data": self._writer.wait_written,
                "master candidates": self._distributor.wait_told,
            },
            CONFIG_SHOWN_S,
            later={"simple files of nodes": self._distributor.wait_simple_told},
        )

    def refusal(self) -> str | None:
        """Return why this node's simple files must not be overwritten; None where they may."""
        files = ssconf_files(self._config.snapshot(), self._release_version)
        return self._authorship.look(files)

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
