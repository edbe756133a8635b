"""All migration steps, in order."""

from collections.abc import Sequence
from typing import Final

from migrations import (
    v0001_initial,
    v0002_config_uses,
    v0003_seals,
    v0004_job_steps,
    v0005_node_calls,
)
from migrations.step import Step
from store import schema

STEPS: Final[tuple[Step, ...]] = (
    v0001_initial.STEP,
    v0002_config_uses.STEP,
    v0003_seals.STEP,
    v0004_job_steps.STEP,
    v0005_node_calls.STEP,
)


def check_chain(steps: Sequence[Step], newest: int = schema.SCHEMA_VERSION) -> None:
    """Make sure that the steps lead from version 0 to `newest`, one by one.

    Raises:
        ValueError: a number is missing, out of order, or the chain ends elsewhere.
    """
    versions = [step.version for step in steps]
    if versions != list(range(1, newest + 1)):
        raise ValueError(f"the migration steps {versions} do not lead to version {newest}")
