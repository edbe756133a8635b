"""Read the simple configuration files, which every node has, master or not.

They tell a starting daemon who is master and whom to ask for votes before it has a configuration.
Each is a file `ssconf_<key>` in the data directory: lines of text with a final newline, or empty.

Source: Ganeti 3.0.2 lib/ssconf.py.
"""

from pathlib import Path
from typing import Final

from masterd.errors import ConfigurationError
from masterd.limits import SSCONF_FILE_BYTES_MAX

PREFIX: Final = "ssconf_"


class SimpleConfig:
    """The ssconf files in one directory, read anew at each question."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def path(self, key: str) -> Path:
        """Return where the file of `key` stands."""
        return self._directory / (PREFIX + key)

    def exists(self) -> bool:
        """Tell whether this machine belongs to a cluster."""
        return self.path("cluster_name").exists()

    def text(self, key: str) -> str:
        """Return a file's content without the final newline.

        Raises:
            ConfigurationError: the file is missing, unreadable, too long or no text.
        """
        path = self.path(key)
        try:
            with path.open("rb") as file:
                content = file.read(SSCONF_FILE_BYTES_MAX + 1)
        except OSError as error:
            raise ConfigurationError(f"Can't read ssconf file {path}: {error.strerror}") from error
        if len(content) > SSCONF_FILE_BYTES_MAX:
            raise ConfigurationError(f"ssconf file {path} exceeds {SSCONF_FILE_BYTES_MAX} bytes")
        try:
            return content.decode("utf-8").removesuffix("\n")
        except UnicodeDecodeError as error:
            raise ConfigurationError(f"ssconf file {path} is not UTF-8") from error

    def lines(self, key: str) -> list[str]:
        """Return a file's lines; an empty file has none."""
        return self.text(key).splitlines()

    def pairs(self, key: str) -> dict[str, str]:
        """Return the file's lines `name value` as a mapping, in the file's order.

        Raises:
            ConfigurationError: a line has no space.
        """
        found: dict[str, str] = {}
        for line in self.lines(key):
            name, space, value = line.partition(" ")
            if not space:
                raise ConfigurationError(f"ssconf file {self.path(key)}: '{line}' is not a pair")
            found[name] = value
        return found

    # --- what the daemon asks -------------------------------------------------------------------

    def cluster_name(self) -> str:
        """Return the cluster's name."""
        return self.text("cluster_name")

    def master_node(self) -> str:
        """Return the master node's name."""
        return self.text("master_node")

    def node_list(self) -> list[str]:
        """Return the names of all nodes."""
        return self.lines("node_list")

    def offline_nodes(self) -> list[str]:
        """Return the names of the nodes that are marked offline."""
        return self.lines("offline_nodes")

    def node_primary_ips(self) -> dict[str, str]:
        """Return each node's primary address by its name."""
        return self.pairs("node_primary_ips")

    def master_candidates(self) -> list[str]:
        """Return the names of the master and the master candidates."""
        return self.lines("master_candidates")

    def primary_ip_family(self) -> int:
        """Return 2 for IPv4 or 10 for IPv6; clusters older than that file have IPv4.

        Raises:
            ConfigurationError: the file holds something else.
        """
        if not self.path("primary_ip_family").exists():
            return 2
        text = self.text("primary_ip_family")
        if text not in ("2", "10"):
            raise ConfigurationError(f"ssconf file primary_ip_family holds '{text}'")
        return int(text)
