"""What a logical unit says while it works; it ends in the job's log.

Source: Ganeti 3.0.2 lib/mcpu.py, lib/jqueue (forms of the lines); jobfile.json log_entry.
"""

import logging
from collections.abc import Callable, Iterable
from enum import StrEnum

_log = logging.getLogger(__name__)


class LogKind(StrEnum):
    """Kinds of lines; the word is in the job file. Clients print messages and act on the others."""

    #: Text.
    MESSAGE = "message"
    #: Several texts; kept as so many messages, so that no job file has this word.
    MESSAGE_LIST = "message-list"
    REMOTE_IMPORT = "remote-import"
    #: `[socket path, name of the test, argument]`.
    JQUEUE_TEST = "jqueue-test"
    #: `[socket path]`.
    DELAY_TEST = "delay-test"


class Feedback:
    """The voice of one opcode. Speaking may switch."""

    def __init__(self, emit: Callable[[str, object], None]) -> None:
        """Prepare; `emit` takes a kind and a message, which is a JSON value."""
        self._emit = emit

    def __call__(self, text: str) -> None:
        """Say something."""
        self.entry(LogKind.MESSAGE, text)

    def lines(self, texts: Iterable[str]) -> None:
        """Say several things, one line each."""
        self.entry(LogKind.MESSAGE_LIST, list(texts))

    def info(self, text: str) -> None:
        """Tell how the work goes on."""
        _log.info("%s", text)
        self(f" - INFO: {text}")

    def warning(self, text: str, *, hint: str | None = None) -> None:
        """Tell of a trouble that does not end the work, and what may be done about it."""
        _log.warning("%s", text)
        self(f" - WARNING: {text}")
        if hint is not None:
            self(f"      Hint: {hint}")

    def step(self, current: int, total: int, text: str) -> None:
        """Tell that one of the numbered steps of the work begins."""
        self(f"STEP {current}/{total} {text}")

    def entry(self, kind: LogKind, message: object) -> None:
        """Add a line of any kind."""
        if kind is LogKind.MESSAGE_LIST and isinstance(message, list):
            for each in message:
                self._emit(LogKind.MESSAGE.value, each)
        else:
            self._emit(kind.value, message)
