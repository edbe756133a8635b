"""Filters as people type them, turned into the query language's documents.

    status == "running" and not ("gnt-cluster" in summary)
    id >= 100 or summary =~ m/INSTANCE_.*/i

Theory: a hand-written descent over `or`, `and`, `not`, in rising order of binding, down to one
condition: a field alone (its truth), a field compared with a number or quoted text, a regular
expression (`=~`, `!~`, between `/`, `#`, `^` or `|`, with flags `i` and `s`), a name pattern (`=*`,
`!*`), or a value `in` a field. Field names begin with a letter and go on with letters, digits, `_`,
`/` and `.`.

Source: Ganeti 3.0.2 lib/qlang.py (grammar), luxi.json filter_language (documents).
"""

import re
from typing import Any, Final

from masterd.limits import QUERY_FILTER_DEPTH_MAX

#: A single argument with one of these is a filter, not a name. Source: constants.json
#: QLANG_FILTER_DETECTION_CHARS.
DETECTION_CHARACTERS: Final = frozenset("\t\n\v\f\r !\"'()/<=>\\~")

#: The document as it goes on the wire.
Document = list[Any]

_COMPARISONS: Final = {
    "==": "==",
    "=": "==",
    "!=": "!=",
    "<": "<",
    "<=": "<=",
    ">": ">",
    ">=": ">=",
}

_SPACE: Final = re.compile(r"\s*")
_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9_/.]*")
_NUMBER: Final = re.compile(r"[-+]?[0-9]+")
_QUOTED: Final = re.compile(r"'(?:[^'\n\r\\]|\\.)*'|\"(?:[^\"\n\r\\]|\\.)*\"")
_OPERATOR: Final = re.compile(r"=~|!~|=\*|!\*|==|!=|<=|>=|=|<|>")
_REGEX: Final = re.compile(r"m?([/#^|])((?:(?!\1)[^\\\n]|\\.)*)\1([A-Za-z]*)")
_KEYWORDS: Final = frozenset({"and", "or", "not", "in"})


class FilterTextError(Exception):
    """The text is no filter. `position` counts characters from 0."""

    def __init__(self, text: str, position: int, problem: str) -> None:
        super().__init__(
            f"Failed to parse query filter '{text}': {problem} (at char {position})\n"
            f"{text}\n{' ' * position}^"
        )
        self.position = position


def parse_filter(text: str) -> Document:
    """Return the document of a filter.

    Raises:
        FilterTextError: with the place of the mistake.
    """
    return _Parser(text).parse()


def looks_like_filter(argument: str) -> bool:
    """Tell whether an argument is meant as a filter rather than as a name."""
    return bool(frozenset(argument) & DETECTION_CHARACTERS)


class _Parser:
    """One pass over one text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self._depth = 0

    def parse(self) -> Document:
        document = self._alternatives()
        self._skip_space()
        if self._position != len(self._text):
            raise self._error("expected the end")
        return document

    def _alternatives(self) -> Document:
        return self._joined("or", "|", lambda: self._joined("and", "&", self._negation))

    def _joined(self, keyword: str, operator: str, operand: Any) -> Document:
        parts = [operand()]
        while self._take_keyword(keyword):
            parts.append(operand())
        return parts[0] if len(parts) == 1 else [operator, *parts]

    def _negation(self) -> Document:
        self._depth += 1
        if self._depth > QUERY_FILTER_DEPTH_MAX:
            raise self._error(f"more than {QUERY_FILTER_DEPTH_MAX} levels")
        try:
            if self._take_keyword("not"):
                return ["!", self._negation()]
            if self._take("("):
                inner = self._alternatives()
                if not self._take(")"):
                    raise self._error("expected ')'")
                return inner
            return self._condition()
        finally:
            self._depth -= 1

    def _condition(self) -> Document:
        value = self._value()
        if value is not None:
            return self._membership(value)
        field = self._field()
        place = self._position
        operator = self._match(_OPERATOR)
        if operator is None:
            return ["?", field]
        symbol = operator.group()
        if symbol in _COMPARISONS:
            compared = self._value()
            if compared is None:
                raise self._error("expected a number or quoted text")
            return [_COMPARISONS[symbol], field, compared]
        if symbol in ("=~", "!~"):
            condition = ["=~", field, self._regex()]
        elif symbol in ("=*", "!*"):
            condition = ["=~", field, self._pattern()]
        else:
            self._position = place
            raise self._error("unknown operator")
        return condition if symbol[0] == "=" else ["!", condition]

    def _membership(self, value: str | int) -> Document:
        negated = self._take_keyword("not")
        if not self._take_keyword("in"):
            raise self._error("expected 'in' and a field")
        condition: Document = ["=[]", self._field(), value]
        return ["!", condition] if negated else condition

    def _field(self) -> str:
        self._skip_space()
        start = self._position
        word = self._match(_WORD)
        if word is None or word.group() in _KEYWORDS:
            self._position = start
            raise self._error("expected a field")
        return word.group()

    def _value(self) -> str | int | None:
        """Take a number or quoted text; quotes go, escapes stay as they are."""
        quoted = self._match(_QUOTED)
        if quoted is not None:
            return quoted.group()[1:-1]
        number = self._match(_NUMBER)
        return None if number is None else int(number.group())

    def _regex(self) -> str:
        start = self._position
        found = self._match(_REGEX)
        if found is None:
            raise self._error("expected a regular expression such as /text/")
        delimiter, body, flags = found.groups()
        unknown = sorted(set(flags) - set("is"))
        if unknown:
            self._position = start
            raise self._error(f"unknown flags '{''.join(unknown)}'")
        expression = body.replace(f"\\{delimiter}", delimiter)
        if flags:
            expression = f"(?{''.join(sorted(set(flags)))}){expression}"
        try:
            re.compile(expression)
        except re.error as error:
            self._position = start
            raise self._error(f"no regular expression ({error})") from None
        return expression

    def _pattern(self) -> str:
        quoted = self._match(_QUOTED)
        if quoted is None:
            raise self._error("expected a quoted name pattern")
        return name_pattern(quoted.group()[1:-1])

    # --- characters -----------------------------------------------------------------------------

    def _skip_space(self) -> None:
        space = _SPACE.match(self._text, self._position)
        assert space is not None, "the expression matches the empty text"
        self._position = space.end()

    def _match(self, expression: re.Pattern[str]) -> re.Match[str] | None:
        self._skip_space()
        found = expression.match(self._text, self._position)
        if found is not None:
            self._position = found.end()
        return found

    def _take(self, character: str) -> bool:
        self._skip_space()
        if self._text.startswith(character, self._position):
            self._position += len(character)
            return True
        return False

    def _take_keyword(self, keyword: str) -> bool:
        start = self._position
        word = self._match(_WORD)
        if word is not None and word.group() == keyword:
            return True
        self._position = start
        return False

    def _error(self, problem: str) -> FilterTextError:
        self._skip_space()
        return FilterTextError(self._text, self._position, problem)


def name_pattern(pattern: str) -> str:
    """Return the regular expression of a name pattern: `*` and `?` do not cross a dot.

    The expression covers whole parts of a name from its beginning.
    """
    translated = {"*": "[^.]*", "?": "[^.]"}
    body = "".join(translated.get(character) or re.escape(character) for character in pattern)
    return rf"^{body}(\..*)?$"
