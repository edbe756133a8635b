"""Regular expressions that come from outside, matched at a cost that their authors cannot raise.

RE2 matches in time linear in the text, and in the pattern. It does without back-references and
look-around, which take exponential time in the engines that have them, and possessive repetition;
such patterns are refused.
Clients' own patterns (globs of names, `gnt-*` filters with `(?i:`) need neither. Otherwise it
reads what the reference's PCRE reads, as far as fields have it: classes such as `[[:digit:]]`,
`\\d` and `\\w` in ASCII. Only `$` does not match before a newline that ends the text.
"""

from typing import Final

import re2

from masterd.limits import QUERY_PATTERN_CHARS_MAX, QUERY_PATTERN_MEMORY_BYTES

_OPTIONS = re2.Options()
_OPTIONS.max_mem = QUERY_PATTERN_MEMORY_BYTES
_OPTIONS.never_capture = True
_OPTIONS.log_errors = False

#: Said of what RE2 leaves out, by how it calls it.
_LEFT_OUT: Final = (
    "; patterns are matched in linear time, without back-references, look-around and possessive"
    " repetition"
)
_LEFT_OUT_WORDS: Final = (
    "invalid perl operator", "invalid escape sequence", "bad repetition operator"
)  # fmt: skip
#: Other complaints, by how the reference words them.
_REFERENCE_WORDS: Final = {"no argument for repetition operator: *": "nothing to repeat"}


class PatternError(ValueError):
    """The text is no pattern; the message says why."""


class Pattern:
    """A compiled pattern."""

    __slots__ = ("_search", "size", "text")

    def __init__(self, text: str) -> None:
        """Compile.

        Raises:
            PatternError: it is too long or too large, or not in the language.
        """
        if len(text) > QUERY_PATTERN_CHARS_MAX:
            raise PatternError(
                f"Regular expression is longer than {QUERY_PATTERN_CHARS_MAX} characters"
            )
        try:
            compiled = re2.compile(text.encode(errors="surrogatepass"), _OPTIONS)
        except re2.error as error:
            raise PatternError(_explained(error)) from None
        self.text = text
        #: Instructions it was compiled to: what matching one character costs at most.
        self.size: int = compiled.programsize
        self._search = compiled.search

    def search(self, text: str) -> bool:
        """Tell whether the pattern is found in a text."""
        return self._search(text.encode(errors="surrogatepass")) is not None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pattern) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"Pattern({self.text!r})"


def _explained(error: Exception) -> str:
    told = error.args[0]
    text = told.decode(errors="replace") if isinstance(told, bytes) else str(told)
    if text.startswith(_LEFT_OUT_WORDS):
        return text + _LEFT_OUT
    return _REFERENCE_WORDS.get(text, text)
