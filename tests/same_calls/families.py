"""The cases of all families: each file `cases_<family>.py` beside this one has CASES."""

import importlib
from pathlib import Path
from typing import Final

from tests.same_calls import lanes
from tests.same_calls.case import Case

CASES: Final[tuple[Case, ...]] = tuple(
    sorted(
        (
            case
            for path in sorted(Path(__file__).parent.glob("cases_*.py"))
            for case in importlib.import_module(f"tests.same_calls.{path.stem}").CASES
        ),
        key=lambda case: lanes.place(case.op_id),
    )
)
