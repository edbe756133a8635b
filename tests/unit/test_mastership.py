"""Who makes a serving master step down, and who does not."""

from masterd.mastership import judge, undecided
from masterd.voting import NoVote, Vote, tally

SILENT = NoVote("no answer", unreachable=True)
NODES = frozenset({"one", "two", "three", "four", "five"})


def votes(**answers: Vote) -> object:
    return judge("one", "one", tally("one", NODES, answers))


def test_ssconf_that_names_another_node_is_enough() -> None:
    assert judge("one", "two") == "ssconf on this node names two as master"
    assert judge("one", "one") is None


def test_ssconf_that_cannot_be_read_says_nothing() -> None:
    assert judge("one", None) is None


def test_a_majority_that_names_one_other_node_is_obeyed() -> None:
    assert votes(two="two", three="two", four="two", five=SILENT) == (
        "3 of 5 nodes name two as master"
    )


def test_less_than_a_majority_is_not() -> None:
    assert votes(two="two", three="two", four=SILENT, five=SILENT) is None
    assert votes(two="two", three="two", four="three", five="three") is None


def test_silence_demotes_nobody() -> None:
    assert votes(two=SILENT, three=SILENT, four=SILENT, five=SILENT) is None


def test_those_who_are_silent_are_worth_asking_again_only_while_they_could_decide() -> None:
    assert undecided(tally("one", NODES, {"two": "two", "three": "one"}))
    assert not undecided(tally("one", NODES, {"two": "one", "three": "one", "four": "one"}))
