"""What systemd is told of ours where a site runs Ganeti's daemons by units.

Debian's package has an init script and no units. Ganeti's own examples name theirs like the
programs (`ganeti-luxid.service`, `ganeti-wconfd.service`, tied together by `ganeti.target`), and
`daemon-util` uses them where they are there. A unit's settings are completed by a file in the
directory beside it; without the unit such a file means nothing. Ours is there exactly as long as
our program stands in the place of Ganeti's, which tells systemd nothing: a start of that would wait
in vain.

The hardening is that of what both need: they listen on Unix sockets, call nodes over TCP and ask
them by UDP, keep everything in the three directories, look at the processes of others (who asks,
who holds a pid file), and become nobody else. As root they give their files to the daemons' users,
which takes three capabilities. Libraries make code at run time, so that pages which can be written
and executed are not forbidden.
"""

import contextlib
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from masterd.limits import UPKEEP_COMMAND_S
from masterd.paths import LUXID_NAME, WCONFD_NAME
from store.files import replacing

_UNITS: Final = Path("/etc/systemd/system")
_NAME: Final = "50-ganeti-masterd.conf"
_MODE: Final = 0o644
_DIRECTORY_MODE: Final = 0o755

_HEAD: Final = """\
# Put here by ganeti-masterd while it stands in the place of Ganeti's own program.
# What is to be otherwise goes into a file with a later name beside this one.
[Service]
"""

_HARDENED: Final = """\
UMask=0077
NoNewPrivileges=yes
CapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER
AmbientCapabilities=
ProtectSystem=strict
ReadWritePaths=/var/lib/ganeti /var/log/ganeti /run/ganeti
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
LockPersonality=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
KeyringMode=private
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
"""

#: The daemon says when it serves, asks for more time, and is watched. That this node is not the
#: master (11) is no failure after which it is to be started again.
_MASTER: Final = """\
Type=notify
NotifyAccess=main
ExecReload=/bin/kill -HUP $MAINPID
WatchdogSec=60
TimeoutStartSec=120
TimeoutStopSec=120
SuccessExitStatus=11
LimitNOFILE=65536
"""

#: What completes which unit. The companion becomes Ganeti's own daemon now and then
#: (`masterd.wconfd.stock`), which tells nothing, so nothing is expected of it.
DROP_INS: Final[Mapping[str, str]] = {
    f"{LUXID_NAME}.service": _HEAD + _MASTER + _HARDENED,
    f"{WCONFD_NAME}.service": _HEAD + _HARDENED,
}


@dataclass(frozen=True, slots=True)
class UnitSettings:
    """The files of a machine.

    Args:
        root: below which systemd's directories are.
    """

    root: Path = Path("/")

    def make(self) -> None:
        """Put the files in place.

        Raises:
            OSError: they cannot be written.
        """
        for unit, text in DROP_INS.items():
            path = self._path(unit)
            path.parent.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
            with replacing(path, _MODE) as file:
                file.write(text.encode())
        self._reload()

    def remove(self) -> None:
        """Remove the files, and their directories where nothing else is in them.

        Raises:
            OSError: they cannot be removed.
        """
        for unit in DROP_INS:
            path = self._path(unit)
            path.unlink(missing_ok=True)
            if path.parent.is_dir() and not any(path.parent.iterdir()):
                path.parent.rmdir()
        self._reload()

    def _path(self, unit: str) -> Path:
        return self.root / _UNITS.relative_to("/") / f"{unit}.d" / _NAME

    def _reload(self) -> None:
        """Have a systemd that runs on this machine look at the files.

        One that does not hear is no failure: it says itself, at the next start of a unit, that
        files have changed.
        """
        if self.root != Path("/") or not Path("/run/systemd/system").is_dir():
            return
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(
                ["systemctl", "daemon-reload"],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=UPKEEP_COMMAND_S,
                check=False,
            )
