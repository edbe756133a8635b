"""Whatever a client sends as an opcode is loaded or refused; what loads stays what it is."""

import ipaddress
import json
from collections.abc import Mapping
from functools import cache
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

import masterd.opcodes  # noqa: F401  # declares all opcodes
from masterd import limits
from masterd.opcodes.base import REGISTRY, encode_input, load, lost_secrets, plan_of
from masterd.opcodes.errors import OpCodeError

Document = dict[str, object]
Values = st.SearchStrategy[object]

_int64 = st.integers(-(2**63), 2**63 - 1)
_fractions = st.floats(allow_nan=False, allow_infinity=False)
_text = st.text(max_size=8)
_scalar: Values = st.one_of(st.none(), st.booleans(), _int64, _fractions, _text)
_json: Values = st.recursive(
    _scalar,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_text, inner, max_size=3)),
    max_leaves=6,
)
_op_ids = st.sampled_from(sorted(REGISTRY))
#: Its values are opcode documents, refused in their own words.
_DOCUMENTS: Final = ("OP_INSTANCE_MULTI_ALLOC", "instances")

# --- values that a check accepts ----------------------------------------------------------------

_SINGLE: Final[Mapping[str, Values]] = {
    "None": st.none(),
    "Anything": _json,
    "Boolean": st.booleans(),
    "Integer": st.one_of(_int64, st.integers(-(2**50), 2**50).map(float)),
    "Float": st.one_of(_int64, _fractions),
    "String": _text,
    "NonEmptyString": st.text(min_size=1, max_size=8),
    "List": st.lists(_json, max_size=3),
    "Tuple": st.nothing(),
    "JobId": st.one_of(st.integers(0, 2**63 - 1), st.integers(0, 10**6).map(str)),
    "RelativeJobId": st.integers(-(2**63), -1),
    "IPv4 address": st.ip_addresses(v=4).map(str),
    "IPv4 network": st.ip_addresses(v=4).map(lambda found: str(ipaddress.ip_network(found))),
    "IPv6 address": st.ip_addresses(v=6).map(str),
    "IPv6 network": st.ip_addresses(v=6).map(lambda found: str(ipaddress.ip_network(found))),
    "EqualOrGreaterThanZero": st.integers(0, 2**63 - 1),
    "GreaterThanZero": st.integers(1, 2**63 - 1),
}


def accepted(form: object) -> Values:
    """Return values that a check of this form takes. See `masterd.opcodes.checks.Check`."""
    if isinstance(form, str):
        return _SINGLE[form]
    assert isinstance(form, dict)
    word, operands = next(iter(form.items()))
    match word:
        case "oneof":
            return st.sampled_from(operands)
        case "number":
            return _SINGLE[operands]
        case "less_than":
            return st.integers(0, operands - 1)
        case "or":
            return st.one_of(*map(accepted, operands))
        case "and":
            # The last one is the narrowest: of the items, the address, below the bound.
            return accepted(operands[-1])
        case "items" | "tuple_of":
            return st.tuples(*map(accepted, operands)).map(list)
        case "list_of" | "set_of":
            return st.lists(accepted(operands), max_size=3)
        case "dict_of":
            key = _text if operands[0] == "Anything" else accepted(operands[0])
            return st.dictionaries(key, accepted(operands[1]), max_size=3)
        case "private":
            return accepted(operands)
    raise AssertionError(f"no values for {form!r}")


@cache
def accepted_for(op_id: str, name: str) -> Values:
    """Return values that a parameter takes."""
    if (op_id, name) == _DOCUMENTS:
        return st.lists(documents("OP_INSTANCE_CREATE"), max_size=2)
    return accepted(plan_of(op_id).parameters[name].check.form)


@st.composite
def documents(draw: st.DrawFn, op_id: str | None = None) -> Document:
    """Draw a document that has to load: all required parameters, a few others."""
    op_id = op_id or draw(_op_ids)
    plan = plan_of(op_id)
    optional = sorted(plan.parameters.keys() - plan.required)
    names = plan.required | draw(st.frozensets(st.sampled_from(optional), max_size=6))
    values = {name: draw(accepted_for(op_id, name)) for name in sorted(names)}
    return {"reason": [], **values, "OP_ID": op_id}


def shown(value: object) -> str:
    """Return what a refusal has to tell of a value."""
    return json.dumps(value, ensure_ascii=False)[: limits.OPCODE_VALUE_CHARS_MAX]


# --- the properties -----------------------------------------------------------------------------


@given(document=documents())
def test_a_document_within_the_declaration_loads(document: Document) -> None:
    op = load(document)
    assert document["OP_ID"] == op.OP_ID
    assert op.summary().startswith(op.OP_ID.removeprefix("OP_"))


@given(document=documents())
def test_a_stored_opcode_loads_as_the_same_opcode(document: Document) -> None:
    op = load(document)
    again = load(json.loads(encode_input(op)))
    if not lost_secrets(again):
        assert again == op
    assert again.to_input() == op.to_input()
    assert again.to_input() == json.loads(encode_input(op))
    assert again.summary() == op.summary()


@given(anything=_json)
def test_what_names_no_opcode_is_refused(anything: object) -> None:
    with pytest.raises(OpCodeError):
        load(anything)


@given(op_id=_op_ids, others=st.dictionaries(_text, _json, max_size=4), data=st.data())
def test_any_object_with_an_op_id_is_loaded_or_refused_by_name(
    op_id: str, others: Document, data: st.DataObject
) -> None:
    names = data.draw(st.lists(st.sampled_from(sorted(plan_of(op_id).parameters)), max_size=5))
    values = {name: data.draw(_json) for name in names}
    try:
        op = load({**others, **values, "reason": [], "OP_ID": op_id})
    except OpCodeError as error:
        assert error.message.startswith(f"{op_id}: ")
    else:
        assert others.keys() <= plan_of(op_id).parameters.keys()
        assert op_id == op.OP_ID


@given(document=documents(), value=_json, data=st.data())
def test_a_refusal_names_opcode_parameter_and_value(
    document: Document, value: object, data: st.DataObject
) -> None:
    op_id = str(document["OP_ID"])
    name = data.draw(st.sampled_from(sorted(plan_of(op_id).parameters)))
    try:
        load({**document, name: value})
    except OpCodeError as error:
        assert error.message.startswith(f"{op_id}: ")
        assert f"parameter '{name}'" in error.message
        hidden = plan_of(op_id).parameters[name].hidden
        if not hidden and (op_id, name) != _DOCUMENTS:
            assert f"has value {shown(value)}" in error.message


@given(document=documents(), name=_text, value=_json)
def test_an_unknown_parameter_is_refused_without_telling_its_value(
    document: Document, name: str, value: object
) -> None:
    op_id = str(document["OP_ID"])
    name = f"{name}-unknown"
    with pytest.raises(OpCodeError) as caught:
        load({**document, name: ["a password", value]})
    assert caught.value.message.startswith(f"{op_id}: unknown parameter '{name}'; there are ")
    assert "a password" not in caught.value.message


@given(document=documents(), data=st.data())
def test_a_missing_parameter_is_named(document: Document, data: st.DataObject) -> None:
    op_id = str(document["OP_ID"])
    required = sorted(plan_of(op_id).required)
    if not required:
        assert op_id == load({"OP_ID": op_id, "reason": []}).OP_ID
        return
    name = data.draw(st.sampled_from(required))
    del document[name]
    with pytest.raises(OpCodeError) as caught:
        load(document)
    assert caught.value.message.startswith(f"{op_id}: required parameter '{name}': ")


_HIDDEN: Final = [
    (op_id, name)
    for op_id in sorted(REGISTRY)
    for name, parameter in plan_of(op_id).parameters.items()
    if parameter.hidden
]


@given(where=st.sampled_from(_HIDDEN), secret=st.integers(10**9, 10**12).map(str), data=st.data())
def test_a_private_value_is_shown_nowhere(
    where: tuple[str, str], secret: str, data: st.DataObject
) -> None:
    op_id, name = where
    document = data.draw(documents(op_id))
    as_told: Values = st.sampled_from([{"key": secret}, secret, [secret], {"key": [secret]}])
    document = {**document, name: data.draw(as_told)}
    others = json.dumps({key: value for key, value in document.items() if key != name})
    try:
        op = load(document)
    except OpCodeError as error:
        assert secret not in error.message or secret in others
    else:
        for form in (repr(op), str(op), op.summary(), json.dumps(op.to_input())):
            assert secret not in form or secret in others


_FREE: Final = [
    (op_id, name)
    for op_id in sorted(REGISTRY)
    for name, parameter in plan_of(op_id).parameters.items()
    if parameter.free
]
_SECRETS: Final = ("osparams_private", "osparams_secret", "osparams_private_cluster")


@given(where=st.sampled_from(_FREE), key=st.sampled_from(_SECRETS), data=st.data())
def test_a_private_value_of_an_opcode_inside_another_is_shown_nowhere(
    where: tuple[str, str], key: str, data: st.DataObject
) -> None:
    op_id, name = where
    secret = "open sesame"
    values = data.draw(st.sampled_from([{"k": secret}, {"k": {"k": [secret]}}, [secret], secret]))
    inner = {"OP_ID": "OP_INSTANCE_CREATE", key: values}
    nested = data.draw(st.sampled_from([inner, [[inner]], {"a": [inner, 5]}, [None, {"a": inner}]]))
    try:
        op = load({**data.draw(documents(op_id)), name: nested})
    except OpCodeError as error:
        # Told without its value, or of another parameter.
        assert secret not in error.message or f"'{name}'" not in error.message
    else:
        for form in (repr(op), op.summary(), json.dumps(op.to_input())):
            assert secret not in form
        assert lost_secrets(load(json.loads(encode_input(op))))


@given(depth=st.integers(limits.OPCODE_DEPTH_MAX, 3000), as_array=st.booleans())
def test_free_form_values_nested_without_end_are_refused(depth: int, as_array: bool) -> None:
    value: object = 1
    for _ in range(depth):
        value = [value] if as_array else {"key": value}
    with pytest.raises(OpCodeError, match="OP_TEST_DUMMY: parameter 'result'"):
        load({"OP_ID": "OP_TEST_DUMMY", "reason": [], "result": value})
