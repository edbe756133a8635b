"""Queries of jobs: what the comparison with the reference does not reach."""

import pytest

from masterd.errors import GenericError, ParameterError
from masterd.filter import fields as fields_module
from masterd.filter.fields import FilterMode, Kind, table_of
from masterd.filter.language import FilterSyntaxError, parse, requested, restricted
from masterd.filter.natural import natural_key
from masterd.filter.predicate import compile_filter
from masterd.filter.text import show_json, show_string
from masterd.job.model import LogEntry
from masterd.job.status import OpStatus
from masterd.query.engine import query, query_classic, query_fields
from masterd.query.job_fields import JOB_TABLE, JobRow, job_values
from tests.query_support import ListSource, job, op


def _ids(source: ListSource, document: object, fields: tuple[str, ...] = ("id",)) -> list[object]:
    rows = query(JOB_TABLE, source, fields, parse(document))["data"]
    assert isinstance(rows, list)
    return [row[0][1] for row in rows]


def test_asking_for_ids_looks_nothing_else_up() -> None:
    source = ListSource(job(number) for number in range(1, 100))
    assert _ids(source, ["|", ["=", "id", 7], ["=", "id", 3], ["=", "id", 7]]) == [7, 3]
    assert source.looked_up == [7, 3]
    assert source.walks == 0


def test_ids_deep_inside_a_filter_are_looked_up_too() -> None:
    source = ListSource([job(1), job(2, op(OpStatus.RUNNING)), job(3)])
    wanted = [
        "&",
        ["|", ["=", "id", 3], ["=", "id", 2], ["=", "id", 99]],
        ["=", "status", "success"],
    ]
    assert _ids(source, wanted) == [3]
    assert source.looked_up == [2, 3, 99]
    assert source.walks == 0


def test_a_missing_id_is_a_row_only_when_it_was_asked_for() -> None:
    source = ListSource([job(1)])
    assert _ids(source, ["=", "id", 99]) == [99]
    assert _ids(source, ["&", ["=", "id", 99]]) == []


def test_an_archived_job_is_found_by_id_but_listed_only_on_request() -> None:
    source = ListSource([job(1), job(2, archived=True)])
    assert _ids(source, None) == [1]
    assert _ids(source, None, ("id", "archived")) == [1, 2]
    assert _ids(source, ["=", "id", 2]) == [2]
    assert _ids(source, ["&", ["=", "id", 2]]) == []
    assert _ids(source, ["&", ["=", "id", 2]], ("id", "archived")) == [2]


def test_an_id_that_cannot_be_one_is_an_error_only_when_asked_for() -> None:
    source = ListSource([job(1)])
    with pytest.raises(GenericError, match="Invalid value for job ID ' -1'"):
        _ids(source, ["=", "id", -1])
    assert _ids(source, ["&", ["=", "id", -1]]) == []


def test_a_host_name_equals_its_parts_before_a_dot() -> None:
    table = table_of(
        "node",
        "name",
        str,
        [
            fields_module.Field[str](
                "name", "Node", Kind.TEXT, "Node name", lambda row: row, FilterMode.HOSTNAME
            )
        ],
    )
    passes = compile_filter(parse(["=", "name", "web1"]), table.fields)
    names = ["web1", "web1.example.com", "web10.example.com", "web1x", "web"]
    assert [passes(name) for name in names] == [True, True, False, False, False]
    differs = compile_filter(parse(["!=", "name", "web1"]), table.fields)
    assert [differs(name) for name in names] == [False, False, True, True, True]


def test_values_kept_as_json_text_are_decoded_for_comparison() -> None:
    source = ListSource([job(1)])
    with pytest.raises(ParameterError) as caught:
        _ids(source, ["=", "ops", "x"])
    assert '"duration": 0.1' in caught.value.message


def test_log_lines_stand_with_their_opcode() -> None:
    logs = [
        LogEntry(1, 1, 2_000_003, "message", b'"second opcode"'),
        LogEntry(2, 0, 3_000_004, "message", b'"first opcode"'),
    ]
    source = ListSource([job(1, op(), op(), log_serial=2)], logs)
    (values,) = query_classic(JOB_TABLE, source, [1], ["oplog"])
    (lines,) = values
    assert isinstance(lines, list)
    assert [[line[:3] for line in of_op] for of_op in lines] == [
        [(2, (3, 4), "message")],
        [(1, (2, 3), "message")],
    ]


def test_a_job_without_log_is_not_asked_for_it() -> None:
    def fail() -> list[LogEntry]:
        raise AssertionError("the log was read")

    values = job_values(["oplog"])
    assert values(JobRow.of(job(1), fail)) == [[[]]]


def test_values_for_waiting_equal_what_a_client_sends_back() -> None:
    values = job_values(["id", "status", "opstart", "ops", "nosuch", "end_ts"])
    row = JobRow.of(job(4, op(start_us=5_000_006)))
    assert values(row) == [
        4,
        "success",
        [[5, 6]],
        [{"OP_ID": "OP_TEST_DELAY", "duration": 0.1}],
        None,
        None,
    ]


def test_a_long_answer_pauses_now_and_then() -> None:
    pauses: list[int] = []
    source = ListSource(job(number) for number in range(1, 1000))
    result = query(JOB_TABLE, source, ("id",), parse(None), lambda: pauses.append(1))
    assert len(pauses) == 3
    assert isinstance(result["data"], list)
    assert len(result["data"]) == 999


def test_fields_are_in_natural_order() -> None:
    names = ["disk.size/10", "disk.size/2", "name", "disk.sizes"]
    assert sorted(names, key=natural_key) == ["disk.size/2", "disk.size/10", "disk.sizes", "name"]
    definitions = query_fields(JOB_TABLE, None)["fields"]
    assert isinstance(definitions, list)
    listed = [definition["name"] for definition in definitions]
    assert listed == sorted(listed)
    assert len(listed) == 16


@pytest.mark.parametrize(
    ("document", "names"),
    [
        (None, []),
        (["=", "id", 1], [1]),
        (["|", ["=", "id", 1], ["|", ["==", "id", "x"]], None], [1, "x"]),
        (["|"], []),
        (["=", "status", "x"], None),
        (["&", ["=", "id", 1]], None),
        (["|", ["=", "id", 1], ["<", "id", 1]], None),
    ],
)
def test_names_are_read_from_plain_requests_only(document: object, names: object) -> None:
    assert requested(parse(document), "id") == names


@pytest.mark.parametrize(
    ("document", "names"),
    [
        (None, None),
        (["|"], None),
        (["&", ["=", "id", 1], ["=", "status", "x"]], [1]),
        (["&", ["|", ["=", "id", 1], ["=", "id", 2]], ["=", "id", 2]], [2]),
        (["|", ["=", "id", 1], ["=", "status", "x"]], None),
        (["!", ["=", "id", 1]], None),
    ],
)
def test_a_filter_may_bound_the_names(document: object, names: object) -> None:
    assert restricted(parse(document), "id") == names


def test_a_filter_nested_too_deeply_is_refused() -> None:
    document: object = None
    for _ in range(500):
        document = ["!", document]
    with pytest.raises(FilterSyntaxError, match="nested more than 50 levels"):
        parse(document)


def test_a_pattern_too_long_is_refused() -> None:
    with pytest.raises(FilterSyntaxError, match="longer than 1000 characters"):
        parse(["=~", "status", "x" * 1001])


def test_posix_classes_match_as_in_the_reference() -> None:
    passes = compile_filter(parse(["=~", "status", "^[[:alpha:]]+$"]), JOB_TABLE.fields)
    assert passes(JobRow.of(job(1)))
    digits = compile_filter(parse(["=~", "status", "[[:digit:]]"]), JOB_TABLE.fields)
    assert not digits(JobRow.of(job(1)))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([1, 2.5, 1.0, 0.01, -1e-7, 12345678.25], "[1, 2.5, 1, 1.0e-2, -1.0e-7, 1.234567825e7]"),
        ({"a": {}, "é": []}, '{"a": {}, "é": []}'),
        ([None, True, "x\n"], '[null, true, "x\\n"]'),
    ],
)
def test_values_are_shown_as_in_the_reference(value: object, text: str) -> None:
    assert show_json(value) == text


def test_strings_are_quoted_as_in_the_reference() -> None:
    assert show_string('é\x01"\\ÿ12') == '"\\233\\SOH\\"\\\\\\255\\&12"'
    assert show_string("\x0eH\x7f") == '"\\SO\\&H\\DEL"'
