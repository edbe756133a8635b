"""Numbers, lengths and forms at the edge of what fits, in every argument of every call."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from masterd.lu.registry import LOGICAL_UNITS
from masterd.opcodes.base import REGISTRY, load, plan_of
from masterd.opcodes.checks import Refused
from masterd.opcodes.errors import OpCodeError
from tests import edge_requests, system
from tests.luxi_support import RawClient

#: Our own faults, in an answer or a job's result.
FAULTS = ("Internal error", "ProgrammerError", "store failed")


@pytest.fixture(scope="module")
def daemon() -> Iterator[system.Daemon]:
    with system.simulated_cluster(nodes=1) as (cluster, _), system.running(cluster) as started:
        yield started


def answers(daemon: system.Daemon, requests: Iterator[bytes]) -> Iterator[tuple[bytes, object]]:
    """Send requests one after another; yield each with its answer."""
    client = RawClient(daemon.paths.query_socket)
    for request in requests:
        client.send_bytes(request + b"\x03")
        success, answer = client.answer()
        yield request, answer
        if not success and isinstance(answer, str):
            # A request that cannot be read ends its connection.
            client.close()
            client = RawClient(daemon.paths.query_socket)
    client.close()


def faults(told: object) -> list[str]:
    text = json.dumps(told)
    return [fault for fault in FAULTS if fault in text]


def test_no_argument_of_any_call_is_a_fault_of_ours(daemon: system.Daemon) -> None:
    wrong = [
        (request[:300], str(answer)[:300])
        for request, answer in answers(daemon, edge_requests.requests())
        if faults(answer)
    ]
    assert wrong == []


def test_no_parameter_of_an_opcode_is_a_fault_of_ours(daemon: system.Daemon) -> None:
    submitted: dict[object, bytes] = {}
    with daemon.client() as client:
        # Rules that other tests left would hold jobs.
        left: Any = client.call("QueryFilters", [], ["uuid"])
        for (uuid,) in left:
            client.call("DeleteFilter", uuid)
    for request, answer in answers(daemon, edge_requests.opcodes()):
        assert not faults(answer), (request[:300], answer)
        if isinstance(answer, int):
            submitted[answer] = request
    with daemon.client() as client:
        # Those that wait for somebody else, who does not come.
        running: Any = client.call("QueryJobs", [], ["id", "status"])
        for job_id, status in running:
            if status == "running":
                client.call("CancelJob", job_id, True)
        for job_id in submitted:
            assert isinstance(job_id, int)
            client.call("CancelJob", job_id)
            system.wait_for_end(client, job_id)
        rows: Any = client.call("QueryJobs", [], ["id", "opresult"])
    wrong = [
        (submitted.get(job_id, b"")[:300], results) for job_id, results in rows if faults(results)
    ]
    assert wrong == []


def test_every_parameter_of_a_carried_out_opcode_is_tried() -> None:
    """An opcode that comes later must not be left out without a word."""
    tried = {op_id: {*edge_requests.parameters(op_id)} for op_id in LOGICAL_UNITS}
    theirs = {op_id: {*plan_of(op_id).parameters} for op_id in LOGICAL_UNITS}
    passed_over = edge_requests.COMMON | edge_requests.LEFT_OUT
    assert tried == {op_id: names - passed_over for op_id, names in theirs.items()}


def test_what_is_varied_is_taken_as_it_stands() -> None:
    """Where one parameter is refused always, no other one is ever looked at."""
    for op_id in LOGICAL_UNITS:
        assert type(load(edge_requests.good(op_id))) is REGISTRY[op_id]


def test_every_parameter_of_every_opcode_takes_or_refuses_what_is_at_the_edge() -> None:
    edges = []
    for text in edge_requests.EDGES:
        with contextlib.suppress(ValueError, RecursionError):
            edges.append(json.loads(text))
    for op_id in REGISTRY:
        for parameter in plan_of(op_id).parameters.values():
            for edge in edges:
                with contextlib.suppress(Refused, OpCodeError):
                    parameter.check.convert(edge)
