"""Filter rules, rate limits and lost wake-ups, on the queue of a real store."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import gevent
import pytest

from masterd.config.filter import FilterRule
from masterd.job.crew import Crew
from masterd.job.live import LiveJobs
from masterd.job.repository import Change
from masterd.job.status import OpStatus
from masterd.limits import JOB_RULES_PER_TURN
from store import failpoints
from store.store import Store
from tests import system
from tests.queue_support import PATIENCE_S, Queue, delay

BLOCK = "block"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path / "store")
    yield store
    failpoints.clear()
    store.close()


@pytest.fixture
def queue(store: Store) -> Iterator[Queue]:
    made = Queue(store)
    yield made
    made.service.stop()


def rule(action: Any, *predicates: Any, uuid: str = "r", watermark: int = 0) -> FilterRule:
    return FilterRule(
        uuid=uuid,
        action=action,
        predicates=predicates,
        watermark=watermark,
        priority=0,
        reason_trail=(),
    )


def because(reason: str, comment: str | None = None, **parameters: Any) -> Any:
    """Return an opcode with this reason."""
    return delay(reason=[["gnt:user", reason, 1]], comment=comment, **parameters)


def with_reason(reason: str) -> tuple[str, list[Any]]:
    return ("reason", ["=", "reason", reason])


def settle(queue: Queue) -> None:
    """Return when what has been given to the store is durable and told, and greenlets waited."""
    queue.end(queue.service.submit([because("settle")], None))


def statuses(queue: Queue, *job_ids: int) -> list[str]:
    return [str(queue.job(job_id).status) for job_id in job_ids]


def test_a_paused_job_stays_queued_until_the_rule_goes(queue: Queue) -> None:
    queue.set_rules(rule("PAUSE", with_reason("x")))
    queue.start()
    paused, other = queue.submit(because("x")), queue.submit(because("y"))
    assert queue.end(other).status is OpStatus.SUCCESS
    assert statuses(queue, paused) == ["queued"]
    queue.set_rules()
    assert queue.end(paused).status is OpStatus.SUCCESS


def test_a_rule_that_comes_holds_jobs_that_are_queued_already(queue: Queue) -> None:
    first, second = queue.submit(because("x")), queue.submit(because("y"))
    queue.set_rules(rule("PAUSE", with_reason("x")))
    queue.start()
    assert queue.end(second).status is OpStatus.SUCCESS
    assert statuses(queue, first) == ["queued"]


def test_a_rejected_job_gets_an_id_and_is_canceled(queue: Queue) -> None:
    queue.set_rules(rule("REJECT", with_reason("x")))
    queue.start()
    job = queue.end(queue.submit(because("x"), delay()))
    assert job.status is OpStatus.CANCELED
    assert [op.status for op in job.ops] == [OpStatus.CANCELED] * 2
    assert [(op.result, op.start_us, op.exec_us) for op in job.ops] == [(None, None, None)] * 2
    assert (job.start_us, job.log_serial) == (None, 0)
    assert job.end_us is not None
    assert queue.carrier.begun == []


def test_a_rule_that_comes_rejects_queued_jobs_and_leaves_running_ones_alone(queue: Queue) -> None:
    queue.start()
    running = queue.submit(because("x", BLOCK))
    waiting = queue.submit(because("x", depends=[[running, []]]))
    queue.until(running, OpStatus.RUNNING)
    queue.set_rules(rule("REJECT", with_reason("x")))
    assert queue.end(waiting).status is OpStatus.CANCELED
    queue.carrier.go.set()
    assert queue.end(running).status is OpStatus.SUCCESS


def test_a_paused_job_is_rejected_once_the_rule_before_is_gone(queue: Queue) -> None:
    reject = rule("REJECT", with_reason("x"), uuid="b", watermark=1)
    queue.set_rules(rule("PAUSE", with_reason("x"), uuid="a"), reject)
    queue.start()
    job_id = queue.submit(because("x"))
    settle(queue)
    assert statuses(queue, job_id) == ["queued"]
    queue.set_rules(reject)
    assert queue.end(job_id).status is OpStatus.CANCELED


def test_a_job_whose_rejection_cannot_be_recorded_is_rejected_later(queue: Queue) -> None:
    queue.start()
    queue.set_rules(rule("PAUSE", with_reason("x")))
    job_id = queue.submit(because("x"))
    failpoints.configure("store.before-commit=error:ENOSPC:1")
    queue.set_rules(rule("REJECT", with_reason("x")))
    assert queue.end(job_id).status is OpStatus.CANCELED


def test_a_rate_limit_counts_jobs_that_run_already(queue: Queue) -> None:
    queue.start()
    running = [queue.submit(because("x", BLOCK)) for _ in range(2)]
    for job_id in running:
        queue.until(job_id, OpStatus.RUNNING)
    queue.set_rules(rule(("RATE_LIMIT", 2), with_reason("x")))
    third, other = queue.submit(because("x")), queue.submit(because("y"))
    assert queue.end(other).status is OpStatus.SUCCESS
    assert statuses(queue, third) == ["queued"]
    # A job that is canceled while it waits for room leaves the room to the next one.
    fourth = queue.submit(because("x"))
    assert queue.service.cancel(third)[0]
    queue.carrier.go.set()
    assert queue.end(fourth).status is OpStatus.SUCCESS


def test_a_limit_that_is_raised_lets_more_jobs_run(queue: Queue) -> None:
    queue.set_rules(rule(("RATE_LIMIT", 1)))
    queue.start()
    first, second = queue.submit(because("x", BLOCK)), queue.submit(because("x", BLOCK))
    queue.until(first, OpStatus.RUNNING)
    assert statuses(queue, second) == ["queued"]
    queue.set_rules(rule(("RATE_LIMIT", 2)))
    queue.until(second, OpStatus.RUNNING)
    queue.carrier.go.set()
    assert {queue.end(job_id).status for job_id in (first, second)} == {OpStatus.SUCCESS}


def test_a_reason_limits_the_jobs_that_run_with_it(queue: Queue) -> None:
    queue.start()
    first, second = (queue.submit(because("rate-limit:1:q", BLOCK)) for _ in range(2))
    others = [
        queue.submit(because(reason))
        for reason in ("rate-limit:2:q", "rate-limit:1:q:z", "rate-limit:0:q", "rate-limit:x:q")
    ]
    queue.until(first, OpStatus.RUNNING)
    assert {queue.end(job_id).status for job_id in others} == {OpStatus.SUCCESS}
    assert statuses(queue, second) == ["queued"]
    queue.carrier.go.set()
    assert queue.end(second).status is OpStatus.SUCCESS


def test_the_number_of_running_jobs_changes_while_they_run(store: Store) -> None:
    queue = Queue(store, running_max=1).start()
    first, second, third = (queue.submit(delay(comment=BLOCK)) for _ in range(3))
    queue.until(first, OpStatus.RUNNING)
    assert statuses(queue, second) == ["queued"]
    queue.running_max = 2
    queue.service.reconsider()
    queue.until(second, OpStatus.RUNNING)
    assert statuses(queue, third) == ["queued"]
    queue.carrier.go.set()
    assert queue.end(third).status is OpStatus.SUCCESS
    queue.service.stop()


def test_after_a_restart_rules_hold_the_same_jobs(store: Store) -> None:
    rules = (
        rule("PAUSE", with_reason("x"), uuid="a"),
        rule("REJECT", ("jobid", [">", "id", "watermark"]), uuid="b", watermark=3),
        rule(("RATE_LIMIT", 1), with_reason("z"), uuid="c"),
    )
    before = Queue(store)
    paused, plain, first, second, rejected = (
        before.submit(because(reason, BLOCK)) for reason in ("x", "y", "z", "z", "y")
    )
    assert rejected == 5
    after = Queue(store, rules=rules).start()
    assert after.end(rejected).status is OpStatus.CANCELED
    after.until(first, OpStatus.RUNNING)
    after.until(plain, OpStatus.RUNNING)
    assert statuses(after, paused, second) == ["queued", "queued"]
    after.carrier.go.set()
    assert after.end(second).status is OpStatus.SUCCESS
    after.service.stop()


def test_a_job_that_waited_for_locks_at_a_crash_is_held_by_a_rule_as_others_are(
    store: Store,
) -> None:
    before = Queue(store).start()
    job_id = before.submit(because("x", "lock"))
    before.until(job_id, OpStatus.WAITING)
    gevent.killall([each.greenlet for each in before.service._crew._members.values()])
    after = Queue(store, rules=(rule("PAUSE", with_reason("x")),)).start()
    settle(after)
    assert statuses(after, job_id) == ["queued"]
    after.set_rules()
    assert after.until(job_id, OpStatus.WAITING)
    after.carrier.locks[job_id].set()
    assert after.end(job_id).status is OpStatus.SUCCESS
    after.service.stop()


def test_no_job_begins_before_new_rules_have_been_looked_at(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("masterd.job.live.JOB_RULES_PER_TURN", 1)
    assert JOB_RULES_PER_TURN > 1
    queue.running_max = 0
    queue.start()
    jobs = [queue.submit(because("x")) for _ in range(30)]
    free = queue.submit(because("y"))
    queue.running_max = 100
    queue.set_rules(rule("PAUSE", with_reason("x")))
    assert queue.service.running_count == 0
    assert queue.end(free).status is OpStatus.SUCCESS
    assert set(statuses(queue, *jobs)) == {"queued"}
    queue.set_rules()
    for job_id in jobs:
        assert queue.end(job_id).status is OpStatus.SUCCESS


def test_jobs_end_although_every_wake_up_in_memory_is_lost(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No commit tells memory, no end of a greenlet frees its place, no rule's change is told."""
    told = LiveJobs.committed
    monkeypatch.setattr("masterd.job.service.JOB_SWEEP_S", 0.01)
    looking = False

    def committed(self: LiveJobs, changes: Sequence[Change]) -> None:
        if looking:
            told(self, changes)

    monkeypatch.setattr(LiveJobs, "committed", committed)
    monkeypatch.setattr(LiveJobs, "schedule", dropped_unless(lambda: looking, LiveJobs.schedule))
    monkeypatch.setattr(Crew, "_gone", dropped_unless(lambda: looking, Crew._gone))
    sweep = queue.service._sweep
    look = sweep.look

    def looked() -> list[int]:
        nonlocal looking
        looking = True
        try:
            return look()
        finally:
            looking = False

    monkeypatch.setattr(sweep, "look", looked)
    queue.running_max = 1
    queue.rules = (rule("PAUSE", with_reason("x")),)
    queue.start()
    held = queue.submit(because("x"))
    jobs = [queue.submit(delay(), delay())]
    for _ in range(3):
        jobs.append(queue.submit(delay(depends=[[jobs[-1], ["success"]]])))
    with gevent.Timeout(PATIENCE_S):
        while queue.service.live_count != 1 or not all(ended(queue, job_id) for job_id in jobs):
            gevent.sleep(0.01)
    assert set(statuses(queue, *jobs)) == {"success"}
    assert not ended(queue, held)
    queue.rules = (rule("REJECT"),)
    with gevent.Timeout(PATIENCE_S):
        while queue.service.live_count:
            gevent.sleep(0.01)
    assert statuses(queue, held) == ["canceled"]


def dropped_unless(wanted: Any, method: Any) -> Any:
    """Return a method that does nothing unless `wanted()`."""
    return lambda self, *arguments: method(self, *arguments) if wanted() else None


def ended(queue: Queue, job_id: int) -> bool:
    """Tell what the store says."""
    job = queue.service.repository.get(job_id)
    assert job is not None
    return job.final


def test_a_kill_that_nobody_heard_of_is_noticed(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("masterd.job.service.JOB_SWEEP_S", 0.01)
    queue.start()
    job_id = queue.submit(delay(comment=BLOCK))
    queue.until(job_id, OpStatus.RUNNING)
    repository = queue.service.repository
    with monkeypatch.context() as deaf:
        deaf.setattr(repository, "_on_change", lambda changes: None)
        assert queue.service.cancel(job_id, kill=True)[0]
    with gevent.Timeout(PATIENCE_S):
        while queue.service.running_count:
            gevent.sleep(0.01)
    assert queue.service.live_count == 0


def test_nothing_is_lost_where_nothing_was_lost(queue: Queue) -> None:
    queue.start()
    queue.service.stop()
    seen = []
    for _ in range(20):
        for _ in range(5):
            queue.submit(delay(), delay())
        # What is on its way now has been told when a later job has ended.
        seen += queue.service._sweep.look()
        settle(queue)
    assert seen == []


def test_a_rule_holds_a_daemons_jobs_over_a_crash_until_it_is_removed() -> None:
    """The rule is part of the configuration; its removal is what lets the job go."""
    with system.simulated_cluster(nodes=3) as (cluster, _):
        with system.running(cluster) as daemon, daemon.client() as client:
            uuid = client.call("ReplaceFilter", None, 0, [["jobid", [">", "id", 0]]], "PAUSE", [])
            job_id = client.call("SubmitJob", [system.delay_op()])
            rejected = client.call(
                "ReplaceFilter", None, 0, [["jobid", ["=", "id", 2]]], "REJECT", []
            )
            daemon.kill()
        with system.running(cluster) as daemon, daemon.client() as client:
            assert client.call("QueryJobs", [job_id], ["status"]) == [["queued"]]
            assert client.call("QueryFilters", [], ["uuid"]) != []
            client.call("DeleteFilter", uuid)
            assert isinstance(job_id, int)
            assert system.wait_for_end(client, job_id) == "success"
            second = client.call("SubmitJob", [system.delay_op()])
            assert isinstance(second, int)
            assert system.wait_for_end(client, second) == "canceled"
            client.call("DeleteFilter", rejected)
