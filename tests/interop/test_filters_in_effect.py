"""Filter rules, limits and Debian's commands about them, beside the reference: luxid and wconfd.

Both are given the same rules and jobs; what becomes of the jobs and what the commands print must be
the same. Uuids and times are made alike.
"""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest

from masterd.config import document
from masterd.config.snapshot import ConfigSnapshot
from tests.broken_configs import sound
from tests.filter_cases import DELAY, MATCHING, NOT_MATCHING
from tests.interop import debian, live, luxid, masters
from tests.interop.debian import Outcome
from tests.interop.luxid import needs_luxid
from tests.interop.masters import Masters

pytestmark = [needs_luxid, debian.needs_ganeti]

#: Seconds for which something that must come is waited for; it never decides a test.
PATIENCE_S: Final = 60.0
LONG_S: Final = 400.0

_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TIME_NS: Final = re.compile(r"\b[0-9]{19}\b")

#: Needs no node.
JOB: Final = {**DELAY, "on_nodes": []}


DUMMY: Final[dict[str, Any]] = {
    "OP_ID": "OP_TEST_DUMMY",
    "result": None,
    "messages": [],
    "fail": False,
    "submit_jobs": None,
    "reason": [],
}

FINAL: Final = ("success", "error", "canceled")

#: One job each, told by its id.
CASES: Final = [*MATCHING, *NOT_MATCHING, []]


def config(*rules: tuple[Any, ...]) -> ConfigSnapshot:
    """Return a configuration with rules `(action, priority, predicates)`."""
    made = sound()
    made["filters"] = {
        (uuid := str(UUID(int=number))): {
            "uuid": uuid,
            "watermark": 0,
            "priority": priority,
            "predicates": predicates,
            "action": action,
            "reason_trail": [],
        }
        for number, (action, priority, predicates) in enumerate(rules)
    }
    made["cluster"]["max_running_jobs"] = 50
    return document.split(made)


class Master:
    """One of the two, over its socket."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.ids: list[int] = []

    def ask(self, method: str, *arguments: Any) -> Any:
        return luxid.ask(self._path, method, arguments)

    def rule(
        self, action: Any, *predicates: Any, uuid: str | None = None, priority: int = 0
    ) -> str:
        uuid = self.ask("ReplaceFilter", uuid, priority, predicates, action, [])
        return str(uuid)

    def submit(self, *reasons: str, **changes: Any) -> int:
        trail = [["gnt:user", reason, 1] for reason in reasons]
        return int(self.ask("SubmitJob", [{**JOB, "reason": trail, **changes}]))

    def status(self, job_id: int) -> str:
        return str(self.ask("QueryJobs", [job_id], ["status"])[0][0])

    def until(self, job_id: int, *statuses: str) -> None:
        deadline_s = time.monotonic() + PATIENCE_S
        while (status := self.status(job_id)) not in statuses:
            assert status not in FINAL, (job_id, status)
            assert time.monotonic() < deadline_s, (job_id, status)
            time.sleep(0.02)

    def clear(self) -> None:
        """Let all jobs end, and remove all rules."""
        for (job_id,) in self.ask("QueryJobs", [], ["id"]):
            deadline_s = time.monotonic() + PATIENCE_S
            while self.status(job_id) not in FINAL:
                # Again, because one that just begins is neither dequeued nor killed.
                self.ask("CancelJob", job_id, True)
                assert time.monotonic() < deadline_s
                time.sleep(0.02)
        for (uuid,) in self.ask("QueryFilters", [], ["uuid"]):
            self.ask("DeleteFilter", uuid)


@pytest.fixture(scope="module")
def pair() -> Iterator[Masters]:
    with masters.both(config(), masters.working_reference) as both:
        yield both


def sides(pair: Masters) -> list[Master]:
    roots = [Path(each.environment["GANETI_ROOTDIR"]) for each in (pair.theirs, pair.ours)]
    return [Master(root / "var/run/ganeti/socket/ganeti-query") for root in roots]


@pytest.fixture
def each(pair: Masters) -> Iterator[list[Master]]:
    made = sides(pair)
    yield made
    for master in made:
        master.clear()


def same(each: list[Master], story: Callable[[Master], Any]) -> Any:
    """Return what happens in a story; it must be the same with both."""
    theirs, ours = map(story, each)
    assert ours == theirs
    return theirs


def test_rules_match_the_same_jobs() -> None:
    """What no rule rejects is held by the last one. The rules are there when the masters start."""
    rules: list[tuple[Any, ...]] = [
        ("REJECT", 0, [["jobid", ["=", "id", number]], *predicates])
        for number, predicates in enumerate(CASES, 1)
    ]
    expected = ["canceled"] * len(MATCHING) + ["queued"] * len(NOT_MATCHING) + ["canceled"]

    def story(master: Master) -> list[str]:
        jobs = master.ask("SubmitManyJobs", [[DELAY] for _ in CASES])
        ids = [job_id for _, job_id in jobs]
        assert ids == list(range(1, len(CASES) + 1))
        master.until(ids[-1], "canceled")
        for job_id, end in zip(ids, expected, strict=True):
            master.until(job_id, end)
        return [master.status(job_id) for job_id in ids]

    with masters.both(config(*rules, ("PAUSE", 1, [])), masters.working_reference) as started:
        assert same(sides(started), story) == expected


def test_a_rejected_job_looks_the_same(each: list[Master]) -> None:
    def story(master: Master) -> Any:
        master.rule("REJECT", ["reason", ["=", "reason", "x"]])
        ids = master.ask("SubmitManyJobs", [[{**JOB, "reason": [["u", "x", 1]]}, JOB]])
        ((_, job_id),) = ids
        master.until(job_id, "canceled")
        fields = ["status", "opstatus", "opresult", "oplog", "start_ts", "opstart", "opexec"]
        (row,) = master.ask("QueryJobs", [job_id], [*fields, "end_ts", "opend"])
        *values, end, ends = row
        return values, end is not None, [each is not None for each in ends]

    assert same(each, story)[0][0] == "canceled"


def test_rules_take_effect_on_queued_jobs_and_in_order(each: list[Master]) -> None:
    def story(master: Master) -> Any:
        told = []
        accept = master.rule("ACCEPT", ["reason", ["=", "reason", "x"]])
        # A job between two rules makes the later one the younger one.
        master.until(master.submit(), "success")
        pause = master.rule("PAUSE", ["reason", ["=", "reason", "y"]])
        master.until(master.submit(), "success")
        reject = master.rule("REJECT")
        first, second = master.submit("x"), master.submit("y")
        master.until(first, "success")
        told.append(master.status(second))
        # A rule that is replaced is the youngest from then on.
        assert master.rule("ACCEPT", ["reason", ["=", "reason", "x"]], uuid=accept) == accept
        third = master.submit("x")
        master.until(third, "canceled")
        told.append(master.status(second))
        master.ask("DeleteFilter", pause)
        master.until(second, "canceled")
        master.ask("DeleteFilter", reject)
        fourth = master.submit("y")
        master.until(fourth, "success")
        return told

    assert same(each, story) == ["queued", "queued"]


def test_a_paused_job_runs_once_the_rule_is_gone(each: list[Master]) -> None:
    def story(master: Master) -> Any:
        rule = master.rule("PAUSE", ["opcode", ["=", "OP_ID", "OP_TEST_DELAY"]])
        paused = master.submit()
        dependent = master.submit(depends=[[paused, []]])
        other = int(master.ask("SubmitJob", [DUMMY]))
        # How it ends is another matter.
        master.until(other, *FINAL)
        told = [master.status(paused), master.status(dependent)]
        master.ask("DeleteFilter", rule)
        master.until(dependent, "success")
        return told

    assert same(each, story) == ["queued", "queued"]


@pytest.mark.parametrize("kind", ["rule", "reason"])
def test_limits_let_so_many_jobs_run(each: list[Master], kind: str) -> None:
    def story(master: Master) -> Any:
        reason = "x" if kind == "rule" else "rate-limit:2:x"
        if kind == "rule":
            master.rule(["RATE_LIMIT", 2], ["reason", ["=", "reason", "x"]])
        jobs = [master.submit(reason, duration=3600) for _ in range(3)]
        other = master.submit("y")
        for job_id in (*jobs[:2], other):
            master.until(job_id, "running", "success")
        told = [master.status(jobs[2])]
        master.ask("CancelJob", jobs[0], True)
        master.until(jobs[2], "running")
        return [*told, master.status(jobs[1])]

    assert same(each, story) == ["queued", "running"]


def test_reasons_limit_where_they_name_a_number(each: list[Master]) -> None:
    """Two jobs of each reason; the last of all runs, so that all had their chance."""
    limiting = ["rate-limit:1", "rate-limit: 1:p", "rate-limit:1:q:z"]
    others = ["rate-limit:0:q", "rate-limit:+1:q", "rate-limit:1 :q", "rate-limit::1"]

    def story(master: Master) -> Any:
        jobs = [(master.submit(reason, duration=3600), master.submit(reason, duration=3600))
                for reason in (*limiting, *others)]  # fmt: skip
        for number, (first, second) in enumerate(jobs):
            master.until(first, "running")
            if number >= len(limiting):
                master.until(second, "running")
        return [master.status(second) for _, second in jobs]

    expected = ["queued"] * len(limiting) + ["running"] * len(others)
    assert same(each, story) == expected


# --- commands -----------------------------------------------------------------------------------


def alike(outcome: Outcome, names: dict[str, str]) -> Outcome:
    """Return an outcome with uuids named in the order in which they appear, and without times."""

    def named(match: re.Match[str]) -> str:
        # As wide as a uuid, so that columns stay.
        return names.setdefault(match[0], f"uuid-{len(names):031}")

    output, errors = (
        _TIME_NS.sub("0" * 19, _UUID.sub(named, text)) for text in (outcome.output, outcome.errors)
    )
    return Outcome(outcome.code, output, errors)


class Terminal:
    """Both at once; uuids of one are those of the other."""

    def __init__(self, pair: Masters) -> None:
        self._sides = [(pair.theirs, dict[str, str]()), (pair.ours, dict[str, str]())]

    def run(self, *command: str) -> Outcome:
        """Run a command on both, which must do the same; `{0}` in it is the first uuid seen."""
        started = []
        for commands, names in self._sides:
            uuids = list(names)
            words = [re.sub(r"\{(\d)\}", lambda found: uuids[int(found[1])], word)  # noqa: B023
                     for word in command]  # fmt: skip
            started.append(commands.start(*words))
        theirs, ours = (
            alike(debian.finish(process), names)
            for process, (_, names) in zip(started, self._sides, strict=True)
        )
        assert ours == theirs
        return theirs


def test_debians_commands_do_the_same(pair: Masters, each: list[Master]) -> None:
    terminal = Terminal(pair)
    run = terminal.run
    last = len(each[0].ask("QueryJobs", [], ["id"]))
    assert last == len(each[1].ask("QueryJobs", [], ["id"]))
    first, second = str(last + 1), str(last + 2)
    run("gnt-filter", "list")
    run("gnt-filter", "list-fields")
    predicates = '[["reason", ["!=", "source", "x"]], ["jobid", [">", "id", "watermark"]]]'
    paused = ["--priority", "3", "--action", "PAUSE", "--reason", "maintenance"]
    run("gnt-filter", "add", *paused, "--predicates", predicates)
    # Of a uuid of one's own, so that both show rules in the same order.
    limit = "ffffffff-ffff-ffff-ffff-ffffffffffff"
    run("gnt-filter", "replace", "--priority", "5", "--action", "RATE_LIMIT 2", limit)
    run("gnt-filter", "list")
    run("gnt-filter", "list", "--no-headers", "-o", "watermark,priority,action,predicates")
    assert "Action: PAUSE" in run("gnt-filter", "info", "{0}").output
    for wrong in (
        ["add", "--action", "FOO"],
        ["add", "--action", "RATE_LIMIT 0"],
        ["add", "--predicates", '[["x"]]'],
        ["add", "--predicates", '[["jobid", ["=", "id"]]]'],
        ["add", "--priority", "-1"],
        ["replace", "--action", "REJECT"],
        ["delete", "nosuch"],
    ):
        assert run("gnt-filter", *wrong).code == 1
    run("gnt-filter", "info", "nosuch")
    # Held, however urgent.
    run("gnt-debug", "delay", "--submit", "--no-master", "0.01")
    run("gnt-debug", "delay", "--submit", "--no-master", "0.02")
    listed = ("gnt-job", "list", "--no-headers", "-o", "id,status,summary,priority", first, second)
    assert [line.split()[1] for line in run(*listed).lines] == ["queued", "queued"]
    run("gnt-job", "change-priority", "--priority", "high", "--force", first)
    run("gnt-job", "change-priority", "--priority", "low", "--queued", "--force")
    assert [line.split()[-1] for line in run(*listed).lines] == ["10", "10"]
    run("gnt-debug", "locks")
    run("gnt-job", "cancel", "--force", second)
    run("gnt-job", "watch", second)
    # In effect no more.
    run("gnt-filter", "replace", "--action", "CONTINUE", "{0}")
    assert run("gnt-job", "watch", first).code == 0
    run("gnt-filter", "list", "--no-headers", "-o", "uuid,watermark,action")
    run("gnt-filter", "delete", "{0}")
    run("gnt-filter", "delete", limit)
    assert run("gnt-filter", "list").lines == run("gnt-filter", "list", limit).lines
    # The queue as a whole.
    run("gnt-cluster", "queue", "info")
    run("gnt-cluster", "queue", "drain")
    assert run("gnt-debug", "delay", "--no-master", "0.01").code == 1
    run("gnt-cluster", "queue", "info")
    run("gnt-cluster", "queue", "undrain")
    assert run("gnt-debug", "delay", "--no-master", "0.01").code == 0
    assert run("gnt-cluster", "queue", "nonsense").code == 1


def test_debians_test_of_the_job_queue_tells_the_same() -> None:
    """It runs jobs on nodes, so that these answer both."""
    made = sound()
    made["filters"] = {}
    with live.at_work(made) as roots:
        theirs, ours = (
            masters.commands(root).start("gnt-debug", "test-jobqueue")
            for root in (roots.theirs, roots.ours)
        )
        # Two dozen jobs, of which each is a process with the reference.
        outputs = [process.communicate(timeout=LONG_S)[0] for process in (theirs, ours)]
    assert told(outputs[1]) == told(outputs[0])
    assert outputs[1].endswith("\nJob queue test successful\n")


def told(output: str) -> list[str]:
    """Return the lines without times; which of some jobs is waited for first is left to chance."""
    lines = [re.sub(r"^.{24}  - ", "", line) for line in output.splitlines()]
    waiting = [line for line in lines if line.startswith("Waiting for job")]
    return [*(line for line in lines if line not in waiting), *sorted(waiting)]
