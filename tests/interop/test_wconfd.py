"""Calls of the configuration daemon's socket, to ours through its companion and to Debian's."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from masterd.luxi.client import Client
from masterd.paths import Paths
from masterd.pidfile import holder
from tests import system
from tests.interop import debian, luxid, masters
from tests.interop.test_names import ALONE, called, finish

pytestmark = [debian.needs_ganeti, luxid.needs_luxid]

#: Keeps a livelock until it is killed.
_LIVES: Final = """
import fcntl, sys
with open(sys.argv[1], "w") as file:
    fcntl.lockf(file, fcntl.LOCK_EX)
    print("locked", flush=True)
    sys.stdin.read()
"""


class Side:
    """One of the two: its commands, its socket, and a program that talks to it."""

    def __init__(self, root: Path, name: str = "tester") -> None:
        self.commands = masters.commands(root)
        self.paths = Paths(root, root.name)
        self.client = Client(str(self.paths.wconfd_socket))
        self.livelock = root / "var/run/ganeti/livelocks" / name
        self.name = name
        self.program = subprocess.Popen(
            [sys.executable, "-c", _LIVES, self.livelock],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert self.program.stdout is not None
        assert self.program.stdout.readline() == b"locked\n"
        self.livelock.chmod(0o666)

    def ask(self, method: str, *arguments: object) -> tuple[bool, Any]:
        """Call a method for the program, where ME stands among the arguments."""
        me = [self.name, str(self.livelock), 4]
        given = [me if each is ME else each for each in arguments]
        success, result = self.client.ask(method, given)
        plain = json.dumps(result).replace(json.dumps(str(self.livelock)), '"LIVELOCK"')
        return success, json.loads(re.sub(r"\b17\d{8}\.\d+\b", '"TIME"', plain))

    def config(self) -> dict[str, Any]:
        _, found = self.client.ask("readConfig", [])
        assert isinstance(found, dict)
        return found

    def close(self) -> None:
        self.client.close()
        self.program.kill()
        self.program.communicate()


#: The program that asks.
ME: Final = object()


@contextmanager
def running(root: Path, name: str) -> Iterator[None]:
    """Run ours in a root, called by the name of one of Debian's daemons."""
    started = finish(root, called(root, name), *ALONE[1:])
    assert started.returncode == 0, started.stderr
    try:
        yield
    finally:
        pid = holder(Paths(root, root.name).pid_file_of(name))
        assert pid is not None
        system.kill_and_wait(pid, signal.SIGTERM)


@pytest.fixture(scope="module")
def sides() -> Iterator[tuple[Side, Side]]:
    """Theirs and ours on the same configuration."""
    config = masters.lonely()
    with ExitStack() as stack:
        theirs = Side(stack.enter_context(masters.working_reference(config)))
        stack.callback(theirs.close)
        root = stack.enter_context(masters.root(config))
        luxid.give(root)
        stack.enter_context(running(root, "ganeti-wconfd"))
        stack.enter_context(running(root, "ganeti-luxid"))
        ours = Side(root)
        stack.callback(ours.close)
        yield theirs, ours


LOCK_CALLS: Final[list[tuple[Any, ...]]] = [
    ("nope",),
    ("readConfig", 1),
    ("listAllLocks",),
    ("tryUpdateLocks", ME, [["node/n1", "exclusive"], ["instance/i1", "shared"]]),
    ("listLocks", ME),
    ("listAllLocks",),
    ("listAllLocksOwners",),
    ("listLocksWaitingStatus",),
    ("tryUpdateLocks", ME, [["instance/i2", "shared"]]),
    ("tryUpdateLocks", ME, [["node/n1", "shared"], ["node/n1", "exclusive"]]),
    ("tryUpdateLocks", ME, [["node/n1", "release"], ["network/x", "shared"]]),
    ("tryUpdateLocks", ME, [["foo/n1", "shared"]]),
    ("tryUpdateLocks", ME, [["node/n1", "bar"]]),
    ("opportunisticLockUnion", ME, [["network/z", "exclusive"]]),
    ("guardedOpportunisticLockUnion", 2, ME, [["network/zz", "exclusive"]]),
    ("downGradeLocksLevel", ME, "network"),
    ("listLocks", ME),
    ("intersectLocks", ME, ["network/z"]),
    ("hasPendingRequest", ME),
    ("freeLocksLevel", ME, "network"),
    ("listLocks", ME),
    ("lockConfig", ME, 1),
    ("unlockConfig", ME),
    ("freeLocks", ME),
    ("prepareClusterDestruction", ME),
    ("cleanupLocks",),
    ("flushConfig",),
    ("flushConfigGroup", "x"),
    ("verifyConfig",),
    ("allocatePort",),
    ("allocatePort",),
    ("computeDRBDMap",),
    ("allocateDRBDMinor", "new", ["a", "b"]),
    ("releaseDRBDMinors", "new"),
    ("reserveMAC", ME, "aa:00:00:00:99:01"),
    ("reserveLV", ME, "xenvg/a"),
    ("reserveLV", ME, "xenvg/a"),
    ("generateIp", ME, "nope"),
    ("listReservedIps", ME),
    ("commitTemporaryIps", ME),
    ("dropAllReservations", ME),
    ("writeConfigAndUnlock", ME, "CONFIG"),
    ("setInstanceStatus", "nope", "down", None, None),
    ("setInstanceStatus", "nope", "foo", None, None),
    ("detachInstanceDisk", "nope", "x"),
    ("removeInstance", "nope"),
]


def test_calls_are_answered_alike(sides: tuple[Side, Side]) -> None:
    theirs, ours = sides
    for method, *arguments in LOCK_CALLS:
        answers = [
            side.ask(method, *(side.config() if each == "CONFIG" else each for each in arguments))
            for side in (theirs, ours)
        ]
        assert answers[1] == answers[0], method


def test_both_tell_the_same_configuration_and_give_an_old_object_back(
    sides: tuple[Side, Side],
) -> None:
    answers = []
    for side in sides:
        cluster = side.config()["cluster"]
        serial_no = cluster["serial_no"]
        answers.append(
            [
                side.ask("updateCluster", cluster)[1][0] - serial_no,
                side.ask("updateCluster", cluster)[1][0] - serial_no,
                # The number in the text is of other changes too: ours counts ports as changes.
                side.ask("updateCluster", {**cluster, "tags": ["other"]})[1][0],
            ]
        )
        now = side.config()
        side.ask("lockConfig", ME, False)
        assert side.ask("listAllLocks") == (True, ["cluster/config"])
        assert side.ask("writeConfigAndUnlock", ME, {**now, "serial_no": now["serial_no"] + 1}) == (
            True,
            True,
        )
        assert side.ask("listAllLocks") == (True, [])
    assert answers[1] == answers[0]
    assert answers[1][2] == "ConfigurationError"


@pytest.mark.parametrize(
    "command",
    ["echo x", "cleanuplocks", "listalllocks", "listalllocksowners", "flushconfig", "nosuch"],
)
def test_gnt_debug_does_the_same_with_both(sides: tuple[Side, Side], command: str) -> None:
    theirs, ours = (side.commands.run("gnt-debug", "wconfd", *command.split()) for side in sides)
    assert ours == theirs


def test_a_program_that_dies_leaves_nothing_and_jobs_wait_for_it(
    sides: tuple[Side, Side],
) -> None:
    _, ours = sides
    victim = Side(ours.paths.root, "victim")
    assert victim.ask("tryUpdateLocks", ME, [["cluster/BGL", "exclusive"]]) == (True, [])
    victim.ask("reserveMAC", ME, "aa:00:00:00:99:02")
    with Client(str(ours.paths.query_socket)) as client:
        job_id = client.call("SubmitJob", [system.delay_op(duration_s=0.01)])
        assert isinstance(job_id, int)
        debian.wait_for_status(client, job_id, "waiting")
        listed = ours.commands.ok("gnt-debug", "locks", "-o", "name,owner", "--no-headers")
        assert "victim" in listed.output
        victim.close()
        ours.ask("cleanupLocks")
        assert system.wait_for_end(client, job_id) == "success"
    assert ours.ask("listAllLocks") == (True, [])
    assert ours.ask("reserveMAC", ME, "aa:00:00:00:99:02") == (True, [])


def test_without_a_master_daemon_only_an_echo_is_answered() -> None:
    with masters.root(masters.lonely()) as root:
        luxid.give(root)
        with (
            running(root, "ganeti-wconfd"),
            Client(str(Paths(root, root.name).wconfd_socket)) as client,
        ):
            assert client.ask("echo", ["x"]) == (True, "x")
            success, told = client.ask("readConfig", [])
            assert not success
            assert "no master daemon runs on this node" in str(told)
