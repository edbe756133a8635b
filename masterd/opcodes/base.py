"""What all opcodes have in common: declaration, loading, stored form, summary.

An opcode is declared as a frozen dataclass under `register`. Its fields are its parameters, the
field types its checks (`annotations`), the defaults its defaults; a field without default is
required. `register` works all of this out once, so that loading a document is one pass over its
keys.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from types import MappingProxyType
from typing import ClassVar, Final, Literal, TypeVar, get_type_hints

import msgspec

from masterd import limits
from masterd.filter.text import show_string
from masterd.opcodes.annotations import check_for
from masterd.opcodes.checks import Check, Refused
from masterd.opcodes.depends import Dependencies
from masterd.opcodes.errors import OpCodeError
from masterd.opcodes.numbers import double_text
from masterd.opcodes.params import NonNegativeInt
from masterd.opcodes.reason import ReasonEntry
from masterd.opcodes.secrets import REDACTED, Secret, sealed


@dataclass(frozen=True, kw_only=True, slots=True)
class OpCode:
    """One thing asked of the cluster. Parameters common to all opcodes."""

    OP_ID: ClassVar[str]
    #: What a logical unit may return, as a type (see `annotations`).
    RESULT: ClassVar[object]
    #: Parameter shown by `summary`.
    SUMMARY_FIELD: ClassVar[str | None] = None
    #: Parameters that messages must not show, besides those with private values.
    HIDDEN: ClassVar[frozenset[str]] = frozenset()
    #: Parameters of the form this one is derived from that nobody gives: they keep their default.
    GONE: ClassVar[frozenset[str]] = frozenset()

    #: Check only; not every opcode knows how.
    dry_run: bool | None = None
    debug_level: NonNegativeInt | None = None
    #: Smaller numbers run first.
    priority: Literal[-10, 0, 10] = 0
    depends: Dependencies | None = None
    #: Free text of the client, kept in the job.
    comment: str | None = None
    reason: tuple[ReasonEntry, ...] = ()

    def summary(self) -> str:
        """Return what lists show, such as `TEST_DELAY(0.1)`. Source: opcodes.json summary_luxid."""
        name = self.OP_ID.removeprefix("OP_")
        if self.SUMMARY_FIELD is None:
            return name
        value = getattr(self, self.SUMMARY_FIELD)
        return f"{name}({double_text(value) if isinstance(value, float) else value})"

    def to_input(self) -> dict[str, object]:
        """Return the stored form: every parameter, then OP_ID; JSON values only.

        Private and secret values are replaced by a constant. Loading the result gives the same
        opcode, those values excepted. The caller owns the result.
        """
        document: dict[str, object] = {}
        for name, structured in _PLANS[type(self)].stored:
            value = getattr(self, name)
            document[name] = _plain(value) if structured and value is not None else value
        document["OP_ID"] = self.OP_ID
        return document


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an opcode."""

    name: str
    check: Check
    required: bool
    #: As in a document; None for required ones.
    default: object
    #: Whether a value must not appear in messages.
    hidden: bool
    #: Whether kept values have to be turned into JSON values.
    structured: bool
    #: Whether a value may contain anything.
    free: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything about an opcode's class that loading and storing need."""

    opcode: type[OpCode]
    parameters: Mapping[str, Parameter]
    result: Check
    #: By parameter name: the check; whether null stands for the default; whether it is free-form.
    converters: dict[str, tuple[Callable[[object], object], bool, bool]]
    required: frozenset[str]
    #: Parameters in stored order, and whether they are structured.
    stored: tuple[tuple[str, bool], ...]


_PLANS: Final[dict[type[OpCode], Plan]] = {}
_REGISTERED: Final[dict[str, type[OpCode]]] = {}

#: All opcodes of 3.0 by OP_ID; complete once `masterd.opcodes` is imported.
REGISTRY: Final[Mapping[str, type[OpCode]]] = MappingProxyType(_REGISTERED)

#: Words of forms whose values are kept otherwise than JSON has them.
_STRUCTURES: Final = frozenset(
    ("list_of", "set_of", "dict_of", "tuple_of", "items", "private", "List", "Tuple", "Anything")
)
_COMMON: Final = tuple(field.name for field in fields(OpCode))

_C = TypeVar("_C", bound=type[OpCode])


def register(opcode: _C) -> _C:
    """Take an opcode's class into the registry.

    Raises:
        TypeError: a field has a type that stands for no check.
    """
    assert opcode.OP_ID not in _REGISTERED, opcode.OP_ID
    _REGISTERED[opcode.OP_ID] = opcode
    return declare(opcode)


def declare(opcode: _C) -> _C:
    """Work out what loading and storing an opcode needs, without taking it into the registry.

    Raises:
        TypeError: a field has a type that stands for no check.
    """
    hints = get_type_hints(opcode, include_extras=True)
    parameters = {
        field.name: _parameter(opcode, field, check_for(hints[field.name]))
        for field in fields(opcode)
        if field.name not in opcode.GONE
    }
    own = [name for name in parameters if name not in _COMMON]
    _PLANS[opcode] = Plan(
        opcode=opcode,
        parameters=MappingProxyType(parameters),
        result=check_for(opcode.RESULT),
        converters={
            item.name: (item.check.convert, not item.required, item.free)
            for item in parameters.values()
        },
        required=frozenset(item.name for item in parameters.values() if item.required),
        stored=tuple((name, parameters[name].structured) for name in [*own, *_COMMON]),
    )
    return opcode


def _parameter(opcode: type[OpCode], field: "Field[object]", check: Check) -> Parameter:
    default: object = None
    if field.default is not MISSING:
        default = _plain(field.default)
    elif field.default_factory is not MISSING:
        default = _plain(field.default_factory())
    words = frozenset(_form_words(check.form))
    return Parameter(
        name=field.name,
        check=check,
        required=field.default is MISSING and field.default_factory is MISSING,
        default=default,
        hidden="private" in words or field.name in opcode.HIDDEN,
        structured=not words.isdisjoint(_STRUCTURES),
        free="Anything" in words or "List" in words,
    )


def plan_of(op_id: str) -> Plan:
    """Return what is known about a registered opcode."""
    return _PLANS[_REGISTERED[op_id]]


class Catalogue:
    """The opcodes of one release of Ganeti, by OP_ID."""

    def __init__(self, opcodes: Mapping[str, type[OpCode]]) -> None:
        self._opcodes = opcodes

    def __iter__(self) -> Iterator[str]:
        return iter(self._opcodes)

    def plan_of(self, op_id: str) -> Plan:
        """Return what is known about an opcode."""
        return _PLANS[self._opcodes[op_id]]

    def changed(self, *opcodes: type[OpCode]) -> "Catalogue":
        """Return this one with some opcodes added or in the place of those with the same OP_ID."""
        return Catalogue({**self._opcodes, **{each.OP_ID: each for each in opcodes}})

    def load(self, document: object, *, reason_required: bool = True) -> OpCode:
        """Return the opcode that a JSON document describes, or refuse it; see `load`."""
        return _load(self._opcodes, document, reason_required)

    def summary_of(self, document: Mapping[str, object]) -> str | None:
        """Return the summary of a stored input; None where the release cannot read the opcode."""
        try:
            return self.load(document, reason_required=False).summary()
        except OpCodeError:
            return None


#: The opcodes of 3.0; complete once `masterd.opcodes` is imported.
CATALOGUE_3_0: Final = Catalogue(REGISTRY)


def load(document: object, *, reason_required: bool = True) -> OpCode:
    """Return the opcode of 3.0 that a JSON document describes, or refuse it.

    Null stands for a parameter's default where null itself is not allowed. Free-form parts of the
    document (hypervisor parameters, say) are taken over, not copied, except where they hold secrets
    of another opcode.

    Args:
        document: parsed JSON.
        reason_required: submissions must carry a reason trail; opcodes inside others need not.

    Raises:
        OpCodeError: the text names opcode, parameter and value; nothing else is raised.
    """
    return _load(REGISTRY, document, reason_required)


def _load(opcodes: Mapping[str, type[OpCode]], document: object, reason_required: bool) -> OpCode:
    if not isinstance(document, dict):
        raise OpCodeError("Unable to read JSObject")
    if reason_required and "reason" not in document:
        raise _missing_key("reason", document)
    op_id = document.get("OP_ID")
    if type(op_id) is not str:
        if "OP_ID" in document:
            raise OpCodeError("key 'OP_ID': Unable to read String")
        raise _missing_key("OP_ID", document)
    if op_id not in opcodes:
        raise OpCodeError(f"Unknown opcode {_cut(op_id)}")
    plan = _PLANS[opcodes[op_id]]
    converters = plan.converters
    values: dict[str, object] = {}
    for name, value in document.items():
        entry = converters.get(name)
        if entry is None:
            if name == "OP_ID":
                continue
            raise _unknown_parameters(plan, document)
        if value is None and entry[1]:
            continue
        if entry[2] and _too_deep(value):
            raise OpCodeError(
                f"{op_id}: parameter '{name}' is nested more than {limits.OPCODE_DEPTH_MAX} deep"
            )
        try:
            values[name] = entry[0](sealed(value) if entry[2] else value)
        except Refused:
            raise _wrong_value(plan, name, value) from None
        except OpCodeError as err:
            raise OpCodeError(f"{op_id}: parameter '{name}': {err.message}") from None
    if not plan.required <= values.keys():
        name = min(plan.required - values.keys())
        raise OpCodeError(f"{op_id}: required parameter '{name}': {_missing_text(name, document)}")
    make: Callable[..., OpCode] = plan.opcode
    return make(**values)


def encode_input(op: OpCode) -> bytes:
    """Return the stored form as JSON text in UTF-8."""
    return msgspec.json.encode(op.to_input())


def check_result(op: OpCode, value: object) -> str | None:
    """Return what is wrong with the result of an opcode, or None.

    Tuples count as arrays.
    """
    check = _PLANS[type(op)].result
    try:
        check.convert(value)
    except Refused:
        return f"{op.OP_ID}: result is {_shown(value)}, expected {check.text}"
    return None


def lost_secrets(op: OpCode) -> tuple[str, ...]:
    """Return the parameters whose secret values were lost, because `op` was loaded as stored."""
    return tuple(
        name
        for name, parameter in _PLANS[type(op)].parameters.items()
        if (parameter.hidden or parameter.free) and _has_lost(getattr(op, name))
    )


def _has_lost(value: object) -> bool:
    if isinstance(value, dict):
        return any(_has_lost(item) for item in value.values())
    if isinstance(value, tuple | list):
        return any(_has_lost(item) for item in value)
    if isinstance(value, OpCode):
        return bool(lost_secrets(value))
    return isinstance(value, Secret) and value.lost


def _form_words(form: object) -> Iterator[str]:
    """Yield the names in a check's form, those of combinators too."""
    if isinstance(form, str):
        yield form
    elif isinstance(form, dict):
        for word, operands in form.items():
            yield word
            if word != "oneof":
                yield from _form_words(operands)
    elif isinstance(form, list):
        for operand in form:
            yield from _form_words(operand)


def _too_deep(value: object) -> bool:
    """Tell whether arrays and objects are nested beyond the bound."""
    level: list[object] = [value]
    for _ in range(limits.OPCODE_DEPTH_MAX):
        inner: list[object] = []
        for item in level:
            if isinstance(item, list | tuple):
                inner.extend(item)
            elif isinstance(item, dict):
                inner.extend(item.values())
        if not inner:
            return False
        level = inner
    return True


def _plain(value: object) -> object:
    """Return a kept value as JSON values."""
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, Secret):
        return REDACTED
    if isinstance(value, OpCode):
        return value.to_input()
    if isinstance(value, frozenset):
        return sorted(value)
    return value


# --- texts --------------------------------------------------------------------------------------


def _shown(value: object) -> str:
    """Return a value as JSON, cut where nobody would read on."""
    try:
        text = json.dumps(sealed(value), default=_shown_as, ensure_ascii=False)
    except (RecursionError, TypeError, ValueError):
        text = f"of type {type(value).__name__}"
    return _cut(text)


def _shown_as(value: object) -> str:
    return REDACTED if isinstance(value, Secret) else type(value).__name__


def _cut(text: str) -> str:
    bound = limits.OPCODE_VALUE_CHARS_MAX
    return text if len(text) <= bound else text[:bound] + "…"


def _missing_text(key: str, document: Mapping[object, object]) -> str:
    names = list(document)[: limits.OPCODE_KEYS_TOLD_MAX]
    keys = ",".join(show_string(_cut(str(name))) for name in names)
    return f"key '{key}' not found, object contains only [{keys}]"


def _missing_key(key: str, document: Mapping[object, object]) -> OpCodeError:
    return OpCodeError(_missing_text(key, document))


def _unknown_parameters(plan: Plan, document: Mapping[object, object]) -> OpCodeError:
    # Values stay out: a misspelt name may stand before a password.
    unknown = sorted(
        str(name) for name in document if name not in plan.converters and name != "OP_ID"
    )
    told = ", ".join(f"'{_cut(name)}'" for name in unknown[: limits.OPCODE_KEYS_TOLD_MAX])
    known = ", ".join(sorted(plan.converters))
    return OpCodeError(f"{plan.opcode.OP_ID}: unknown parameter {told}; there are {known}")


def _wrong_value(plan: Plan, name: str, value: object) -> OpCodeError:
    parameter = plan.parameters[name]
    shown = REDACTED if parameter.hidden else _shown(value)
    return OpCodeError(
        f"{plan.opcode.OP_ID}: parameter '{name}' has value {shown},"
        f" expected {parameter.check.text}"
    )
