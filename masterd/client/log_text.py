"""Messages of a job's log as text. Source: Ganeti 3.0.2 lib/cli.py (forms)."""

from typing import Final


def log_text(kind: str, message: object) -> str:
    """Return a log message on one line of printable ASCII.

    Messages of other kinds than "message" are documents and shown as such.
    """
    text = message if kind == "message" and isinstance(message, str) else str(message)
    return "".join(map(_printable, text.encode("ascii", "backslashreplace").decode("ascii")))


def _printable(character: str) -> str:
    special = _SPECIAL.get(character)
    if special is not None:
        return special
    if not " " <= character < "\x7f":
        return f"\\x{ord(character):02x}"
    return character


#: The odd one is the reference's.
_SPECIAL: Final = {"\t": "\\t", "\n": "\\n", "\r": "\\'r"}
