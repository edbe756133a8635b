"""What holds a queued job back besides dependencies: filter rules and rate limits. Pure.

Of the rules, in the order of priority, watermark and uuid, the first one decides whose predicates
all match and that does not say CONTINUE; where there is none, the job may start. Besides, a reason
`rate-limit:<n>:<name>` in the trail of any of its opcodes lets a job start only while fewer than n
jobs with the same text run.

A predicate is false as a whole when it comes to a comparison that cannot be made. Source:
filters.json; decisions of a running 3.0.2 luxid.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from operator import itemgetter
from typing import Any, Final

import msgspec

from masterd.config.filter import FilterRule
from masterd.errors import GenericError, ParameterError
from masterd.filter import language
from masterd.filter.fields import Field, FilterMode, Kind
from masterd.filter.language import Equal, Filter, FilterSyntaxError, Leaf, Order, Truth
from masterd.filter.predicate import compile_filter
from masterd.job.model import Job, Json
from masterd.job.status import OpStatus

#: Keys of every opcode, which rules do not see. Source: filters.json, predicates.opcode.
_COMMON: Final = ("comment", "debug_level", "depends", "dry_run", "priority", "reason")

#: What a rule's predicate calls the highest job id there was when the rule was made.
_WATERMARK: Final = "watermark"

_RATE_LIMIT: Final = re.compile(r"rate-limit:(\s*([0-9]{1,18})(?::.*)?)", re.DOTALL)
#: Stands for a comparison that cannot be made: it is tried, and fails.
_IMPOSSIBLE: Final = Truth("")


@dataclass(frozen=True, slots=True)
class Bucket:
    """Jobs of which only so many may run at once.

    Attributes:
        name: The rule's uuid, or the text behind `rate-limit:`.
        of_rule: Which of them it is.
    """

    name: str
    of_rule: bool
    limit: int


class Verdict(Enum):
    """Whether a queued job may start."""

    OPEN = "when its buckets have room"
    HELD = "not while the rules are as they are"
    REJECTED = "never: it is to be canceled"


@dataclass(frozen=True, slots=True)
class Lane:
    """Where a job waits, and what it counts for while it runs."""

    verdict: Verdict = Verdict.OPEN
    buckets: tuple[Bucket, ...] = ()


OPEN: Final = Lane()


@dataclass(frozen=True, slots=True)
class Facts:
    """What rules know of a job.

    Attributes:
        begun: It was started already, and goes on whatever rules say.
        ops: Its opcodes' documents, without what all opcodes have.
        reasons: Entries of its opcodes' trails, `(source, reason, time in ns)`.
    """

    job_id: int
    begun: bool
    ops: tuple[Mapping[str, object], ...]
    reasons: tuple[Sequence[object], ...]

    @classmethod
    def of(cls, job: Job) -> "Facts":
        """Read them off a job."""
        ops = []
        reasons: list[Sequence[object]] = []
        for op in job.ops:
            document: dict[str, Any] = msgspec.json.decode(op.input)
            reasons += (each for each in document.get("reason") or () if len(each) == 3)
            for name in _COMMON:
                document.pop(name, None)
            ops.append(document)
        begun = any(op.status is not OpStatus.QUEUED for op in job.ops)
        return cls(job.job_id, begun, tuple(ops), tuple(reasons))


_Test = Callable[[Facts], bool]


@dataclass(frozen=True, slots=True)
class _Compiled:
    rule: FilterRule
    matches: _Test
    #: None: it lets jobs start.
    verdict: Verdict | None
    bucket: Bucket | None


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules as they are looked at, in order.

    Attributes:
        source: The rules that these were made of, in the order of the configuration.
    """

    source: tuple[FilterRule, ...] = ()
    _compiled: tuple[_Compiled, ...] = ()

    @classmethod
    def of(cls, rules: Iterable[FilterRule], before: "Rules | None" = None) -> "Rules":
        """Compile rules; what is in `before` as well is taken from there."""
        source = tuple(rules)
        known = {} if before is None else {each.rule.uuid: each for each in before._compiled}
        compiled = []
        for rule in sorted(source, key=lambda rule: (rule.priority, rule.watermark, rule.uuid)):
            if rule.action == "CONTINUE":
                continue
            each = known.get(rule.uuid)
            compiled.append(each if each is not None and each.rule is rule else _compile(rule))
        return cls(source, tuple(compiled))

    def __len__(self) -> int:
        """Return how many of them may decide."""
        return len(self._compiled)

    def lane_of(self, job: Job) -> Lane:
        """Return where a job waits; what it is made of is read only where that matters."""
        if self._compiled or any(_may_limit(op.input) for op in job.ops):
            return lane(self, Facts.of(job))
        return OPEN


def _may_limit(text: Json) -> bool:
    """Tell whether an opcode can have a reason that limits; JSON has two ways to write it."""
    return b"rate-limit:" in text or b"\\u" in text


def lane(rules: Rules, facts: Facts) -> Lane:
    """Return where a job waits by these rules."""
    buckets = _reason_buckets(facts)
    for each in rules._compiled:
        if each.matches(facts):
            if each.verdict is not None and not facts.begun:
                return Lane(each.verdict, buckets)
            return Lane(Verdict.OPEN, buckets if each.bucket is None else (each.bucket, *buckets))
    return Lane(Verdict.OPEN, buckets) if buckets else OPEN


def _reason_buckets(facts: Facts) -> tuple[Bucket, ...]:
    found: dict[str, Bucket] = {}
    for _, reason, _ in facts.reasons:
        limit = _RATE_LIMIT.fullmatch(reason) if isinstance(reason, str) else None
        if limit is not None and int(limit[2]) > 0:
            found[limit[1]] = Bucket(limit[1], False, int(limit[2]))
    return tuple(found[name] for name in sorted(found))


# --- rules become functions ---------------------------------------------------------------------


def _compile(rule: FilterRule) -> _Compiled:
    tests = [_predicate(document, rule.watermark) for document in rule.predicates]
    verdict = {"PAUSE": Verdict.HELD, "REJECT": Verdict.REJECTED}.get(str(rule.action))
    bucket = None
    if isinstance(rule.action, tuple):
        bucket = Bucket(rule.uuid, True, rule.action[1])
    return _Compiled(rule, _all(tests), verdict, bucket)


def _all(tests: Sequence[_Test]) -> _Test:
    if len(tests) == 1:
        return tests[0]
    return lambda facts: all(test(facts) for test in tests)


def _predicate(document: Sequence[object], watermark: int) -> _Test:
    """Return a function for `[name, filter]`; one that cannot be read is never true.

    Rules that clients give were read before they were kept; others can be in a configuration that
    was taken over.
    """
    try:
        name, wanted = document
        parsed = language.parse(wanted)
    except (FilterSyntaxError, ValueError):
        return lambda facts: False
    match name:
        case "jobid":
            return _of_job_id(parsed, watermark)
        case "opcode":
            return _of_opcodes(parsed)
        case "reason":
            return _of_reasons(parsed)
        case _:
            return lambda facts: False


def _of_job_id(wanted: Filter, watermark: int) -> _Test:
    def leaf(each: Leaf) -> Leaf:
        match each:
            case Equal("id", value) | Order(_, "id", value):
                if value == _WATERMARK:
                    return replace(each, value=watermark)
                return each if isinstance(value, int) else _IMPOSSIBLE
            case _:
                return _IMPOSSIBLE

    fields = {"id": _field("id", lambda facts: facts.job_id)}
    return _guarded(language.with_leaves(wanted, leaf), fields)


def _of_opcodes(wanted: Filter) -> _Test:
    """An opcode without one of the fields does not match, whatever the filter says of it."""
    values = {name: _getter(name) for name in language.fields_of(wanted)}
    needed = tuple(values.values())
    passes = _guarded(wanted, {name: _field(name, get) for name, get in values.items()})

    def test(facts: Facts) -> bool:
        for op in facts.ops:
            for get in needed:
                if get(op) is None:
                    break
            else:
                if passes(op):
                    return True
        return False

    return test


def _of_reasons(wanted: Filter) -> _Test:
    places = ("source", "reason", "timestamp")

    def leaf(each: Leaf) -> Leaf:
        match each:
            case Equal(name, _) | Order(_, name, _) if name in places:
                return each
            case _:
                return _IMPOSSIBLE

    fields = {name: _field(name, itemgetter(place)) for place, name in enumerate(places)}
    passes = _guarded(language.with_leaves(wanted, leaf), fields)

    def test(facts: Facts) -> bool:
        for entry in facts.reasons:  # noqa: SIM110 - a third of the time of `any`
            if passes(entry):
                return True
        return False

    return test


def _getter(name: str) -> Callable[[Mapping[str, object]], object]:
    """Return what finds the value below these keys; None where there is nothing, or null."""
    first, *others = name.split(".")

    def value_at(op: Mapping[str, object]) -> object:
        value = op.get(first)
        for key in others:
            if not isinstance(value, dict):
                return None
            value = value.get(key)
        return value

    return value_at


def _guarded(wanted: Filter, fields: Mapping[str, Field[Any]]) -> Callable[[Any], bool]:
    """Return the filter's function; false where it comes to what cannot be compared."""
    passes = compile_filter(wanted, {**fields, _IMPOSSIBLE.field: _field("", lambda row: None)})

    def test(row: object) -> bool:
        try:
            return passes(row)
        except (GenericError, ParameterError):
            return False

    return test


def _field(name: str, get: Callable[[Any], object]) -> Field[Any]:
    return Field(name, name, Kind.OTHER, "", get, FilterMode.ANY)
