"""For each case ours asks nodes, changes and tells the same as the reference.

One case by hand: `scripts/test tests/same_calls -k "TAGS_SET and cluster"`; beside the reference
itself with `SAME_CALLS=live` before it.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, cast

import pytest

from masterd.lu import registry
from tests.conftest import Tell
from tests.interop.debian import needs_ganeti
from tests.interop.luxid import needs_luxid
from tests.same_calls import lanes, sides
from tests.same_calls.case import Case
from tests.same_calls.difference import Justified
from tests.same_calls.families import CASES
from tests.same_calls.justified import JUSTIFIED
from tests.same_calls.lanes import Lanes, NoTimeError
from tests.same_calls.runs import Compared

_HINDRANCE: Final = sides.hindrance()
pytestmark = [
    needs_luxid,
    needs_ganeti,
    pytest.mark.skipif(_HINDRANCE is not None, reason=str(_HINDRANCE)),
]

#: Characters of a value that a failure shows.
SHOWN_CHARS: Final = 100_000


@dataclass
class Ledger:
    """What has been compared."""

    cases: int = 0
    live: int = 0
    runs: int = 0
    calls: int = 0
    texts: int = 0
    same_texts: int = 0
    used: set[Justified] = field(default_factory=set)

    def enter(self, compared: Compared) -> list[str]:
        """Count a run; return its differences that are not justified."""
        self.runs += 1
        self.calls += compared.calls
        self.texts += compared.texts
        self.same_texts += compared.same_texts
        told = []
        for found in compared.found:
            reasons = [each for each in JUSTIFIED if each.fits(compared.case.title, found)]
            self.used.update(reasons)
            if not reasons:
                told.append(
                    f"{compared.fault or 'all well'}: {found.place}\n"
                    f"    theirs: {_shown(found.theirs)}\n    ours:   {_shown(found.ours)}"
                )
        return told


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}..."


@pytest.fixture(scope="module")
def running(request: pytest.FixtureRequest) -> Iterator[Lanes]:
    """Have all cases compared that this run of the tests is going to ask for."""
    selected: list[Case] = [
        cast(Case, item.callspec.params["case"])
        for item in request.session.items
        if isinstance(item, pytest.Function)
        and item.module is request.module
        and hasattr(item, "callspec")
    ]
    counts = Counter(case.op_id for case in selected)
    there = Counter(case.op_id for case in CASES)
    whole = {op_id for op_id, count in counts.items() if count == there[op_id]}
    with lanes.lanes(selected, whole) as running:
        yield running


@pytest.fixture(scope="module")
def ledger(tell: Tell) -> Iterator[Ledger]:
    ledger = Ledger()
    yield ledger
    tell(
        f"the same calls as the reference: {ledger.cases} of {len(CASES)} cases, {ledger.live} of"
        f" them beside it (opcodes drawn by {lanes.SEED}), the others from recordings;"
        f" {ledger.runs} runs (each call of an opcode failing once and cut off once),"
        f" {ledger.calls:,} calls, {ledger.same_texts} of {ledger.texts} messages in the same"
        f" words, {len(ledger.used)} listed differences:"
    )
    places: dict[tuple[str, str], list[str]] = {}
    for each in JUSTIFIED:
        if each in ledger.used:
            places.setdefault((each.title, each.reason), []).append(each.place)
    for (title, reason), there in places.items():
        tell(f"  {title} {', '.join(there)}: {reason}")


def test_cases_have_names_of_their_own() -> None:
    names = [case.title for case in CASES]
    assert sorted(names) == sorted(set(names))


def test_every_opcode_that_is_carried_out_is_compared() -> None:
    assert set(registry.LOGICAL_UNITS) - {case.op_id for case in CASES} == set()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_ours_does_what_the_reference_does(case: Case, running: Lanes, ledger: Ledger) -> None:
    try:
        done = running.compared(case)
    except NoTimeError as error:
        pytest.skip(str(error))
    told = [text for compared in done.runs for text in ledger.enter(compared)]
    ledger.cases += 1
    ledger.live += done.live
    assert not told, "\n".join(told)


def test_each_listed_difference_still_occurs(ledger: Ledger) -> None:
    if ledger.cases < len(CASES):
        pytest.skip("a difference may occur in the cases that were not chosen or had no time")
    assert [each for each in JUSTIFIED if each not in ledger.used and not each.by_chance] == []
