"""Opcodes that test the queue and the node daemons."""

from typing import Final

from tests.same_calls.case import case, op, rejecting
from tests.sample_config import Document

DUMMY: Final[Document] = {"messages": [], "submit_jobs": None}

CASES: Final = (
    case("on the master", op("OP_TEST_DELAY", duration=0.01, on_master=True)),
    case(
        "on nodes",
        op("OP_TEST_DELAY", duration=0.01, on_nodes=["node2.example.com", "node3.example.com"]),
    ),
    case("on an unknown node", op("OP_TEST_DELAY", duration=0.01, on_nodes=["nobody"])),
    case("refused duration", op("OP_TEST_DELAY", duration=-1.0)),
    case(
        "with locks",
        op("OP_TEST_DELAY", duration=0.01, on_nodes=["node2.example.com"], no_locks=False),
    ),
    case("twice", op("OP_TEST_DELAY", duration=0.01, on_master=False, repeat=2)),
    case("result", op("OP_TEST_DUMMY", result=[1, {"a": None}], fail=False, **DUMMY)),
    case("failing", op("OP_TEST_DUMMY", result=[], fail=True, **DUMMY)),
    case("kept", op("OP_TEST_JQUEUE", log_messages=[], fail=False)),
    case("failing", op("OP_TEST_JQUEUE", fail=True)),
    case("secret ones", op("OP_TEST_OS_PARAMS", osparams_secret={"a": "b", "c": "d"})),
    case("none", op("OP_TEST_OS_PARAMS")),
    case("no secret at all", op("OP_TEST_OS_PARAMS", osparams_secret={})),
    case(
        "with messages",
        op("OP_TEST_DUMMY", result=None, messages=["one", "two"], fail=False, submit_jobs=None),
    ),
    case(
        "with jobs",
        op(
            "OP_TEST_DUMMY",
            result=None,
            messages=[],
            fail=False,
            submit_jobs=[[op("OP_TEST_DELAY", duration=0.01)]] * 2,
        ),
        config=rejecting("OP_TEST_DELAY"),
    ),
)
