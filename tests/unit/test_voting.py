"""The tally, over every size of cluster up to nine nodes and every pattern of answers."""

from itertools import product

import pytest

from masterd.voting import Verdict, tally

OURSELVES = "node1"
OTHER = "node2"


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
    for pattern in product((OURSELVES, OTHER, None), repeat=len(others)):
        result = tally(OURSELVES, nodes(count), dict(zip(others, pattern, strict=True)))
        for_us = pattern.count(OURSELVES)
        against = pattern.count(OTHER)
        silent = pattern.count(None)
        if (for_us + 1) * 2 > count:
            expected = Verdict.ELECTED
        elif silent > for_us and silent > against:
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
    answers = {"stranger1": OURSELVES, "stranger2": OURSELVES, "node2": None, "node3": None}
    result = tally(OURSELVES, nodes(3), answers)
    assert (result.in_favour, result.verdict) == (1, Verdict.SILENCE)


def test_our_own_answer_counts_once_and_always_for_us() -> None:
    result = tally(OURSELVES, nodes(3), {OURSELVES: "node3", "node2": OURSELVES})
    assert (result.in_favour, result.verdict) == (2, Verdict.ELECTED)


def test_a_node_missing_in_the_answers_is_silent() -> None:
    assert tally(OURSELVES, nodes(3), {"node2": OURSELVES}).silent == ("node3",)


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
    quiet = tally(OURSELVES, nodes(3), {})
    assert quiet.describe().endswith("no answer from node2, node3")
