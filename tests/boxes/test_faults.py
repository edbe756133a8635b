"""What goes wrong around a master of ours, on a real cluster in namespaces.

One story, a test for each step: what a step leaves behind is where the next one begins.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.boxes.box import missing_means
from tests.boxes.faults import STEPS, Faults
from tests.boxes.play import troubled
from tests.boxes.story import Step
from tests.conftest import Tell
from tests.interop.debian import needs_ganeti

_MISSING = missing_means()

pytestmark = [needs_ganeti, pytest.mark.skipif(_MISSING is not None, reason=str(_MISSING))]


@pytest.fixture(scope="module")
def story(package: Path) -> Iterator[Faults]:
    with troubled(print, package) as story:
        yield story


@pytest.mark.parametrize("step", STEPS, ids=[step.name.replace(" ", "-") for step in STEPS])
def test_one_master_serves_and_nothing_is_lost_after(step: Step[Faults], story: Faults) -> None:
    assert story.take_next(STEPS, step)[-1] == step.name


def test_at_no_time_two_masters_served(story: Faults, tell: Tell) -> None:
    played = story.ending(STEPS)
    tell(f"with faults, on real machines: {played}")
    assert played.changes and played.jobs and played.looks
