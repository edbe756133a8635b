"""Stock and ours in any order on one directory, both changing things, ours dying now and then.

Whatever the order, ours goes on from the newest state, or refuses and says why; stock, which
believes the files, finds all that ours had told, unless it was killed before the files showed it.

Each run draws new orders, from a seed that a failure shows. More of them by hand, the same again:
`GANETI_MASTERD_TEST_TURNS=50 GANETI_MASTERD_TEST_SEED=7 scripts/test
tests/interop/test_masters_in_turn.py`.
"""

import json
import os
import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import gevent
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from masterd.clock import SystemClock
from masterd.config import document
from masterd.luxi.client import Client
from masterd.paths import Paths
from tests import system
from tests.broken_configs import sound
from tests.interop import luxid, masters
from tests.interop.luxid import needs_luxid
from tests.interop.luxid_support import Luxid

pytestmark = needs_luxid

ALONE: Final = ["--no-voting", "--yes-do-it"]

#: Times that news of a job is waited for, and the seconds of each.
ROUNDS_MAX: Final = 6
NEWS_S: Final = 20

SEED: Final = int(os.environ.get("GANETI_MASTERD_TEST_SEED", random.randrange(10**6)))
#: Orders drawn by hand, however long they take; None in a run of the suite.
BY_HAND: Final = os.environ.get("GANETI_MASTERD_TEST_TURNS")
#: In a run of the suite no order begins later than this, in seconds.
BEGIN_S: Final = 30.0

#: What a master does in its turn.
WORKS: Final = ("nothing", "tag", "job", "archive", "tag and job")
#: A turn: who; what it does; how ours ends (stock always ends in peace); what the administrator
#: says where ours refuses.
TURNS: Final = st.one_of(
    st.tuples(st.just("stock"), st.sampled_from(WORKS), st.just("stop"), st.just("")),
    st.tuples(
        st.just("ours"),
        st.sampled_from(WORKS),
        st.sampled_from(["stop", "stop", "kill"]),
        st.sampled_from(["--adopt-files", "--adopt-files", "--keep-store"]),
    ),
)
Turn = tuple[str, str, str, str]

#: Asks a master: method and arguments.
Ask = Callable[[str, list[Any]], Any]


@dataclass(frozen=True)
class State:
    """What the cluster is, as a master tells or the files show it."""

    tags: frozenset[str]
    #: Status of live jobs by id, and ids of archived ones.
    jobs: dict[int, str]
    archived: frozenset[int]

    @property
    def unfinished(self) -> list[int]:
        return [i for i, status in self.jobs.items() if status not in system.FINAL]

    def follows(self, before: "State") -> bool:
        """Tell whether this is the state before it; only unfinished jobs may have gone on."""
        gone_on = {i: self.jobs.get(i, "missing") for i in before.unfinished}
        return self == replace(before, jobs={**before.jobs, **gone_on})


@dataclass
class History:
    """A directory, and what its masters did in their turns."""

    root: Path
    #: As ours told it at the end of its last turn; None before the first.
    told: State | None = None
    #: As the files were when ours ended.
    left: State | None = None
    turns: int = 0
    refusals: int = 0
    #: Highest id that any master gave out.
    last_id: int = 0
    log: list[Turn] = field(default_factory=list)

    @property
    def paths(self) -> Paths:
        return Paths(self.root, self.root.name)

    def files(self) -> State:
        """Return what the files show."""
        queue = self.paths.queue_dir
        live = {
            document["id"]: document["ops"][-1]["status"]
            for document in (json.loads(path.read_bytes()) for path in queue.glob("job-*"))
        }
        archived = (int(path.name.removeprefix("job-")) for path in queue.glob("archive/*/job-*"))
        config = json.loads(self.paths.config_file.read_bytes())
        return State(frozenset(config["cluster"]["tags"]), live, frozenset(archived))

    def fall_behind(self) -> None:
        """Show the last job as the mirror first does, as if ours had been killed just then."""
        path = self.paths.queue_dir / f"job-{self.last_id}"
        job = json.loads(path.read_bytes())
        for op in job["ops"]:
            times = dict.fromkeys(("start_timestamp", "exec_timestamp", "end_timestamp"))
            op |= {"status": "queued", "result": None, **times}
        job |= {"start_timestamp": None, "end_timestamp": None}
        path.write_text(json.dumps(job))
        self.left = self.files()

    # --- turns --------------------------------------------------------------------------------

    def take(self, turn: Turn) -> None:
        """Let a master have its turn."""
        who, work, end, way = turn
        self.turns += 1
        self.log.append(turn)
        if who == "stock":
            self._stock(work)
        else:
            self._ours(work, end, way)

    def _stock(self, work: str) -> None:
        before = self.files()
        if self.log[-2:-1] and self.log[-2][2] == "kill":
            # Stock cannot know ids that ours had given out, and not shown yet.
            self.last_id = int((self.paths.queue_dir / "serial").read_text())
        for name in ("locks.data", "tempres.data"):
            # Its last word before it serves is that it misses them.
            (self.paths.data_dir / name).unlink(missing_ok=True)
        luxid.give(self.root)
        serial_no = json.loads(self.paths.config_file.read_bytes())["serial_no"]
        # In the order of `daemon-util start-master`: luxid starts what is queued at once, and the
        # process of a job that finds no wconfd tries for minutes, in which luxid may end.
        running = luxid.luxid(self.root, config_serial=serial_no)
        with luxid.wconfd(self.root), running as socket:
            reference = Luxid(socket)
            try:
                ask: Ask = reference.ask
                assert set(ask("QueryTags", ["cluster", ""])) == before.tags, self.log
                told = ask("Query", ["job", ["id"], None])["data"]
                assert {row[0][1] for row in told} == {*before.jobs}, self.log
                self._work(ask, work)
                # Else its processes would go on when luxid has ended.
                self._await_all(ask, [i for i, status in before.jobs.items() if status == "queued"])
            finally:
                reference.close()

    def _ours(self, work: str, end: str, way: str) -> None:
        found = self.files()
        before, anothers = self.told, self.left is not None and found != self.left
        arguments: list[str] = []
        if anothers:
            self._refused()
            arguments = [way]
        with self._daemon(arguments, end) as ask:
            now = self._as_told(ask)
            kept = before is not None and not (anothers and way == "--adopt-files")
            wanted = before if before is not None and kept else found
            assert now.follows(wanted), (self.log, now, wanted)
            self._work(ask, work)
            self._await_all(ask, wanted.unfinished)
            self.told = self._as_told(ask)
        self.left = self.files()
        if end == "stop":
            assert self.left == self.told, self.log

    def _as_told(self, ask: Ask) -> State:
        rows = ask("Query", ["job", ["id", "status", "archived"], None])["data"]
        live = {row[0][1]: row[1][1] for row in rows if not row[2][1]}
        archived = frozenset(row[0][1] for row in rows if row[2][1])
        return State(frozenset(ask("QueryTags", ["cluster", ""])), live, archived)

    def _work(self, ask: Ask, work: str) -> None:
        if "tag" in work:
            op = {"OP_ID": "OP_TAGS_SET", "kind": "cluster", "name": "", "tags": [f"t{self.turns}"]}
            self._run(ask, {**op, "reason": []})
        if "job" in work or work == "archive":
            job_id = self._run(ask, system.delay_op())
            if work == "archive":
                assert ask("ArchiveJob", [job_id])
            if "shown" in work:
                self._await_shown(job_id)

    def _run(self, ask: Ask, op: dict[str, object]) -> int:
        """Have an opcode carried out; return the job's id, which no job had before."""
        job_id = int(ask("SubmitJob", [[op]]))
        assert job_id > self.last_id, self.log
        self.last_id = job_id
        status = self._await(ask, job_id)
        result = ask("QueryJobs", [[job_id], ["status", "opresult"]])
        assert status == "success", (self.log, result)
        return job_id

    def _await(self, ask: Ask, job_id: int) -> str:
        """Wait for the end of a job; return its status."""
        status = ""
        for _ in range(ROUNDS_MAX):
            ((found,),) = ask("QueryJobs", [[job_id], ["status"]])
            status = str(found)
            if status in system.FINAL:
                return status
            ask("WaitForJobChange", [job_id, ["status"], [status], None, NEWS_S])
        raise AssertionError(f"job {job_id} stays {status}: {self.log}\n{self._daemons_told()}")

    def _await_shown(self, job_id: int) -> None:
        """Wait until the files show a job's end; the mirror follows after clients are told."""
        path = self.paths.queue_dir / f"job-{job_id}"
        with gevent.Timeout(system.START_S):
            while not (path.exists() and self.files().jobs[job_id] in system.FINAL):
                gevent.idle()

    def _await_all(self, ask: Ask, job_ids: Iterable[int]) -> None:
        """Wait for the end of jobs of which some may have been archived."""
        archived = self.files().archived
        for job_id in job_ids:
            if job_id not in archived:
                self._await(ask, job_id)

    def _daemons_told(self) -> str:
        logs = sorted(self.paths.log_file.parent.glob("*.log"))
        return "\n".join(f"{log.name}: ...{log.read_text()[-2000:]}" for log in logs)

    # --- our daemon ---------------------------------------------------------------------------

    def _refused(self) -> None:
        before = self.files()
        process = system.spawn(self.paths.environment(), arguments=ALONE)
        assert process.wait(system.START_S) == 1, self.log
        told = self.paths.log_file.read_text().rpartition("another master has worked here")[2]
        assert "last job of the store" in told, self.log
        assert self.files() == before
        self.refusals += 1

    @contextmanager
    def _daemon(self, arguments: list[str], end: str) -> Iterator[Ask]:
        process = system.spawn(self.paths.environment(), arguments=[*ALONE, *arguments])
        try:
            with Client(
                str(self.paths.query_socket),
                connect_s=system.START_S,
                answer_s=system.START_S,
                should_serve=lambda: process.poll() is None,
                clock=SystemClock(),
            ) as client:
                client.call("QueryConfigValues", ["cluster_name"])
                yield lambda method, args: client.call(method, *args)
        except Exception as error:
            log = self.paths.log_file.read_text()[-3000:]
            raise AssertionError(f"{self.log}\n{log}") from error
        finally:
            if end == "kill":
                process.kill()
            else:
                process.terminate()
            process.wait(system.END_S)


@contextmanager
def history() -> Iterator[History]:
    with masters.root(document.split(sound())) as root:
        yield History(root)


@pytest.mark.parametrize(
    "turns",
    [
        [
            ("stock", "tag and job", "stop", ""),
            ("ours", "tag and job", "stop", "--adopt-files"),
            ("stock", "tag and job", "stop", ""),
            ("ours", "archive", "stop", "--adopt-files"),
            ("ours", "nothing", "stop", "--keep-store"),
        ],
        [
            ("ours", "tag and job", "kill", "--keep-store"),
            ("stock", "archive", "stop", ""),
            ("ours", "tag and job", "stop", "--keep-store"),
            ("stock", "job", "stop", ""),
        ],
    ],
)
def test_masters_take_turns(turns: list[Turn]) -> None:
    with history() as directory:
        for turn in turns:
            directory.take(turn)
        assert directory.refusals == 1


def test_stock_and_ours_go_on_with_a_job_that_ours_left_queued() -> None:
    with history() as directory:
        directory.take(("ours", "job shown", "kill", ""))
        directory.fall_behind()
        directory.take(("stock", "nothing", "stop", ""))
        assert directory.files().jobs == {1: "success"}
        directory.take(("ours", "job", "stop", "--adopt-files"))
        assert directory.files().jobs == {1: "success", 2: "success"}


@seed(SEED)
@settings(
    max_examples=int(BY_HAND or 4),
    database=None,
    phases=[Phase.generate],
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(st.lists(TURNS, min_size=3, max_size=4))
def _take_turns(begun_s: float, orders: list[list[Turn]], turns: list[Turn]) -> None:
    if BY_HAND is None and SystemClock().monotonic_s() - begun_s > BEGIN_S:
        return
    with history() as directory:
        for turn in turns:
            directory.take(turn)
        orders.append(directory.log)


def test_masters_take_turns_in_any_order() -> None:
    print(f"GANETI_MASTERD_TEST_SEED={SEED}")
    orders: list[list[Turn]] = []
    _take_turns(SystemClock().monotonic_s(), orders)
    assert orders, "no order was gone through to its end"
