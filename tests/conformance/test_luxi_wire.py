"""Our answers against those a 3.0.2 luxid gave to the same bytes."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from masterd.errors import GanetiError, LuxiParseError
from masterd.job.model import Job, LogEntry, Op
from masterd.job.status import OpStatus
from masterd.luxi import calls
from masterd.luxi.messages import encode_error, encode_success, parse_request
from masterd.luxi.methods import METHODS, check
from masterd.query.engine import query, query_classic, query_fields, unsupported
from masterd.query.job_fields import JOB_TABLE, JobRow
from tests.query_support import ListSource

_DATA = Path(__file__).parent / "data"


@cache
def _load(name: str) -> Any:
    return json.loads((_DATA / name).read_text())


def _refusals() -> list[tuple[str, str]]:
    return [(text, refusal) for text, refusal in _load("luxi_parse_errors.json")["refusals"]]


@pytest.mark.parametrize(("text", "refusal"), _refusals())
def test_a_request_is_refused_in_the_references_words(text: str, refusal: str) -> None:
    with pytest.raises(LuxiParseError) as caught:
        check(parse_request(text.encode()))
    answer = json.loads(encode_error(caught.value))
    assert answer == {"success": False, "result": refusal}


def test_the_refusals_cover_every_method_that_takes_arguments() -> None:
    methods = {json.loads(text)["method"] for text, _ in _refusals() if text.startswith('{"meth')}
    untested = set(METHODS) - methods - {"QueryClusterInfo", "QueryLocks", "SetWatcherPause"}
    assert untested == set()


def _us(timestamp: list[int] | None) -> int | None:
    return None if timestamp is None else timestamp[0] * 1_000_000 + timestamp[1]


def _job(facts: dict[str, Any]) -> tuple[Job, list[LogEntry]]:
    ops = tuple(
        Op(
            document["OP_ID"],
            json.dumps(document).encode(),
            facts["summary"][index],
            facts["oppriority"][index],
            status=OpStatus(facts["opstatus"][index]),
            result=json.dumps(facts["opresult"][index]).encode(),
            start_us=_us(facts["opstart"][index]),
            exec_us=_us(facts["opexec"][index]),
            end_us=_us(facts["opend"][index]),
        )
        for index, document in enumerate(facts["ops"])
    )
    logs = [
        LogEntry(serial, index, (_us(time) or 0), kind, json.dumps(message).encode())
        for index, lines in enumerate(facts["oplog"])
        for serial, time, kind, message in lines
    ]
    job = Job(
        facts["id"],
        ops,
        received_us=_us(facts["received_ts"]),
        start_us=_us(facts["start_ts"]),
        end_us=_us(facts["end_ts"]),
        log_serial=len(logs),
        archived=facts["archived"],
    )
    return job, logs


class _Source(ListSource):
    """The reference cluster's queue."""

    def __init__(self) -> None:
        pairs = [_job(facts) for facts in _load("luxi_job_queries.json")["jobs"]]
        self._all_logs = {job.job_id: logs for job, logs in pairs}
        super().__init__(job for job, _ in pairs)

    def _row(self, found: Job) -> JobRow:
        return JobRow.of(found, lambda: self._all_logs[found.job_id])


def _answer(request: dict[str, Any]) -> Any:
    source = _Source()
    try:
        result: object
        match check(parse_request(json.dumps(request).encode())):
            case calls.Query("job", fields, wanted):
                result = query(JOB_TABLE, source, fields, wanted)
            case calls.QueryFields("job", fields):
                result = query_fields(JOB_TABLE, fields)
            case calls.QueryJobs(job_ids, fields):
                result = query_classic(JOB_TABLE, source, job_ids, fields)
            case other:
                pytest.fail(f"no query of jobs: {other}")
        return msgspec.json.decode(encode_success(result))
    except GanetiError as err:
        return msgspec.json.decode(encode_error(err))


#: A pattern of the reference's that is refused here: possessive repetition.
_LEFT_OUT = ["=~", "status", "s++"]
_QUERIES = [
    query
    for query in _load("luxi_job_queries.json")["queries"]
    if query["request"]["args"][-1] != _LEFT_OUT
]


@pytest.mark.parametrize("case", _QUERIES, ids=[json.dumps(q["request"]["args"]) for q in _QUERIES])
def test_a_query_of_jobs_is_answered_as_by_the_reference(case: dict[str, Any]) -> None:
    assert _answer(case["request"]) == case["answer"]


def test_a_pattern_that_takes_backtracking_is_refused() -> None:
    answer = _answer({"method": "Query", "args": ["job", ["id"], _LEFT_OUT]})
    assert not answer["success"]
    assert "bad repetition operator" in answer["result"]


@pytest.mark.parametrize(
    ("call", "resource", "text"),
    [
        ("Query", "os", "Query 'ItemTypeOpCode QROs' not supported"),
        ("QueryFields", "cluster", "QueryFields 'ItemTypeOpCode QRCluster' not supported"),
    ],
)
def test_a_resource_nobody_serves_is_refused(call: str, resource: str, text: str) -> None:
    assert unsupported(call, resource).to_wire() == ["GenericError", [text]]


def test_the_fields_are_the_references_to_the_letter() -> None:
    answer = _answer({"method": "QueryFields", "args": ["job", None]})
    assert answer["result"]["fields"] == _load("luxi_job_queries.json")["fields"]


def test_every_job_shows_all_that_the_reference_shows() -> None:
    names = list(JOB_TABLE.fields)
    answer = _answer({"method": "QueryJobs", "args": [None, names]})
    expected = [[facts[name] for name in names] for facts in _load("luxi_job_queries.json")["jobs"]]
    assert answer["result"] == expected
