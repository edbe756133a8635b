"""The tally, over every size of cluster up to nine nodes and every pattern of answers."""

from itertools import product

import pytest

from masterd.voting import NoVote, Verdict, Vote, tally

OURSELVES = "node1"
OTHER = "node2"
SILENT = NoVote("Connection refused", unreachable=True)


def nodes(count: int) -> frozenset[str]:
    return frozenset(f"node{number}" for number in range(1, count + 1))


@pytest.mark.parametrize(
    ("count", "needed"),
    [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (6, 4), (7, 4), (8, 5), (9, 5)],
)
def test_half_of_all_nodes_plus_one_is_needed(count: int, needed: int) -> None:
    assert tally(OURSELVES, nodes(count), {}).needed == needed


def test_a_cluster_of_one_node_elects_itself() -> None:
    result = tally(OURSELVES, nodes(1), {})
    assert (result.verdict, result.in_favour, result.voters) == (Verdict.ELECTED, 1, 1)


@pytest.mark.parametrize("count", range(1, 10))
def test_every_pattern_of_answers_gets_the_verdict_of_the_rules(count: int) -> None:
    """Each other node votes for us, for another node, or stays silent."""
    others = sorted(nodes(count) - {OURSELVES})
    choices: tuple[Vote, ...] = (OURSELVES, OTHER, SILENT)
    for pattern in product(choices, repeat=len(others)):
        result = tally(OURSELVES, nodes(count), dict(zip(others, pattern, strict=True)))
        for_us = pattern.count(OURSELVES)
        against = pattern.count(OTHER)
        silent = pattern.count(SILENT)
        if (for_us + 1) * 2 > count:
            expected = Verdict.ELECTED
        elif (for_us + silent + 1) * 2 > count:
            expected = Verdict.SILENCE
        elif against > for_us + 1:
            expected = Verdict.OTHER_TOP_VOTED
        else:
            expected = Verdict.TOO_FEW
        assert result.verdict is expected, (pattern, result)
        assert (result.in_favour, len(result.silent)) == (for_us + 1, silent)


@pytest.mark.parametrize("count", range(2, 10))
def test_two_parts_of_a_split_cluster_never_both_elect(count: int) -> None:
    """Node 1 and node 2 each believe to be master; every node answers exactly one of them."""
    everybody = sorted(nodes(count))
    rest = [name for name in everybody if name not in (OURSELVES, OTHER)]
    for pattern in product((OURSELVES, OTHER), repeat=len(rest)):
        opinion = {OURSELVES: OURSELVES, OTHER: OTHER, **dict(zip(rest, pattern, strict=True))}
        verdicts = [
            tally(
                candidate,
                nodes(count),
                {name: vote for name, vote in opinion.items() if vote == candidate},
            ).verdict
            for candidate in (OURSELVES, OTHER)
        ]
        assert verdicts.count(Verdict.ELECTED) <= 1


def test_answers_of_strangers_do_not_count() -> None:
    answers: dict[str, Vote] = {"stranger1": OURSELVES, "stranger2": OURSELVES, "node2": SILENT}
    result = tally(OURSELVES, nodes(3), answers)
    assert (result.in_favour, result.verdict) == (1, Verdict.SILENCE)


def test_our_own_answer_counts_once_and_always_for_us() -> None:
    result = tally(OURSELVES, nodes(3), {OURSELVES: "node3", "node2": OURSELVES})
    assert (result.in_favour, result.verdict) == (2, Verdict.ELECTED)


def test_a_node_missing_in_the_answers_is_silent() -> None:
    silent = tally(OURSELVES, nodes(3), {"node2": OURSELVES}).silent
    assert [name for name, _ in silent] == ["node3"]


@pytest.mark.parametrize("count", [3, 4])
def test_one_silent_node_that_could_decide_is_asked_again_whatever_another_says(count: int) -> None:
    answers = {f"node{number}": OURSELVES for number in range(4, count + 1)}
    result = tally(OURSELVES, nodes(count), {**answers, "node2": "node2", "node3": SILENT})
    assert result.verdict is Verdict.SILENCE


def test_silent_nodes_that_could_not_decide_are_not_asked_again() -> None:
    answers = {f"node{number}": f"node{number}" for number in range(2, 7)}
    assert tally(OURSELVES, nodes(9), answers).verdict is Verdict.TOO_FEW
    answers = dict.fromkeys(answers, OTHER)
    assert tally(OURSELVES, nodes(9), answers).verdict is Verdict.OTHER_TOP_VOTED


def test_we_are_lonely_only_if_nobody_else_accepts_a_connection() -> None:
    there = NoVote("certificate is not yet valid", unreachable=False)
    assert tally(OURSELVES, nodes(3), {"node2": SILENT, "node3": SILENT}).lonely
    assert tally(OURSELVES, nodes(3), {"node2": SILENT, "node3": OURSELVES}).lonely
    assert not tally(OURSELVES, nodes(3), {"node2": SILENT, "node3": there}).lonely
    assert not tally(OURSELVES, nodes(3), {"node2": SILENT, "node3": OTHER}).lonely


def test_of_equal_others_the_first_by_name_is_named() -> None:
    result = tally(OURSELVES, nodes(5), {"node2": "node5", "node3": "node4"})
    assert result.top_other == ("node4", 1)


def test_the_description_tells_top_voted_from_too_few() -> None:
    lost = tally(OURSELVES, nodes(4), {"node2": "node2", "node3": "node2", "node4": "node2"})
    assert lost.describe() == (
        "another node is top-voted: 1 of 4 nodes (this one included) vote for this node,"
        " 3 are needed; 3 vote for node2"
    )
    tie = tally(OURSELVES, nodes(4), {"node2": "node2", "node3": "node2", "node4": OURSELVES})
    assert tie.describe().startswith("not enough votes: 2 of 4 nodes")
    quiet = tally(OURSELVES, nodes(3), {"node2": SILENT})
    assert quiet.describe() == (
        "nodes that could decide do not answer: 1 of 3 nodes (this one included) vote for this"
        " node, 2 are needed; no vote from node2 (Connection refused), node3 (not asked)"
    )
