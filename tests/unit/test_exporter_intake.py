"""What no candidate holds stays young at full load. The time is simulated, so nothing is noisy."""

import random
from collections import deque

import pytest

from exporter.intake import Intake

BOUND_S = 5.0


class Simulation:
    """Clients that submit without pause, and a candidate that takes some jobs a second."""

    def __init__(self, clients: int, plan_s: float) -> None:
        self.now_s = 0.0
        self.intake = Intake(BOUND_S, lambda: self.now_s)
        self.clients = clients
        self.plan_s = plan_s
        self.seq = 0
        #: Number and time of each job that the candidate does not hold.
        self.unheld: deque[tuple[int, float]] = deque()
        self.oldest_s = 0.0
        self.taken = 0

    def run(self, seconds: float, pace: float) -> None:
        """Go on for some seconds in which the candidate takes `pace` jobs a second."""
        until_s = self.now_s + seconds
        while self.now_s < until_s:
            self._submit()
            jobs = [self.unheld.popleft() for _ in range(self._plan_jobs(pace))]
            step_s = max(len(jobs) / pace, 0.001)
            for _ in range(10):
                # Clients go on while the plan is on its way.
                self.now_s += step_s / 10
                self._submit()
            if jobs:
                self.oldest_s = max(self.oldest_s, self.now_s - jobs[0][1])
                self.intake.held(jobs[-1][0])

    def _plan_jobs(self, pace: float) -> int:
        return min(len(self.unheld), max(1, int(pace * self.plan_s)))

    def _submit(self) -> None:
        for _ in range(self.clients):
            if not self.intake.room:
                return
            self.seq += 1
            self.taken += 1
            self.unheld.append((self.seq, self.now_s))
            self.intake.taken(self.seq, 1)


@pytest.mark.parametrize("pace", [5.0, 25.0, 100.0, 2000.0])
def test_the_age_of_what_nobody_holds_is_bounded_at_full_load(pace: float) -> None:
    simulation = Simulation(clients=64, plan_s=0.5)
    simulation.run(60, pace)
    # The first jobs come before anything is known of the pace.
    unmeasured_s = 16 * BOUND_S * 0.7 / pace
    assert simulation.oldest_s <= max(BOUND_S, unmeasured_s)
    assert simulation.taken >= 0.9 * 60 * pace, "clients wait for more than the candidate's pace"


def test_a_pace_that_changes_is_followed() -> None:
    chance = random.Random(11)
    simulation = Simulation(clients=64, plan_s=0.5)
    simulation.run(20, 200)
    for _ in range(30):
        simulation.run(5, 200 * chance.uniform(0.7, 1.4))
    assert simulation.oldest_s <= 2 * BOUND_S
    # Four times slower from one moment to the next: what is under way takes four times as long.
    simulation.run(60, 50)
    assert simulation.oldest_s <= 4 * BOUND_S
    simulation.oldest_s = 0.0
    simulation.run(60, 50)
    assert simulation.oldest_s <= BOUND_S


def test_a_fast_candidate_holds_nobody_up() -> None:
    simulation = Simulation(clients=16, plan_s=0.02)
    simulation.run(5, 50_000)
    assert simulation.taken >= 5 / 0.02 * 16


def test_there_is_room_when_nothing_is_under_way_however_slow_the_candidate_is() -> None:
    simulation = Simulation(clients=1, plan_s=0.5)
    simulation.run(600, 0.05)
    intake = simulation.intake
    intake.held(simulation.seq)
    assert intake.jobs == 0
    assert intake.room


def test_jobs_that_got_room_count_before_they_are_committed() -> None:
    intake = Intake(BOUND_S, lambda: 0.0)
    room = []
    for coming in (1000, 0):
        intake.coming = coming
        room.append(intake.room)
    assert room == [False, True]


def test_nothing_is_waited_for_while_no_candidate_can_be_reached() -> None:
    intake = Intake(BOUND_S, lambda: 0.0)
    intake.taken(10, 1000)
    room = [intake.room]
    intake.nobody_to_wait_for(10)
    room.append(intake.room)
    assert room == [False, True]
    intake.taken(9, 1)
    assert intake.jobs == 0
