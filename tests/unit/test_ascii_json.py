"""JSON text without letters beyond ASCII."""

import json

from hypothesis import given
from hypothesis import strategies as st

from exporter.ascii_json import in_ascii


def test_letters_beyond_ascii_become_escapes() -> None:
    assert in_ascii('["aä€", "\\n"]'.encode()) == b'["a\\u00e4\\u20ac", "\\n"]'


def test_letters_beyond_the_first_plane_become_two_escapes() -> None:
    assert in_ascii('"😀"'.encode()) == b'"\\ud83d\\ude00"'


@given(st.recursive(st.text(), lambda value: st.lists(value) | st.dictionaries(st.text(), value)))
def test_the_value_stays_the_same(value: object) -> None:
    encoded = json.dumps(value, ensure_ascii=False).encode()
    assert in_ascii(encoded).isascii()
    assert json.loads(in_ascii(encoded)) == value
