"""OP_TEST_JQUEUE and OP_TEST_DUMMY."""

from typing import Any

import gevent
import pytest
from gevent import socket

from masterd.errors import OpExecError, OpPrereqError, OpResultError
from masterd.lu import queue_tests
from masterd.opcodes.base import load
from masterd.opcodes.secrets import Secret
from masterd.opcodes.test import OpTestOsParams
from tests.lu_support import Run, World, op


def visit(path: str) -> None:
    """Look at the job and go away, as Debian's client does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.connect(path)


class TestJobQueue:
    def steps(self, run: Run, count: int) -> list[list[object]]:
        """Follow the notifications; return test and argument of each."""
        found = []
        for number in range(1, count + 1):
            message = run.wait_logged("jqueue-test", number)
            assert isinstance(message, list)
            path, *step = message
            found.append(step)
            visit(path)
        return found

    def test_each_step_waits_for_the_client(self, world: World) -> None:
        run = Run()
        asked = op("OP_TEST_JQUEUE", notify_waitlock=True, notify_exec=True,
                   log_messages=["one", "two"])  # fmt: skip
        greenlet = gevent.spawn(world.run, asked, run)
        assert self.steps(run, 5) == [
            ["expandnames", None],
            ["exec", None],
            ["startmsg", 2],
            ["logmsg", 1],
            ["logmsg", 2],
        ]
        assert greenlet.get(timeout=10) is True
        assert run.messages() == [
            " - INFO: Expanding names",
            " - INFO: Executing",
            " - INFO: Sending log message 1",
            "TESTMSG=one",
            " - INFO: Sending log message 2",
            "TESTMSG=two",
        ]

    def test_the_first_step_is_before_any_lock_on_a_node(self, world: World) -> None:
        run = Run()
        greenlet = gevent.spawn(world.run, op("OP_TEST_JQUEUE", notify_waitlock=True), run)
        message = run.wait_logged("jqueue-test")
        assert run.running == 0
        assert isinstance(message, list)
        visit(str(message[0]))
        assert greenlet.get(timeout=10) is True
        assert run.running == 1

    def test_it_fails_on_request(self, world: World) -> None:
        with pytest.raises(OpExecError, match="Opcode failure was requested"):
            world.run(op("OP_TEST_JQUEUE", fail=True))

    def test_a_client_that_does_not_come_fails_it(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(queue_tests, "LU_NOTIFY_CONNECT_S", 0.01)
        run = Run()
        with pytest.raises(OpPrereqError, match="Client didn't connect in time"):
            world.run(op("OP_TEST_JQUEUE", notify_waitlock=True), run)
        assert run.running == 0

    def test_a_client_that_does_not_go_away_fails_it(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(queue_tests, "LU_NOTIFY_CONFIRM_S", 0.01)
        run = Run()
        greenlet = gevent.spawn(world.run, op("OP_TEST_JQUEUE", notify_exec=True), run)
        message = run.wait_logged("jqueue-test")
        assert isinstance(message, list)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.connect(message[0])
            with pytest.raises(OpExecError, match="Client failed to confirm notification"):
                greenlet.get(timeout=10)


class TestDummy:
    def test_it_says_what_it_is_told(self, world: World) -> None:
        run = Run()
        assert world.run(op("OP_TEST_DUMMY", messages=["one", "two"]), run) is None
        assert run.messages() == ["one", "two"]

    @pytest.mark.parametrize(
        ("fail", "text"), [("my text", "my text"), (True, "Opcode failure was requested")]
    )
    def test_it_fails_as_it_is_told(self, world: World, fail: object, text: str) -> None:
        with pytest.raises(OpExecError, match=text):
            world.run(op("OP_TEST_DUMMY", fail=fail))

    def test_a_result_that_is_not_null_is_not_the_declared_one(self, world: World) -> None:
        with pytest.raises(OpResultError):
            world.run(op("OP_TEST_DUMMY", result=7))

    def test_it_submits_jobs_that_tell_where_they_come_from(self, world: World) -> None:
        run = Run(job_id=5)
        inner = {"OP_ID": "OP_TEST_DUMMY", "messages": "inner"}
        world.run(op("OP_TEST_DUMMY", submit_jobs=[[inner], [inner, inner]]), run)
        assert [len(ops) for ops, _ in world.jobs.submitted] == [1, 2]
        assert world.jobs.submitted[0][0][0].comment == "Submitted by OP_TEST_DUMMY"
        assert run.messages() == [" - INFO: Submitted job 101", " - INFO: Submitted job 102"]

    def test_secrets_of_the_jobs_it_submits_reach_them_and_are_not_kept(self, world: World) -> None:
        parameters = {"k": "open sesame"}
        inner = {"OP_ID": "OP_TEST_OS_PARAMS", "osparams_secret": parameters}
        outer = op("OP_TEST_DUMMY", submit_jobs=[[inner]])
        world.run(outer)
        submitted = world.jobs.submitted[0][0][0]
        assert isinstance(submitted, OpTestOsParams)
        assert submitted.osparams_secret == {"k": Secret("open sesame")}
        stored = outer.to_input()
        assert "open sesame" not in str(stored)
        with pytest.raises(OpPrereqError, match="re-submit secret parameters"):
            world.run(load(stored))

    def test_secrets_of_an_opcode_inside_the_clusters_parameters_are_read(
        self, world: World
    ) -> None:
        secret = {"debian": {"k": "open sesame"}}
        inner = {"OP_ID": "OP_CLUSTER_SET_PARAMS", "osparams_private_cluster": secret}
        world.run(op("OP_TEST_DUMMY", submit_jobs=[[inner]]))
        submitted: Any = world.jobs.submitted[0][0][0]
        assert submitted.osparams_private_cluster == {"debian": {"k": Secret("open sesame")}}

    def test_a_job_that_is_not_accepted_is_told(self, world: World) -> None:
        world.jobs.room = 0
        run = Run()
        world.run(op("OP_TEST_DUMMY", submit_jobs=[[{"OP_ID": "OP_TEST_DUMMY"}]]), run)
        assert run.messages() == [" - WARNING: A job was not accepted: The queue is full"]

    @pytest.mark.parametrize(
        "parameters",
        [
            {"messages": 5},
            {"messages": ["text", 5]},
            {"submit_jobs": "no"},
            {"submit_jobs": [[]]},
            {"submit_jobs": [[{"OP_ID": "OP_NO_SUCH"}]]},
        ],
    )
    def test_nonsense_is_refused_before_anything_is_done(
        self, world: World, parameters: dict[str, object]
    ) -> None:
        run = Run()
        with pytest.raises(OpPrereqError):
            world.run(op("OP_TEST_DUMMY", **parameters), run)
        assert (run.running, run.log, world.jobs.submitted) == (0, [], [])
