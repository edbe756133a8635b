"""Where everything stands on disk.

Paths are Ganeti's own, below a root: `/` on a real node, or the root of a *virtual cluster's* node,
told by two environment variables that Ganeti's commands know too. `GANETI_ROOTDIR` is an absolute
directory whose last component is the host name in `GANETI_HOSTNAME`; either both are set or none.

Source: Ganeti 3.0.2 lib/vcluster.py, lib/pathutils.py; files.json.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from masterd.errors import ConfigurationError

ROOT_VARIABLE: Final = "GANETI_ROOTDIR"
HOSTNAME_VARIABLE: Final = "GANETI_HOSTNAME"

#: Name of the process, its pid file and its log lines.
DAEMON_NAME: Final = "ganeti-masterd"

#: Ganeti's daemons in whose place this one runs, by the names that `daemon-util` knows.
LUXID_NAME: Final = "ganeti-luxid"
WCONFD_NAME: Final = "ganeti-wconfd"

#: Debian's own configuration daemon, whatever stands in its place on the search path. The last
#: component becomes the name of the process.
STOCK_WCONFD: Final = Path("/usr/lib/ganeti/default/usr/sbin") / WCONFD_NAME


@dataclass(frozen=True, slots=True)
class Paths:
    """All paths the daemon and its commands use.

    `virtual_hostname` is None on a real node, where the machine's own name counts.
    """

    root: Path = Path("/")
    virtual_hostname: str | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Paths:
        """Return the paths of the node that the environment names.

        Raises:
            ConfigurationError: one variable without the other, a relative root, or a root whose
                last component is not the host name.
        """
        root = environment.get(ROOT_VARIABLE, "")
        hostname = environment.get(HOSTNAME_VARIABLE, "")
        if not root and not hostname:
            return cls()
        if not root or not hostname:
            raise ConfigurationError(
                f"{ROOT_VARIABLE} and {HOSTNAME_VARIABLE} must be set together"
            )
        if not Path(root).is_absolute():
            raise ConfigurationError(f"{ROOT_VARIABLE} must be an absolute path, not '{root}'")
        path = Path(os.path.normpath(root))
        if "/" in hostname:
            raise ConfigurationError(f"{HOSTNAME_VARIABLE} '{hostname}' cannot name a directory")
        if path.name != hostname:
            raise ConfigurationError(
                f"the last component of {ROOT_VARIABLE} '{root}' must be the host name '{hostname}'"
            )
        return cls(path, hostname)

    def environment(self) -> dict[str, str]:
        """Return the variables that make Ganeti's commands use these paths; none on a real node."""
        if self.virtual_hostname is None:
            return {}
        return {ROOT_VARIABLE: str(self.root), HOSTNAME_VARIABLE: self.virtual_hostname}

    @property
    def virtual_root(self) -> Path | None:
        """The root of this node in a virtual cluster; None on a real node."""
        return None if self.virtual_hostname is None else self.root

    # --- directories ----------------------------------------------------------------------------

    @property
    def data_dir(self) -> Path:
        """Configuration, ssconf files, certificates, queue and store."""
        return self.root / "var/lib/ganeti"

    @property
    def run_dir(self) -> Path:
        return self.root / "var/run/ganeti"

    @property
    def socket_dir(self) -> Path:
        return self.run_dir / "socket"

    @property
    def livelock_dir(self) -> Path:
        """Files whose locks show which masters and jobs are alive."""
        return self.run_dir / "livelocks"

    @property
    def log_dir(self) -> Path:
        return self.root / "var/log/ganeti"

    @property
    def etc_dir(self) -> Path:
        return self.root / "etc/ganeti"

    @property
    def queue_dir(self) -> Path:
        """The mirror: one file per job in Ganeti's form."""
        return self.data_dir / "queue"

    @property
    def archive_dir(self) -> Path:
        return self.queue_dir / "archive"

    @property
    def store_dir(self) -> Path:
        """The store, which is the truth; no other program knows it."""
        return self.data_dir / "masterd-store"

    @property
    def confd_key_file(self) -> Path:
        """The key under which nodes' configuration servers are asked and answer."""
        return self.data_dir / "hmac.key"

    @property
    def lent_file(self) -> Path:
        """Says that Debian's own configuration daemon was let in; see `masterd.wconfd.stock`."""
        return self.data_dir / "masterd-lent"

    @property
    def export_dir(self) -> Path:
        """Where a node keeps exports of instances, a directory for each."""
        return self.data_dir / "export"

    @property
    def domain_secret_file(self) -> Path:
        """What clusters share between which instances go to and fro, on all their nodes."""
        return self.data_dir / "cluster-domain-secret"

    @property
    def backup_dir(self) -> Path:
        return self.root / "var/backups"

    @property
    def allocator_dirs(self) -> tuple[Path, ...]:
        """Where allocators are looked for, the first place first."""
        places = ("usr/local/lib/ganeti/iallocators", "usr/lib/ganeti/iallocators")
        return tuple(self.root / place for place in places)

    # --- files ----------------------------------------------------------------------------------

    @property
    def pid_file(self) -> Path:
        """The pid file of the daemon under its own name."""
        return self.pid_file_of(DAEMON_NAME)

    def pid_file_of(self, program: str) -> Path:
        """Return the file that a program of Ganeti's locks while it runs."""
        return self.run_dir / f"{program}.pid"

    def log_file_of(self, name: str) -> Path:
        """Return the log file with this name, such as `master-daemon`."""
        return self.log_dir / f"{name}.log"

    @property
    def status_file(self) -> Path:
        """What the daemon tells of itself; see `masterd.status_file`."""
        return self.run_dir / f"{DAEMON_NAME}.status.json"

    @property
    def log_file(self) -> Path:
        """Ganeti's name for the log of the master daemon, kept through all its releases."""
        return self.log_file_of("master-daemon")

    @property
    def settings_file(self) -> Path:
        """Optional settings of this daemon alone (`masterd.settings`)."""
        return self.etc_dir / "masterd.toml"

    @property
    def config_file(self) -> Path:
        return self.data_dir / "config.data"

    @property
    def server_certificate(self) -> Path:
        """The cluster's certificate with its key; every node daemon shows it."""
        return self.data_dir / "server.pem"

    @property
    def cluster_certificates(self) -> tuple[Path, ...]:
        """The certificates that all nodes of the cluster share."""
        names = ("rapi.pem", "spice-ca.pem", "spice.pem")
        return (self.server_certificate, *(self.data_dir / name for name in names))

    @property
    def client_certificate(self) -> Path:
        """This node's certificate with its key, for calling node daemons."""
        return self.data_dir / "client.pem"

    @property
    def known_hosts_file(self) -> Path:
        """The cluster's host keys, by its name."""
        return self.data_dir / "known_hosts"

    @property
    def watcher_pause_file(self) -> Path:
        return self.data_dir / "watcher.pause"

    # --- sockets --------------------------------------------------------------------------------

    @property
    def query_socket(self) -> Path:
        """The LUXI socket of Ganeti 3's clients."""
        return self.socket_dir / "ganeti-query"

    @property
    def master_socket(self) -> Path:
        """The LUXI socket of Ganeti 2's clients."""
        return self.socket_dir / "ganeti-master"

    @property
    def wconfd_socket(self) -> Path:
        """Where Ganeti 3's own programs look for the configuration daemon."""
        return self.socket_dir / WCONFD_NAME

    @property
    def config_socket(self) -> Path:
        """Where the master daemon answers what its companion hands on from there."""
        return self.socket_dir / "ganeti-masterd-config"
