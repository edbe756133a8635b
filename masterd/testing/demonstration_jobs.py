"""A handful of jobs on a demonstration cluster, shown as they move, and what they leave behind."""

import io
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from masterd.client import gnt_job
from masterd.client.follow import follow
from masterd.client.session import MasterCaller, Session
from masterd.clock import Clock, SystemClock
from masterd.errors import GanetiError
from masterd.job.status import JobStatus
from masterd.testing.demonstration import Demonstration, DemonstrationError
from masterd.testing.terminal import Terminal

#: Seconds that all jobs together may take, and that a mirror file may take to appear.
JOBS_S: Final = 60
MIRROR_S: Final = 10.0
_LOOK_AGAIN_S: Final = 0.02

#: Files of a directory that are listed.
_LISTED_MAX: Final = 15

OpDocument = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Story:
    """Jobs submitted together, and what they show.

    A job may be followed by others that need it: their dependencies count backwards.
    """

    about: str
    jobs: tuple[tuple[OpDocument, ...], ...]
    #: Canceled as soon as it waits.
    cancel: bool = False


def stories(nodes: Sequence[str]) -> tuple[Story, ...]:
    """Return the jobs of a demonstration on these nodes, in the order of their submission."""
    return (
        Story("single: every node waits 0.6 s", ((_delay(0.6, nodes=nodes),),)),
        Story("many at once, with SubmitManyJobs", tuple((_delay(0.4, repeat=2),) for _ in "abc")),
        Story(
            "with dependencies: each needs the success of the one before",
            (
                (_delay(0.8),),
                (_delay(0.3, depends=[[-1, ["success"]]]),),
                (_delay(0.3, depends=[[-1, ["success"]]]),),
            ),
        ),
        Story("two opcodes, and the second fails", ((_delay(0.2), _failure()),)),
        Story(
            "canceled while it waits for the one before",
            ((_delay(1.2),), (_delay(30, depends=[[-1, ["success"]]]),)),
            cancel=True,
        ),
    )


def show(demonstration: Demonstration, terminal: Terminal) -> None:
    """Submit jobs, show them moving, then the table, the mirror and an archived job. Blocks.

    Raises:
        DemonstrationError: something took too long.
        GanetiError: the daemon refused something.
    """
    job_ids = _submit_and_watch(demonstration, terminal)
    show_table(demonstration, terminal)
    _show_mirror(demonstration, terminal, job_ids)
    _show_archiving(demonstration, terminal, job_ids[0])


def show_table(demonstration: Demonstration, terminal: Terminal) -> None:
    """Show the job table."""
    terminal.heading("The job table")
    _run_gnt_job(demonstration, terminal, "list", "-o", "id,status,priority,summary")


def _delay(
    duration_s: float,
    *,
    nodes: Sequence[str] = (),
    repeat: int = 0,
    depends: Sequence[object] | None = None,
) -> OpDocument:
    document = {
        "OP_ID": "OP_TEST_DELAY",
        "duration": duration_s,
        "on_master": False,
        "on_nodes": list(nodes),
        "repeat": repeat,
        "reason": [],
    }
    return document if depends is None else {**document, "depends": depends}


def _failure() -> OpDocument:
    return {
        "OP_ID": "OP_TEST_DUMMY",
        "messages": "Going to fail, as asked",
        "fail": "This is how a failure looks",
        "reason": [],
    }


def _submit_and_watch(demonstration: Demonstration, terminal: Terminal) -> list[int]:
    """Return the ids of the jobs once all have ended."""
    names = [node.name for node in demonstration.cluster.nodes]
    terminal.heading("Jobs, as they move")
    watcher = _Watcher(demonstration, terminal, SystemClock())
    job_ids: list[int] = []
    with demonstration.client() as client:
        for story in stories(names):
            ids = _submit(client.call, story)
            job_ids += ids
            terminal.line(f"  {_span(ids):<8} {story.about}")
            for job_id in ids:
                watcher.watch(job_id)
            if story.cancel:
                client.call("CancelJob", ids[-1], False)
    watcher.join(JOBS_S)
    return job_ids


def _submit(call: Callable[..., Any], story: Story) -> list[int]:
    if len(story.jobs) == 1:
        return [call("SubmitJob", list(story.jobs[0]))]
    answers = call("SubmitManyJobs", [list(job) for job in story.jobs])
    for accepted, answer in answers:
        if not accepted:
            raise DemonstrationError(f"a job was refused: {answer}")
    return [job_id for _, job_id in answers]


def _span(ids: Sequence[int]) -> str:
    return f"job {ids[0]}" if len(ids) == 1 else f"job {ids[0]}-{ids[-1]}"


class _Watcher:
    """Follows jobs, each on a connection and thread of its own, as so many clients would."""

    def __init__(self, demonstration: Demonstration, terminal: Terminal, clock: Clock) -> None:
        self._demonstration = demonstration
        self._terminal = terminal
        self._clock = clock
        self._started_s = clock.monotonic_s()
        self._threads: list[threading.Thread] = []
        self._failures: list[GanetiError] = []

    def watch(self, job_id: int) -> None:
        """Show what a job does from now on."""
        thread = threading.Thread(target=self._follow, args=(job_id,), daemon=True)
        self._threads.append(thread)
        thread.start()

    def join(self, timeout_s: float) -> None:
        """Wait until all jobs have ended.

        Raises:
            DemonstrationError: some take too long.
            GanetiError: one could not be followed.
        """
        deadline_s = self._clock.monotonic_s() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, deadline_s - self._clock.monotonic_s()))
            if thread.is_alive():
                raise DemonstrationError(f"the jobs did not end within {timeout_s:g} s")
        if self._failures:
            raise self._failures[0]

    def tell(self, job_id: int, status: str, text: str = "") -> None:
        """Show a line about a job."""
        passed_s = self._clock.monotonic_s() - self._started_s
        word = self._terminal.status(status, 9)
        self._terminal.line(f"  {passed_s:6.2f} s  job {job_id:<3} {word} {text}".rstrip())

    def _follow(self, job_id: int) -> None:
        reporter = _Reporter(self, job_id)
        try:
            with self._demonstration.client() as client:
                failure = follow(client, job_id, reporter)
        except GanetiError as error:
            self._failures.append(error)
            return
        if failure is not None and reporter.status != JobStatus.CANCELED:
            self.tell(job_id, "", " ".join(failure.text.split()))


class _Reporter:
    """Passes on what happens to one job."""

    interval_s = JOBS_S

    def __init__(self, watcher: _Watcher, job_id: int) -> None:
        self._watcher = watcher
        self._job_id = job_id
        self.status = ""

    def log(self, time: Sequence[int], kind: str, message: object) -> None:
        """Show an entry of the job's log."""
        self._watcher.tell(self._job_id, "", f"log: {message}")

    def state(self, status: str, opcode_statuses: Sequence[str], *, changed: bool) -> None:
        """Show a new status."""
        if changed and status != self.status:
            self.status = status
            self._watcher.tell(self._job_id, status)

    def finish(self) -> None:
        """Nothing is left open."""


def _show_mirror(demonstration: Demonstration, terminal: Terminal, job_ids: Sequence[int]) -> None:
    terminal.heading("The mirror: every job as a file in Ganeti's form, here and on the candidates")
    queue = demonstration.paths.queue_dir
    candidates = [node for node in demonstration.cluster.nodes if node.candidate]
    for node in candidates:
        directory = demonstration.cluster.queue(node)
        for job_id in job_ids:
            _await_file(directory / f"job-{job_id}")
    terminal.line(f"  {_short(demonstration, queue)}/")
    files = sorted((path for path in queue.iterdir() if path.is_file()), key=_by_number)
    for path in files[:_LISTED_MAX]:
        terminal.line(f"    {path.name:<8} {path.stat().st_size:>6} bytes")
    if len(files) > _LISTED_MAX:
        terminal.line(f"    and {len(files) - _LISTED_MAX} more")
    same = [node.name for node in candidates if _has_same(demonstration, node, job_ids)]
    terminal.line(f"  the same job files on {', '.join(same)}")


def _has_same(demonstration: Demonstration, node: Any, job_ids: Sequence[int]) -> bool:
    ours, theirs = demonstration.paths.queue_dir, demonstration.cluster.queue(node)
    names = [f"job-{job_id}" for job_id in job_ids]
    return _await(lambda: all(_content(ours / name) == _content(theirs / name) for name in names))


def _show_archiving(demonstration: Demonstration, terminal: Terminal, job_id: int) -> None:
    terminal.heading("An archived job leaves the queue and stays readable")
    _run_gnt_job(demonstration, terminal, "archive", str(job_id))
    archived = demonstration.paths.archive_dir / str(job_id // 10000) / f"job-{job_id}"
    _await_file(archived)
    terminal.line(f"  its file is now {_short(demonstration, archived)}")
    _run_gnt_job(demonstration, terminal, "info", str(job_id))


def _run_gnt_job(demonstration: Demonstration, terminal: Terminal, *arguments: str) -> None:
    """Run our own `gnt-job` in this process and show what it prints."""
    terminal.command(f"gnt-job {' '.join(arguments)}")
    printed = io.StringIO()
    session = Session(
        MasterCaller(demonstration.paths), printed, printed, SystemClock(), lambda _question: False
    )
    code = gnt_job.run(arguments, session)
    terminal.indented(printed.getvalue())
    if code != 0:
        raise DemonstrationError(f"gnt-job {arguments[0]} ended with {code}")


def _await_file(path: Path) -> None:
    if not _await(path.exists):
        raise DemonstrationError(f"{path} did not appear within {MIRROR_S:g} s")


def _await(condition: Callable[[], bool]) -> bool:
    """Look until something holds, for `MIRROR_S` at most; tell whether it came to hold."""
    pause = threading.Event()
    return any(
        condition() or pause.wait(_LOOK_AGAIN_S) for _ in range(round(MIRROR_S / _LOOK_AGAIN_S))
    )


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _by_number(path: Path) -> tuple[str, int]:
    name, _, number = path.name.partition("-")
    return name, int(number) if number.isdigit() else 0


def _short(demonstration: Demonstration, path: Path) -> str:
    return str(path.relative_to(demonstration.root))
