"""Faults of simulated nodes are taken in order and counted."""

import pytest

from masterd.testing.clock import ManualClock
from masterd.testing.faults import Fault, FaultKind, FaultPlan, dump, load


def test_a_fault_meets_only_its_calls_and_only_so_often() -> None:
    plan = FaultPlan()
    twice = Fault(FaultKind.FAIL, calls=("version",), times=2)
    plan.set("node1", twice, Fault(FaultKind.DROP, times=1))
    assert plan.take("node2", "version") is None
    assert plan.take("node1", "version") == twice
    dropped = plan.take("node1", "test_delay")
    assert dropped is not None
    assert dropped.kind is FaultKind.DROP
    assert plan.take("node1", "test_delay") is None
    assert plan.take("node1", "version") is not None
    assert plan.take("node1", "version") is None


def test_a_node_refuses_until_it_is_made_well() -> None:
    plan = FaultPlan()
    plan.set("node1", Fault(FaultKind.REFUSE))
    assert plan.refuses("node1")
    assert plan.take("node1", "version") is None
    plan.set("node1")
    assert not plan.refuses("node1")
    plan.set("node1", Fault(FaultKind.REFUSE))
    plan.clear()
    assert not plan.refuses("node1")


def test_refusing_some_calls_only_is_refused() -> None:
    with pytest.raises(ValueError, match="refuses all calls"):
        FaultPlan().set("node1", Fault(FaultKind.REFUSE, calls=("version",)))


def test_faults_travel_as_json() -> None:
    faults = (Fault(FaultKind.DELAY, ("version",), 3, 0.5), Fault(FaultKind.HANG))
    assert load(dump(faults)) == faults
    wrongs: list[object] = [[{"kind": "tired"}], "hang", [{}]]
    for wrong in wrongs:
        with pytest.raises(ValueError, match=r"\$|array"):
            load(wrong)


def test_a_manual_clock_moves_both_times_when_told() -> None:
    clock = ManualClock(now_us=5_000_000, monotonic_s=1.0)
    clock.advance(0.5)
    assert (clock.now_us(), clock.monotonic_s()) == (5_500_000, 1.5)
    clock.set_now_us(7)
    assert (clock.now_us(), clock.monotonic_s()) == (7, 1.5)


def test_a_fault_lets_as_many_calls_pass_as_it_says() -> None:
    plan = FaultPlan()
    plan.set("a", Fault(FaultKind.FAIL, ("version",), times=1, after=2))
    met = [plan.take("a", call) for call in ("version", "node_info", *["version"] * 3)]
    assert [fault is not None for fault in met] == [False, False, False, True, False]


def test_a_fault_may_be_about_some_arguments_only() -> None:
    plan = FaultPlan()
    plan.set("a", Fault(FaultKind.FAIL, about="inst1", after=1))
    met = [plan.take("a", "version", body) for body in (b"inst2", b"inst1", b"inst2", b"[inst1]")]
    assert [fault is not None for fault in met] == [False, False, False, True]
