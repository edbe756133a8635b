"""Keys keep their order as bytes; keys and values come back as they went in."""

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from store.codec import (
    COMPRESSED_MSGPACK,
    EMPTY,
    MSGPACK,
    TEXT,
    U64,
    U64_MAX,
    UINT,
    KeyCodec,
    ValueCodec,
    pair,
)

NUMBERS = st.integers(0, U64_MAX)
#: Texts with many NULs and neighbours of NUL, where endings go wrong if they can.
TEXTS = st.text(st.sampled_from("\0\1ab\xff\U0010ffff") | st.characters(codec="utf-8"))
DOCUMENTS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), U64_MAX)
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.binary(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3) | st.integers(0, 9), inner, max_size=3)
    ),
    max_leaves=8,
)

KEYS = [
    pytest.param(U64, NUMBERS, id="u64"),
    pytest.param(TEXT, TEXTS, id="text"),
    pytest.param(pair(U64, U64), st.tuples(NUMBERS, NUMBERS), id="two numbers"),
    pytest.param(pair(TEXT, TEXT), st.tuples(TEXTS, TEXTS), id="two texts"),
    pytest.param(pair(TEXT, U64), st.tuples(TEXTS, NUMBERS), id="text and number"),
    pytest.param(pair(U64, TEXT), st.tuples(NUMBERS, TEXTS), id="number and text"),
]


@pytest.mark.parametrize(("codec", "keys"), KEYS)
@given(data=st.data())
def test_keys_sort_as_bytes_in_their_own_order(
    codec: KeyCodec[Any], keys: st.SearchStrategy[Any], data: st.DataObject
) -> None:
    low, high = data.draw(keys), data.draw(keys)
    assert (low < high) == (codec.encode(low) < codec.encode(high))
    assert (low == high) == (codec.encode(low) == codec.encode(high))


@pytest.mark.parametrize(("codec", "keys"), KEYS)
@given(data=st.data())
def test_keys_come_back(
    codec: KeyCodec[Any], keys: st.SearchStrategy[Any], data: st.DataObject
) -> None:
    key = data.draw(keys)
    assert codec.decode(codec.encode(key)) == key


@pytest.mark.parametrize("codec", [MSGPACK, COMPRESSED_MSGPACK], ids=lambda codec: codec.name)
@given(document=DOCUMENTS)
def test_documents_come_back(codec: ValueCodec[Any], document: object) -> None:
    found = codec.decode(codec.encode(document))
    assert found == document
    assert repr(found) == repr(document)  # 1, 1.0 and True are not the same


@given(NUMBERS)
def test_numbers_come_back(number: int) -> None:
    assert UINT.decode(UINT.encode(number)) == number


@pytest.mark.parametrize("number", [-1, U64_MAX + 1, "1", None])
def test_what_is_no_number_is_refused(number: Any) -> None:
    with pytest.raises(ValueError, match="not a key"):
        U64.encode(number)


@given(st.binary())
def test_foreign_bytes_are_refused_as_values_are(raw: bytes) -> None:
    """Decoding raises what `table` turns into StoreDamaged, or it succeeds; nothing else."""
    for codec in (U64, TEXT, pair(U64, U64), pair(TEXT, TEXT), MSGPACK, COMPRESSED_MSGPACK, UINT):
        try:
            found = codec.decode(raw)
        except (ValueError, TypeError) as error:
            assert str(error) or error.args is not None
        else:
            assert found is not None or codec is MSGPACK


@given(st.binary(min_size=1))
def test_nothing_means_no_bytes(raw: bytes) -> None:
    assert EMPTY.encode(None) == b""
    with pytest.raises(ValueError, match="where nothing belongs"):
        EMPTY.decode(raw)


@given(st.binary(max_size=20))
def test_a_number_key_of_another_length_is_refused(raw: bytes) -> None:
    assume(len(raw) != 8)
    with pytest.raises(ValueError, match="8 bytes"):
        U64.decode(raw)
