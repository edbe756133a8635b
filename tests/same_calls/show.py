"""What the reference does for cases: `python -m tests.same_calls.show GROUP_ADD [part of a name]`.

Whoever writes a logical unit sees here what it is to do, before there is anything to compare:
calls, end, log, and the difference that the job makes to the configuration.
"""

import argparse
import sys
from collections.abc import Sequence

from masterd.testing.script import Asked
from tests.same_calls import matcher, runs
from tests.same_calls.case import Case
from tests.same_calls.families import CASES
from tests.same_calls.matcher import Renaming, Span
from tests.same_calls.sides import FaultAt, Side, reference

#: Characters of a value that is shown.
SHOWN_CHARS = 3000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the cases that are named by the reference alone, and print what it did."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.same_calls.show", description="Show what the reference does."
    )
    parser.add_argument("opcode", help="without OP_")
    parser.add_argument("name", nargs="?", default="", help="part of the case's name")
    parser.add_argument("--faults", action="store_true", help="with each call failing, too")
    options = parser.parse_args(arguments)
    wanted = [
        case for case in CASES if case.op_id == f"OP_{options.opcode}" and options.name in case.name
    ]
    with reference() as side:
        for case in wanted:
            asked = _show(case, side, None)
            for at in runs.faults(case, asked) if options.faults else ():
                _show(case, side, at)
    return 0 if wanted else 1


def _show(case: Case, side: Side, at: FaultAt | None) -> list[Asked]:
    before = side.before(case)
    outcome = side.carry_out(case, at)
    print(f"\n== {case.op_id} {case.name}{'' if at is None else ', ' + runs.told(at)}")
    for each in outcome.asked:
        print(_cut(f"  {each.node.partition('.')[0]} {each.call} {each.arguments}"))
    print(_cut(f"  job {outcome.job}"))
    for submitted in outcome.submitted:
        print(_cut(f"  submitted {submitted}"))
    renaming = Renaming(matcher.made_up(before), (Span(0, 0), Span(0, 0)))
    for found in matcher.differences(before, outcome.config, renaming):
        print(_cut(f"  config {found.place}: {found.theirs} -> {found.ours}"))
    return outcome.asked


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}..."


if __name__ == "__main__":
    sys.exit(main())
