"""`gnt-job` where there is no master daemon, and at a terminal."""

import os
import pty
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from masterd.client import gnt_job
from masterd.client.session import MasterCaller, Session, ask_at_terminal
from masterd.errors import OpPrereqError
from masterd.paths import Paths
from tests.luxi_support import SteppingClock

ME = "node1.example.com"


@pytest.fixture
def paths() -> Iterator[Paths]:
    """A virtual node; socket paths are bounded, so its directory must have a short name."""
    with TemporaryDirectory() as base:
        found = Paths(Path(base) / ME, ME)
        found.data_dir.mkdir(parents=True)
        yield found


def test_outside_of_a_cluster_that_is_said(paths: Paths) -> None:
    with pytest.raises(OpPrereqError, match="Cluster not initialized"):
        MasterCaller(paths).call("QueryClusterInfo")


def test_on_another_node_the_master_is_named(paths: Paths) -> None:
    (paths.data_dir / "ssconf_master_node").write_text("node2.example.com\n")
    with pytest.raises(OpPrereqError, match=r"connect to node 'node2\.example\.com'"):
        MasterCaller(paths).call("QueryClusterInfo")


def test_a_daemon_that_is_down_is_told_after_a_second_and_that_nothing_was_sent(
    paths: Paths,
) -> None:
    (paths.data_dir / "ssconf_master_node").write_text(f"{ME}\n")
    clock, output, errors = SteppingClock(), StringIO(), StringIO()
    told_s: list[float] = []

    def waiting(text: str) -> None:
        told_s.append(clock.now_s)
        print(text, file=errors)

    caller = MasterCaller(paths, waiting=waiting, clock=clock, pause=clock.pause)
    session = Session(caller, output, errors, clock, lambda _question: False)
    assert gnt_job.run(["archive", "1"], session) == 1
    assert told_s == [1.0]
    assert 29 <= clock.now_s <= 30
    assert output.getvalue() == ""
    first, *last = errors.getvalue().splitlines()
    assert first.startswith("No master daemon answers at ")
    assert "nothing was sent" in last[0]
    assert "submitted" not in errors.getvalue()


def test_a_question_is_answered_at_the_terminal() -> None:
    ours, theirs = pty.openpty()
    try:
        os.write(ours, b"?\ny\n")
        assert ask_at_terminal("Sure?", Path(os.ttyname(theirs))) is True
        shown = ""
        while shown.count("Sure?") < 2:  # Once more after the help. The kernel gives it in pieces.
            shown += os.read(ours, 4096).decode()
        assert "Do not perform" in shown
        os.write(ours, b"\n")
        assert ask_at_terminal("Sure?", Path(os.ttyname(theirs))) is False
    finally:
        os.close(ours)
        os.close(theirs)


def test_without_a_terminal_the_answer_is_no(tmp_path: Path) -> None:
    assert ask_at_terminal("Sure?", tmp_path / "missing") is False
