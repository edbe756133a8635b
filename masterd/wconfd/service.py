"""The companion's application: one socket, for the daemons' own user alone.

It answers an echo. Everything else it hands on to the master daemon on this node, over a socket of
that one, a connection for each call, and gives the answer back as it came.

To the one command that has to change the configuration while no master daemon runs, it makes room
for Debian's own configuration daemon, see `masterd.wconfd.stock`.
"""

import logging
import sys
from collections.abc import Callable
from typing import Final

from masterd.cli import Options
from masterd.clock import SystemClock
from masterd.errors import EXIT_FAILURE, GenericError, StartError
from masterd.job.model import Peer
from masterd.limits_beside import WCONFD_RELAY_ANSWER_S, WCONFD_RELAY_CONNECT_S
from masterd.luxi import renewal
from masterd.luxi.client import Client, ClientError, NoMasterError
from masterd.luxi.messages import Request
from masterd.luxi.reply import Reply
from masterd.luxi.server import Server, ServerLimits
from masterd.luxi.sockets import SocketSpec
from masterd.paths import Paths
from masterd.pidfile import AlreadyRunningError
from masterd.settings import Settings
from masterd.startup import Identity
from masterd.users import Owners
from masterd.wconfd import answers, stock

_log = logging.getLogger(__name__)

#: As the reference's: who may connect can change the configuration.
SOCKET_MODE: Final = 0o600


class Companion:
    """Answers on the configuration daemon's socket. Obeys `daemon.Application`."""

    def __init__(
        self, paths: Paths, settings: Settings, _options: Options, _identity: Identity
    ) -> None:
        self._paths = paths
        self._master = str(paths.config_socket)
        self._server = Server(
            [SocketSpec(paths.wconfd_socket, SOCKET_MODE, Owners.of_this_machine().private)],
            self._handle,
            clock=SystemClock(),
            bounds=ServerLimits(
                connections_max=settings.luxi_connections_max,
                message_bytes_max=settings.luxi_message_bytes_max,
            ),
        )

    def report_to(self, _lost: Callable[[str], None], _busy: Callable[[str], None]) -> None:
        """Do nothing: it answers the same on a node that is not the master, and starts at once."""

    def start(self) -> str:
        """Return when clients are served, with what is to be told: nothing.

        Raises:
            StartError: the socket cannot be made.
        """
        try:
            self._server.start()
        except (OSError, ValueError) as error:
            raise StartError(EXIT_FAILURE, f"cannot listen for clients: {error}") from error
        return ""

    def drain(self, timeout_s: float) -> bool:
        """Take no new clients; no answer takes long enough to be waited for."""
        self._server.stop_accepting()
        return True

    def stop(self) -> None:
        """Drop all clients."""
        self._server.close()

    def _handle(self, request: Request, peer: Peer, reply: Reply) -> None:
        """Answer a call, or have the master daemon answer it. Switches."""
        if request.method == answers.ECHO:
            reply.success(answers.echo(request.args))
            return
        try:
            success, result = self._ask_master(request)
        except NoMasterError as error:
            if renewal.asks_for_it(peer):
                self._make_room(request.method)
            raise answers.unserved(request.method, "no master daemon runs on this node") from error
        except ClientError as error:
            raise answers.unserved(request.method, error.message) from error
        if not success:
            raise answers.RelayedError(result)
        reply.success(result)

    def _ask_master(self, request: Request) -> tuple[bool, object]:
        with Client(
            self._master,
            connect_s=WCONFD_RELAY_CONNECT_S,
            answer_s=WCONFD_RELAY_ANSWER_S,
            should_serve=lambda: False,
        ) as client:
            return client.ask(request.method, request.args)

    def _make_room(self, method: str) -> None:
        """Go on as Debian's configuration daemon; returns only by raising.

        The client's connection ends without an answer, and it asks again.

        Raises:
            GenericError: that is impossible.
        """
        _log.warning("becoming Debian's own daemon, of which a renewal of keys wants %s", method)
        try:
            stock.become(self._paths, [*sys.argv[1:], *stock.UNASKED])
        except (AlreadyRunningError, OSError) as error:
            raise GenericError(f"{method} cannot be answered: {error}") from error
