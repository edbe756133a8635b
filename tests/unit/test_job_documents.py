"""Jobs as rows of the store, and back."""

from hypothesis import given
from hypothesis import strategies as st

from masterd.job import documents
from masterd.job.model import Dependency, Job, LogEntry, Op, Peer
from masterd.job.status import OpStatus

TIMES = st.none() | st.integers(0, 2**53)
JSON = st.sampled_from([b"null", b"1.0", b'{"a":[1,2.50]}', '"ü"'.encode()])
DEPENDS = st.builds(
    Dependency, st.integers(1, 99), st.frozensets(st.sampled_from(OpStatus), max_size=3)
)
OPS = st.builds(
    Op,
    op_id=st.sampled_from(["OP_TEST_DELAY", "OP_TAGS_SET"]),
    input=JSON,
    summary=st.text(max_size=10),
    priority=st.integers(-20, 19),
    depends=st.lists(DEPENDS, max_size=2).map(tuple),
    status=st.sampled_from(OpStatus),
    result=st.none() | JSON,
    start_us=TIMES,
    exec_us=TIMES,
    end_us=TIMES,
)
JOBS = st.builds(
    Job,
    job_id=st.integers(1, 2**40),
    ops=st.lists(OPS, min_size=1, max_size=3).map(tuple),
    received_us=TIMES,
    start_us=TIMES,
    end_us=TIMES,
    log_serial=st.integers(0, 9),
    revision=st.integers(0, 99),
    peer=st.none() | st.builds(Peer, st.integers(0), st.integers(0), st.integers(1)),
    livelock=st.none() | st.just("/var/run/ganeti/livelocks/job_1"),
    process_id=st.none() | st.integers(1, 99999),
)


@given(JOBS)
def test_a_job_comes_back_from_its_document(job: Job) -> None:
    document = documents.to_document(job)
    assert documents.from_document(job.job_id, document) == job
    assert ("livelock" in document) == (job.livelock is not None)


def test_a_log_folded_into_the_archive_comes_back() -> None:
    entries = [LogEntry(1, 0, 10, "message", b'"a"'), LogEntry(2, 1, 20, "delay-test", b"[1]")]
    assert documents.archived_log(documents.fold_log({"ops": []}, entries)) == entries
    assert [documents.log_entry(e.serial, documents.log_value(e)) for e in entries] == entries


def test_a_job_without_a_log_has_an_empty_one_in_the_archive() -> None:
    assert documents.archived_log({}) == []
