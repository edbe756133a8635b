"""JSON text without letters beyond ASCII.

The reference's Haskell daemons decode the files they read by the locale they happen to run in, and
in that of a boot script ("C") one such letter stops them.
"""

import re
from typing import Final

_BEYOND_ASCII: Final = re.compile(r"[^\x00-\x7f]")


def in_ascii(encoded: bytes) -> bytes:
    """Return JSON text in UTF-8 with escapes for whatever is beyond ASCII; the value is the same.

    Outside of its strings JSON is ASCII, so that no look at its structure is needed.
    """
    if encoded.isascii():
        return encoded
    return _BEYOND_ASCII.sub(_escaped, encoded.decode()).encode()


def _escaped(match: re.Match[str]) -> str:
    """Return a character as JSON escapes: one for each of its UTF-16 units."""
    units = match[0].encode("utf-16-be")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
