"""Where ours does something else than the reference on purpose: each place once, with the reason.

Each file `justified_<family>.py` beside this one has JUSTIFIED.
"""

import importlib
from pathlib import Path
from typing import Final

from tests.same_calls.difference import Justified

JUSTIFIED: Final[tuple[Justified, ...]] = tuple(
    each
    for path in sorted(Path(__file__).parent.glob("justified_*.py"))
    for each in importlib.import_module(f"tests.same_calls.{path.stem}").JUSTIFIED
)
