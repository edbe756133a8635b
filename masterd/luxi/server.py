"""The LUXI server: accepts clients and hands each of their messages to a handler.

Theory. Reading, cutting and queueing happen in callbacks of the event loop; only a complete message
borrows a greenlet, which parses it and calls the handler. A handler that cannot answer yet returns,
and its connection stays parked: no greenlet, only the `Reply` somebody keeps. Invariants:

* Answers go out in the order of their requests; a connection has at most one request outstanding.
* What a client sends ahead is bounded, per connection and in total; so is what it does not read.
* After a few messages of one connection the others have their turn, however fast one sends.
* A client that stops in the middle of a message or of an answer is dropped after a while; a silent
  one costs memory only, and makes room when connections run out.
"""

import errno
import logging
import resource
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import gevent

from masterd import limits
from masterd.clock import Clock
from masterd.errors import GanetiError, LuxiParseError
from masterd.job.model import Peer
from masterd.luxi.connection import READ, Connection, Loop, Watcher
from masterd.luxi.handlers import HandlerPool
from masterd.luxi.messages import Request, parse_request
from masterd.luxi.reply import Reply
from masterd.luxi.sockets import Listener, SocketSpec

_log: Final = logging.getLogger(__name__)

#: Answers a request through its `Reply`, now or later; may switch. What it raises is answered as an
#: error.
Handler = Callable[[Request, Peer, Reply], None]

_OUT_OF_RESOURCES: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerLimits:
    """Bounds of a server; see masterd/limits.py for the reasons."""

    connections_max: int = limits.LUXI_CONNECTIONS_MAX
    backlog: int = limits.LUXI_BACKLOG
    accepts_per_turn: int = limits.LUXI_ACCEPTS_PER_TURN
    read_bytes: int = limits.LUXI_READ_BYTES
    message_bytes_max: int = limits.LUXI_MESSAGE_BYTES_MAX
    pipeline_messages_max: int = limits.LUXI_PIPELINE_MESSAGES_MAX
    pipeline_bytes_max: int = limits.LUXI_PIPELINE_BYTES_MAX
    messages_per_turn: int = limits.LUXI_MESSAGES_PER_TURN
    handlers_max: int = limits.LUXI_HANDLERS_MAX
    handlers_idle_max: int = limits.LUXI_HANDLERS_IDLE_MAX
    unsent_bytes_max: int = limits.LUXI_UNSENT_BYTES_MAX
    held_bytes_max: int = limits.LUXI_UNFINISHED_BYTES_MAX
    stall_s: float = limits.LUXI_STALL_S
    idle_s: float = limits.LUXI_IDLE_S
    accept_retry_s: float = limits.LUXI_ACCEPT_RETRY_S


@dataclass(slots=True)
class ServerStats:
    """Counters since the start, and how things are now."""

    accepted: int = 0
    requests: int = 0
    refused: int = 0
    stalled: int = 0
    evicted: int = 0
    overflowed: int = 0
    connections: int = 0
    handlers: int = 0
    held_bytes: int = 0
    unsent_bytes: int = 0


class Server:
    """Serves LUXI on some socket files. Made and used on one hub; only handlers switch."""

    def __init__(
        self,
        sockets: Sequence[SocketSpec],
        handler: Handler,
        *,
        clock: Clock,
        bounds: ServerLimits | None = None,
    ) -> None:
        self._specs = sockets
        self._handler = handler
        self._bounds = bounds = bounds or ServerLimits()
        loop = gevent.get_hub().loop
        self.loop: Loop = loop
        self.monotonic_s = clock.monotonic_s
        self.read_bytes = bounds.read_bytes
        self.message_bytes_max = bounds.message_bytes_max
        self._connections_max = _affordable(bounds.connections_max)
        #: In order of arrival.
        self._connections: dict[Connection, None] = {}
        #: Bytes held and unsent, of the connections that have any.
        self._memory: dict[Connection, tuple[int, int]] = {}
        #: Connections whose next messages wait for their turn.
        self._turns: deque[Connection] = deque()
        self._stats = ServerStats()
        self._listeners: list[Listener] = []
        self._acceptors: list[tuple[Watcher, Listener]] = []
        self._accepting = False
        self._turn_timer = loop.timer(0)
        self._retry_timer = loop.timer(bounds.accept_retry_s)
        self._sweep_timer = loop.timer(bounds.stall_s / 8, bounds.stall_s / 8)
        self._pool = HandlerPool(
            self._serve,
            self._schedule,
            running_max=bounds.handlers_max,
            idle_max=bounds.handlers_idle_max,
        )

    @property
    def stats(self) -> ServerStats:
        """A copy of the counters."""
        return replace(self._stats, connections=len(self._connections), handlers=self._pool.running)

    def start(self) -> None:
        """Make the socket files and accept clients.

        Raises:
            OSError, ValueError: as `Listener`; then no socket file is left.
        """
        try:
            for spec in self._specs:
                self._listeners.append(Listener(spec, self._bounds.backlog))
        except BaseException:
            self.stop_accepting()
            raise
        for listener in self._listeners:
            self._acceptors.append((self.loop.io(listener.socket.fileno(), READ), listener))
        self._sweep_timer.start(self._sweep)
        self._accept_on()

    def keep(self) -> str | None:
        """Make the socket files again that somebody removed; return what was done.

        Raises:
            OSError: there is another file in its place, or it cannot be made.
        """
        done = []
        for index, listener in enumerate(self._listeners):
            if not listener.is_gone():
                continue
            new = Listener(listener.spec, self._bounds.backlog)
            # Clients that came before the file was removed.
            self._on_acceptable(listener)
            self._listeners[index] = new
            watcher, _ = self._acceptors[index]
            watcher.stop()
            watcher.close()
            listener.close()
            watcher = self.loop.io(new.socket.fileno(), READ)
            self._acceptors[index] = watcher, new
            if self._accepting:
                watcher.start(self._on_acceptable, new)
            done.append(f"{new.path} was gone and is there again")
        return "; ".join(done) or None

    def stop_accepting(self) -> None:
        """Remove the socket files; connected clients are served on."""
        self._accept_off()
        self._retry_timer.stop()
        for watcher, _ in self._acceptors:
            watcher.close()
        self._acceptors.clear()
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()

    def close(self) -> None:
        """Stop accepting and drop all clients; running handlers end by themselves, unheard."""
        self.stop_accepting()
        for connection in list(self._connections):
            connection.close()
        for timer in (self._turn_timer, self._retry_timer, self._sweep_timer):
            timer.stop()
            timer.close()

    # --- new clients ---------------------------------------------------------------------------

    def _accept_on(self) -> None:
        if not self._accepting:
            self._accepting = True
            for watcher, listener in self._acceptors:
                watcher.start(self._on_acceptable, listener)

    def _accept_off(self) -> None:
        if self._accepting:
            self._accepting = False
            for watcher, _ in self._acceptors:
                watcher.stop()

    def _on_acceptable(self, listener: Listener) -> None:
        for number in range(self._bounds.accepts_per_turn):
            if len(self._connections) >= self._connections_max:
                if number:
                    # Whether another client waits, the event loop will tell.
                    return
                if not self._make_room():
                    # `closed` or the sweep opens again; until then clients wait in the kernel.
                    self._accept_off()
                    return
            try:
                client = listener.accept()
            except BlockingIOError:
                return
            except OSError as err:
                if err.errno not in _OUT_OF_RESOURCES:
                    continue
                _log.warning("cannot accept clients: %s", err)
                self._accept_off()
                self._retry_timer.start(self._accept_on)
                return
            self._stats.accepted += 1
            self._connections[Connection(self, client)] = None

    def _make_room(self) -> bool:
        """Drop some clients that have been silent for long; False when there are none."""
        silent_since = self.monotonic_s() - self._bounds.idle_s
        victims = [
            connection
            for connection in self._connections
            if connection.idle and connection.progress_s <= silent_since
        ][: self._bounds.accepts_per_turn]
        for connection in victims:
            connection.close()
        self._stats.evicted += len(victims)
        return bool(victims)

    # --- messages ------------------------------------------------------------------------------

    def may_read_on(self, connection: Connection) -> bool:
        """Whether more input is welcome."""
        bounds = self._bounds
        return (
            connection.inbox_messages < bounds.pipeline_messages_max
            and connection.inbox_bytes < bounds.pipeline_bytes_max
        )

    def arrived(self, connection: Connection) -> None:
        """Messages have come, from a callback of the event loop."""
        if connection.ready and not (connection.serving or connection.scheduled):
            self._pool.lend(connection)

    def answered(self, connection: Connection) -> None:
        """An answer was sent completely; from anywhere."""
        if connection.ready and not connection.serving:
            self._schedule(connection)

    def _schedule(self, connection: Connection) -> None:
        """Serve the connection when the event loop has looked at the others."""
        if connection.scheduled:
            return
        connection.scheduled = True
        self._turns.append(connection)
        if not self._turn_timer.active:
            self._turn_timer.start(self._on_turn)

    def _on_turn(self) -> None:
        for _ in range(len(self._turns)):
            connection = self._turns.popleft()
            connection.scheduled = False
            self.arrived(connection)
        if self._turns and not self._turn_timer.active:
            self._turn_timer.start(self._on_turn)

    def _serve(self, connection: Connection) -> None:
        """Handle some messages of a connection, in a lent greenlet. Switches."""
        if connection.serving:
            return
        connection.serving = True
        try:
            for _ in range(self._bounds.messages_per_turn):
                message = connection.take()
                if message is None:
                    return
                self._handle(connection, message)
        finally:
            connection.serving = False
        if connection.ready:
            self._schedule(connection)

    def _handle(self, connection: Connection, message: bytes) -> None:
        self._stats.requests += 1
        reply = Reply(connection)
        try:
            self._handler(parse_request(message, gevent.sleep), connection.peer, reply)
        except GanetiError as err:
            self._stats.refused += isinstance(err, LuxiParseError)
            self._failed(reply, err)
        except (Exception, gevent.Timeout) as err:  # noqa: BLE001 - the client must hear of any fault
            _log.exception("a request failed unexpectedly")
            self._failed(reply, err)

    def _failed(self, reply: Reply, error: BaseException) -> None:
        if reply.answered:
            _log.error("after its answer a request failed: %s", error)
        else:
            reply.failure(error)

    # --- bounds --------------------------------------------------------------------------------

    def account(self, connection: Connection, held: int, unsent: int) -> bool:
        """Note the memory a connection needs; drops it and returns False when that is too much."""
        stats = self._stats
        old_held, old_unsent = self._memory.get(connection, (0, 0))
        stats.held_bytes += held - old_held
        stats.unsent_bytes += unsent - old_unsent
        if held or unsent:
            self._memory[connection] = (held, unsent)
        else:
            self._memory.pop(connection, None)
        bounds = self._bounds
        if (held > old_held and stats.held_bytes > bounds.held_bytes_max) or (
            unsent > old_unsent and stats.unsent_bytes > bounds.unsent_bytes_max
        ):
            stats.overflowed += 1
            _log.warning("dropped a client (pid %d): too many bytes wait", connection.peer.pid)
            connection.close()
            return False
        return True

    def closed(self, connection: Connection) -> None:
        """A connection has ended."""
        del self._connections[connection]
        if not self._accepting and self._acceptors and not self._retry_timer.active:
            self._accept_on()

    def _sweep(self) -> None:
        """Drop clients that stopped in the middle; let new ones in if there is room again."""
        stalled_since = self.monotonic_s() - self._bounds.stall_s
        for connection in list(self._memory):
            if connection.stalled and connection.progress_s <= stalled_since:
                self._stats.stalled += 1
                connection.close()
        if self._acceptors and not self._retry_timer.active:
            self._accept_on()


def _affordable(connections_max: int) -> int:
    """Return how many connections the process's file descriptors allow."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return connections_max
    return max(1, min(connections_max, soft - limits.LUXI_DESCRIPTORS_RESERVED))
