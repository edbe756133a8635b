"""One client: its socket, what it has sent, what it has not read yet.

At most one request of a connection is outstanding; further ones wait in the inbox, and beyond a
bound in the kernel. Everything here runs in callbacks of the event loop or in the greenlet that
answers, and never switches. A connection without a request costs two small objects and a watcher,
no greenlet.
"""

import logging
from _socket import socket
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from gevent.monkey import get_original

from masterd.luxi.framing import Decoder, MessageTooLargeError, encode
from masterd.luxi.messages import encode_error
from masterd.luxi.sockets import peer_of

_log: Final = logging.getLogger(__name__)

READ, WRITE = 1, 2

_poll = get_original("select", "poll")
_POLLHUP = 0x10


class Loop(Protocol):
    """The part of gevent's event loop used here."""

    def io(self, fd: int, events: int) -> "Watcher": ...
    def run_callback_threadsafe(self, callback: Callable[..., None], *args: object) -> object: ...


class Watcher(Protocol):
    """One watcher of the event loop."""

    def start(self, callback: Callable[..., None], *args: object) -> None: ...
    def stop(self) -> None: ...
    def close(self) -> None: ...


class Owner(Protocol):
    """What a connection needs of its server."""

    @property
    def loop(self) -> Loop: ...
    @property
    def read_bytes(self) -> int: ...
    @property
    def message_bytes_max(self) -> int: ...
    def monotonic_s(self) -> float: ...
    def may_read_on(self, connection: "Connection") -> bool: ...
    def arrived(self, connection: "Connection") -> None: ...
    def answered(self, connection: "Connection") -> None: ...
    def account(self, connection: "Connection", held: int, unsent: int) -> bool: ...
    def closed(self, connection: "Connection") -> None: ...


class Connection:
    """A connected client; `take` hands out its requests, `answer` answers the outstanding one."""

    __slots__ = (
        "__weakref__",
        "_decoder",
        "_ending",
        "_gone",
        "_held",
        "_inbox",
        "_inbox_bytes",
        "_owner",
        "_reader",
        "_reading",
        "_socket",
        "_unsent",
        "_writer",
        "busy",
        "open",
        "peer",
        "progress_s",
        "scheduled",
        "serving",
    )

    def __init__(self, owner: Owner, client: socket) -> None:
        self._owner = owner
        self._socket = client
        self._decoder = Decoder(owner.message_bytes_max)
        #: None until a message has to wait.
        self._inbox: deque[bytes] | None = None
        self._inbox_bytes = 0
        #: Bytes last reported to the owner.
        self._held = 0
        self._unsent: memoryview | None = None
        self._writer: Watcher | None = None
        self._gone: Callable[[], None] | None = None
        #: Close when nothing is left to send and to answer.
        self._ending = False
        self.peer = peer_of(client)
        self.open = True
        #: A request was taken and is not answered.
        self.busy = False
        #: A greenlet is going through the inbox.
        self.serving = False
        #: It waits for its turn.
        self.scheduled = False
        #: When bytes last came or went.
        self.progress_s = owner.monotonic_s()
        self._reader = owner.loop.io(client.fileno(), READ)
        self._reading = True
        self._reader.start(self._on_readable)

    # --- what the server asks ------------------------------------------------------------------

    @property
    def inbox_messages(self) -> int:
        """Messages that wait."""
        return 0 if self._inbox is None else len(self._inbox)

    @property
    def inbox_bytes(self) -> int:
        """Bytes of the messages that wait."""
        return self._inbox_bytes

    @property
    def ready(self) -> bool:
        """Whether `take` would give a message."""
        return bool(self._inbox) and self.open and not self.busy and self._unsent is None

    @property
    def stalled(self) -> bool:
        """Whether the next step is the client's: reading its answer, or ending its message."""
        return self._unsent is not None or (self._reading and self._decoder.pending_bytes > 0)

    @property
    def idle(self) -> bool:
        """Whether nothing would be lost by closing."""
        return not (self.busy or self.serving or self._inbox or self.stalled)

    def take(self) -> bytes | None:
        """Return the next message, which is then outstanding; None when none may be handled."""
        if not self.ready:
            return None
        assert self._inbox is not None
        message = self._inbox.popleft()
        self._inbox_bytes -= len(message)
        self.busy = True
        if self._held:
            self._report()
        if not self._reading:
            self._read_on()
        return message

    def answer(self, message: bytes, last: bool) -> None:
        """Send the framed answer to the outstanding message; `last`: and then close."""
        self.busy = False
        self._gone = None
        if not self.open:
            return
        if last:
            self._end_input()
        self._send(message)
        if self._unsent is None:
            self._after_answer()

    def on_gone(self, callback: Callable[[], None]) -> None:
        """Call back once if the client goes away before the outstanding message is answered."""
        if self.open:
            self._gone = callback
        else:
            callback()

    def lost(self, error: BaseException) -> None:
        """Answer the outstanding message with an error soon; from any thread."""
        message = encode(encode_error(error))
        self._owner.loop.run_callback_threadsafe(self.answer, message, False)

    def close(self) -> None:
        """Drop the client now."""
        if not self.open:
            return
        self.open = False
        self._reader.stop()
        self._reader.close()
        self._stop_writer()
        self._socket.close()
        self._inbox = None
        self._inbox_bytes = 0
        self._unsent = None
        self._decoder = Decoder(0)
        self._report()
        gone, self._gone = self._gone, None
        self._owner.closed(self)
        if gone is not None:
            try:
                gone()
            except Exception:  # noqa: BLE001 - whoever closes has others to close
                _log.exception("a callback for a client that left has failed")

    # --- input ---------------------------------------------------------------------------------

    def _on_readable(self) -> None:
        try:
            data = self._socket.recv(self._owner.read_bytes)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self.close()
            return
        if not data:
            self._on_end_of_input()
            return
        self.progress_s = self._owner.monotonic_s()
        try:
            messages = self._decoder.feed(data)
        except MessageTooLargeError as err:
            self._refuse(err)
            return
        if messages:
            if self._inbox is None:
                self._inbox = deque(messages)
            else:
                self._inbox.extend(messages)
            self._inbox_bytes += sum(map(len, messages))
            if not self.busy:
                self._owner.arrived(self)
        if self._report() and self._inbox and not self._owner.may_read_on(self):
            self._pause_reading()

    def _on_end_of_input(self) -> None:
        """The client has closed, or only its sending side; then it still reads answers."""
        if self._hung_up() or not (self.busy or self._inbox or self._unsent is not None):
            self.close()
            return
        self._pause_reading()
        self._ending = True

    def _hung_up(self) -> bool:
        poll = _poll()
        poll.register(self._socket.fileno(), 0)
        return any(events & _POLLHUP for _, events in poll.poll(0))

    def _refuse(self, error: MessageTooLargeError) -> None:
        """Tell the client why its input ends here, after the answers it still waits for."""
        if self.busy or self._inbox or self._unsent is not None:
            self.close()
            return
        self.answer(encode(encode_error(error)), last=True)

    def _end_input(self) -> None:
        self._pause_reading()
        self._inbox = None
        self._inbox_bytes = 0
        self._decoder = Decoder(0)
        self._ending = True
        self._report()

    def _pause_reading(self) -> None:
        if self._reading:
            self._reading = False
            self._reader.stop()

    def _read_on(self) -> None:
        if not self._reading and not self._ending and self._owner.may_read_on(self):
            self._reading = True
            self._reader.start(self._on_readable)

    # --- output --------------------------------------------------------------------------------

    def _send(self, data: bytes) -> None:
        try:
            sent = self._socket.send(data)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError:
            self.close()
            return
        if sent < len(data):
            self.progress_s = self._owner.monotonic_s()
            self._unsent = memoryview(data)[sent:]
            if self._report():
                self._writer = self._owner.loop.io(self._socket.fileno(), WRITE)
                self._writer.start(self._on_writable)

    def _on_writable(self) -> None:
        assert self._unsent is not None
        try:
            sent = self._socket.send(self._unsent)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self.close()
            return
        self.progress_s = self._owner.monotonic_s()
        self._unsent = self._unsent[sent:] if sent < len(self._unsent) else None
        if self._report() and self._unsent is None:
            self._stop_writer()
            self._after_answer()

    def _after_answer(self) -> None:
        if self._ending and not self._inbox:
            self.close()
        elif self.open:
            self._owner.answered(self)

    def _stop_writer(self) -> None:
        if self._writer is not None:
            self._writer.stop()
            self._writer.close()
            self._writer = None

    def _report(self) -> bool:
        """Tell the owner how much memory is held; False when it has closed this connection."""
        held = self._decoder.pending_bytes + self._inbox_bytes
        unsent = 0 if self._unsent is None else len(self._unsent)
        if held == 0 and unsent == 0 and self._held == 0:
            return self.open
        self._held = held + unsent
        return self._owner.account(self, held, unsent) and self.open
