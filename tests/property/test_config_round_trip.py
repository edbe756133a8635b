"""Any configuration: taken apart, kept as rows, put together, rendered; nothing is lost."""

import json
import struct

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from masterd.config import document
from masterd.config.kinds import BY_NAME, CLUSTER
from masterd.config.render import Renderer, number, render
from tests.property.config_documents import Document, configs

few = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@few
@given(configs())
def test_joined_again_a_document_is_the_same(config: Document) -> None:
    assert document.join(document.split(config)) == config


@few
@given(configs())
def test_rendered_and_parsed_a_document_is_the_same(config: Document) -> None:
    assert json.loads(render(document.split(config))) == config


@few
@given(configs())
def test_each_row_reads_back_as_the_object_it_was_written_from(config: Document) -> None:
    snapshot = document.split(config)
    for kind, uuid, row in document.rows(snapshot):
        read = BY_NAME[kind.name].read(row, uuid)
        assert read == (snapshot.cluster if kind is CLUSTER else snapshot.get(kind, uuid))


@few
@given(configs(), configs())
def test_a_renderer_that_keeps_bytes_writes_what_a_new_one_writes(
    first: Document, second: Document
) -> None:
    renderer = Renderer()
    for config in (first, second, first):
        snapshot = document.split(config)
        assert renderer.render(snapshot) == render(snapshot)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_in_the_references_form_is_the_same_number(value: float) -> None:
    text = bytes(number(value)).decode()
    assert struct.pack("d", float(text)) == struct.pack("d", value + 0.0)
    assert json.loads(text) == value
