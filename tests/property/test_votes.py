"""The tally against a slow, obvious twin."""

from hypothesis import given
from hypothesis import strategies as st

from masterd.voting import NoVote, Verdict, Vote, tally

NAMES = [f"n{number}" for number in range(12)]


SILENT = NoVote("Connection refused", unreachable=True)


@st.composite
def elections(draw: st.DrawFn) -> tuple[str, frozenset[str], dict[str, Vote]]:
    nodes = frozenset(draw(st.sets(st.sampled_from(NAMES), min_size=1, max_size=9)))
    myself = draw(st.sampled_from(sorted(nodes)))
    answers = draw(
        st.dictionaries(
            st.sampled_from(NAMES), st.just(SILENT) | st.sampled_from(NAMES), max_size=12
        )
    )
    return myself, nodes, answers


def twin(myself: str, nodes: frozenset[str], answers: dict[str, Vote]) -> Verdict:
    """Put one ballot per node into boxes and look at the boxes."""
    boxes: dict[str | None, list[str]] = {None: [], myself: []}
    for node in nodes:
        answer = myself if node == myself else answers.get(node)
        boxes.setdefault(answer if isinstance(answer, str) else None, []).append(node)
    if len(boxes[myself]) > len(nodes) - len(boxes[myself]):
        return Verdict.ELECTED
    # What if everybody who is silent now spoke for us the next time?
    boxes_then = {**boxes, None: [], myself: boxes[myself] + boxes[None]}
    if len(boxes_then[myself]) > len(nodes) - len(boxes_then[myself]):
        return Verdict.SILENCE
    rivals = [len(box) for choice, box in boxes.items() if choice not in (None, myself)]
    if rivals and max(rivals) > len(boxes[myself]):
        return Verdict.OTHER_TOP_VOTED
    return Verdict.TOO_FEW


@given(elections())
def test_the_verdict_is_that_of_counting_ballots_by_hand(
    election: tuple[str, frozenset[str], dict[str, Vote]],
) -> None:
    assert tally(*election).verdict is twin(*election)


@given(elections(), st.sampled_from(NAMES))
def test_one_more_vote_for_us_never_loses_an_election(
    election: tuple[str, frozenset[str], dict[str, Vote]], convert: str
) -> None:
    myself, nodes, answers = election
    before = tally(myself, nodes, answers)
    after = tally(myself, nodes, {**answers, convert: myself})
    assert after.in_favour >= before.in_favour
    if before.verdict is Verdict.ELECTED:
        assert after.verdict is Verdict.ELECTED


@given(elections())
def test_every_voter_is_counted_once(
    election: tuple[str, frozenset[str], dict[str, Vote]],
) -> None:
    myself, nodes, answers = election
    result = tally(myself, nodes, answers)
    against = sum(
        answers.get(node, SILENT) not in (SILENT, myself) for node in nodes if node != myself
    )
    assert result.in_favour + len(result.silent) + against == result.voters == len(nodes)
