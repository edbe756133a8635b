"""The certificates with which master and nodes know each other.

`server.pem` is the same on all nodes and is what both sides trust; `client.pem` is the node's own,
signed by `server.pem`, and a node daemon accepts it if its digest is in
`ssconf_master_candidates_certs`. Each file holds a private key and a certificate. An administrator
renews them while the daemon runs, so the files are looked at again and again.

Source: Ganeti 3.0.2 lib/rpc/node.py, _ConfigRpcCurl; lib/server/noded.py, SSLVerifyPeer.
"""

import logging
import os
import ssl
from pathlib import Path
from typing import Final

from gevent.ssl import SSLContext

from masterd.clock import Clock
from masterd.limits import RPC_CREDENTIALS_CHECK_S
from masterd.rpc.errors import ConnectError

_LOG = logging.getLogger(__name__)

#: Source: constants OPENSSL_CIPHERS.
CIPHERS: Final = "HIGH:-DES:-3DES:-EXPORT:-DH"

#: What tells one version of a file from the next: device, inode, size, time in nanoseconds.
_Version = tuple[int, int, int, int]


class Credentials:
    """The TLS context of this node as a client, kept up to date with the files."""

    def __init__(self, server_pem: Path, client_pem: Path, clock: Clock) -> None:
        self._server_pem = server_pem
        self._client_pem = client_pem
        self._clock = clock
        self._context: SSLContext | None = None
        self._versions: tuple[_Version | None, _Version | None] = (None, None)
        self._checked_s = 0.0
        self._generation = 0

    @property
    def generation(self) -> int:
        """How many times certificates were loaded; connections of older ones are not reused."""
        return self._generation

    def context(self) -> SSLContext:
        """Return the context for new connections, loaded again if a file has changed.

        Files that cannot be loaded while an older context exists are reported in the log and tried
        again later: they may be in the middle of being replaced.

        Raises:
            ConnectError: nothing could be loaded yet.
        """
        now_s = self._clock.monotonic_s()
        if self._context is not None and now_s - self._checked_s < RPC_CREDENTIALS_CHECK_S:
            return self._context
        self._checked_s = now_s
        versions = (_version(self._server_pem), _version(self._client_pem))
        if self._context is not None and versions == self._versions:
            return self._context
        try:
            self._context = self._load(with_own=versions[1] is not None)
        except (OSError, ValueError) as error:
            text = f"Can't load certificates {self._server_pem}, {self._client_pem}: {error}"
            if self._context is None:
                raise ConnectError(text) from error
            _LOG.warning("%s; going on with the former ones", text)
            return self._context
        self._versions = versions
        self._generation += 1
        return self._context

    def _load(self, *, with_own: bool) -> SSLContext:
        if not with_own:
            _LOG.warning("%s is missing: nodes are called with the server's", self._client_pem)
        context = SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False  # all nodes show the same certificate
        context.verify_mode = ssl.CERT_REQUIRED
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(CIPHERS)
        context.load_verify_locations(cafile=os.fspath(self._server_pem))
        context.load_cert_chain(os.fspath(self._client_pem if with_own else self._server_pem))
        return context


def _version(path: Path) -> _Version | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
