"""What a demonstration prints: headings, aligned lines, commands with their output."""

import os
import threading
from collections.abc import Mapping
from typing import Final, TextIO

_BOLD: Final = "\x1b[1m"
_DIM: Final = "\x1b[2m"
_COLORS: Final[Mapping[str, str]] = {
    "success": "\x1b[32m",
    "error": "\x1b[31m",
    "canceled": "\x1b[33m",
    "canceling": "\x1b[33m",
    "running": "\x1b[36m",
}
_PLAIN: Final = "\x1b[0m"


class Terminal:
    """Writes whole lines, from any thread; with colours only where a person sees them."""

    def __init__(self, output: TextIO, *, color: bool | None = None) -> None:
        """Prepare; `color` None means: if the output is a terminal and NO_COLOR is not set."""
        self.output = output
        self._color = color
        if color is None:
            self._color = output.isatty() and "NO_COLOR" not in os.environ
        self._lock = threading.Lock()

    def line(self, text: str = "") -> None:
        """Write a line."""
        with self._lock:
            print(text, file=self.output, flush=True)

    def heading(self, text: str) -> None:
        """Begin a part."""
        self.line()
        self.line(self._painted(text, _BOLD))

    def fact(self, name: str, value: object) -> None:
        """Write a line of a list of names and values."""
        self.line(f"  {name:<14} {value}")

    def command(self, text: str) -> None:
        """Write a command as one would type it."""
        self.line()
        self.line(self._painted(f"  $ {text}", _DIM))

    def indented(self, text: str) -> None:
        """Write the output of a command."""
        for line in text.splitlines():
            self.line(f"  {line}".rstrip())

    def status(self, word: str, width: int = 0) -> str:
        """Return a job's status, padded, in its colour."""
        return self._painted(word.ljust(width), _COLORS.get(word, ""))

    def _painted(self, text: str, code: str) -> str:
        return f"{code}{text}{_PLAIN}" if self._color and code else text
