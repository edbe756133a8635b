"""The checks before a start."""

from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path

import pytest

from masterd import startup
from masterd.errors import EXIT_FAILURE, EXIT_NODESETUP_ERROR, EXIT_NOTMASTER, StartError
from masterd.paths import Paths
from masterd.startup import Identity
from masterd.voting import NoVote, Vote

ME = "node1.example.com"


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """A virtual node that is set up as master of three."""
    found = Paths(tmp_path / ME, ME)
    found.data_dir.mkdir(parents=True)
    for key, content in {
        "cluster_name": "cluster.example.com\n",
        "master_node": f"{ME}\n",
        "node_list": f"{ME}\nnode2.example.com\nnode3.example.com\n",
    }.items():
        (found.data_dir / f"ssconf_{key}").write_text(content)
    found.server_certificate.write_text("certificate")
    found.client_certificate.write_text("certificate")
    found.config_file.write_text("{}")
    return found


def refusal(paths: Paths, myself: str = ME) -> tuple[int, str]:
    with pytest.raises(StartError) as refused:
        startup.identify(paths, myself)
    return refused.value.exit_code, refused.value.text


def test_a_node_that_is_set_up_as_master_learns_who_it_is(paths: Paths) -> None:
    assert startup.identify(paths, ME) == Identity(
        ME, "cluster.example.com", (ME, "node2.example.com", "node3.example.com")
    )


def test_a_virtual_node_has_the_name_of_its_environment(paths: Paths) -> None:
    assert startup.own_name(paths) == ME


def test_a_real_node_has_a_name_in_lower_case() -> None:
    name = startup.own_name(Paths())
    assert name and name == name.lower()


def test_another_master_in_ssconf_is_exit_code_not_master(paths: Paths) -> None:
    code, text = refusal(paths, "node2.example.com")
    assert code == EXIT_NOTMASTER
    assert text == f"not the master: this node is node2.example.com, the master is {ME}"


@pytest.mark.parametrize(
    ("missing", "complaint"),
    [
        ("ssconf_cluster_name", "belongs to no cluster"),
        ("ssconf_master_node", "configuration is incomplete"),
        ("ssconf_node_list", "configuration is incomplete"),
        ("server.pem", "cannot read the certificate"),
        ("client.pem", "cannot read the certificate"),
        ("config.data", "no configuration"),
    ],
)
def test_something_missing_is_exit_code_node_setup(
    paths: Paths, missing: str, complaint: str
) -> None:
    (paths.data_dir / missing).unlink()
    code, text = refusal(paths)
    assert code == EXIT_NODESETUP_ERROR
    assert complaint in text


def test_a_node_missing_in_the_node_list_is_not_set_up(paths: Paths) -> None:
    (paths.data_dir / "ssconf_node_list").write_text("node2.example.com\n")
    assert refusal(paths) == (
        EXIT_NODESETUP_ERROR,
        f"this node, {ME}, is missing in the cluster's node list",
    )


def test_with_a_store_the_configuration_file_may_be_gone(paths: Paths) -> None:
    paths.config_file.unlink()
    paths.store_dir.mkdir()
    assert startup.identify(paths, ME).myself == ME


# --- --no-voting --------------------------------------------------------------------------------


def test_an_uppercase_yes_confirms_after_the_danger_was_explained() -> None:
    shown = StringIO()
    startup.confirm_no_voting(StringIO("YES\n"), shown)
    assert "two masters" in shown.getvalue()
    assert shown.getvalue().endswith("type YES in uppercase: ")


@pytest.mark.parametrize("typed", ["yes\n", "y\n", "\n", "", "YES please\n"])
def test_anything_else_refuses_the_start(typed: str) -> None:
    with pytest.raises(StartError) as refused:
        startup.confirm_no_voting(StringIO(typed), StringIO())
    assert refused.value.exit_code == EXIT_FAILURE


# --- votes --------------------------------------------------------------------------------------


class Nodes:
    """Nodes that answer what a script says, one line per round; remembers what happened."""

    def __init__(self, *rounds: Mapping[str, Vote]) -> None:
        self._rounds = list(rounds)
        self.asked: list[list[str]] = []
        self.slept: list[float] = []

    def ask(self, names: Sequence[str]) -> Mapping[str, Vote]:
        self.asked.append(list(names))
        return self._rounds.pop(0)


OFF = NoVote("Connection refused", unreachable=True)
IDENTITY = Identity("a", "cluster", ("a", "b", "c", "d"))


def vote(nodes: Nodes, identity: Identity = IDENTITY) -> object:
    return startup.win_votes(identity, nodes.ask, sleep=nodes.slept.append, tries=6, pause_s=10.0)


def test_one_node_needs_no_votes() -> None:
    nodes = Nodes()
    assert vote(nodes, Identity("a", "cluster", ("a",))) is None
    assert nodes.asked == []


def test_every_other_node_is_asked_and_a_majority_wins_at_once() -> None:
    nodes = Nodes({"b": "a", "c": "a", "d": OFF})
    assert vote(nodes) is not None
    assert nodes.asked == [["b", "c", "d"]]
    assert nodes.slept == []


def test_while_silent_nodes_could_decide_they_are_asked_again_after_a_pause() -> None:
    nodes = Nodes({}, {"b": "a"}, {"b": "a", "c": "a"})
    assert vote(nodes) is not None
    assert nodes.slept == [10.0, 10.0]


def test_a_silent_node_that_could_decide_is_asked_again_though_another_one_votes_against() -> None:
    nodes = Nodes({"b": "b", "c": "a", "d": OFF}, {"b": "b", "c": "a", "d": "a"})
    assert vote(nodes) is not None
    assert nodes.slept == [10.0]


def test_without_votes_is_a_way_only_where_nobody_accepts_a_connection() -> None:
    silent: Mapping[str, Vote] = {"b": OFF, "c": OFF, "d": OFF}
    with pytest.raises(StartError, match=r"b \(Connection refused\).*--no-voting"):
        vote(Nodes(*[silent] * 6))
    for there in (NoVote("certificate is not yet valid", unreachable=False), "b"):
        with pytest.raises(StartError, match="after 6 tries") as refused:
            vote(Nodes(*[{**silent, "d": there}] * 6))
        assert "--no-voting" not in refused.value.text


def test_six_silent_rounds_are_the_end() -> None:
    nodes = Nodes(*[{}] * 6)
    with pytest.raises(StartError, match=r"do not answer.*after 6 tries") as refused:
        vote(nodes)
    assert refused.value.exit_code == EXIT_FAILURE
    assert (len(nodes.asked), nodes.slept) == (6, [10.0] * 5)


def test_a_top_voted_other_node_ends_the_election_at_once() -> None:
    nodes = Nodes({"b": "b", "c": "b", "d": OFF})
    with pytest.raises(StartError, match=r"another node is top-voted.*2 vote for b"):
        vote(nodes)
    assert nodes.slept == []


def test_votes_that_do_not_suffice_are_called_so() -> None:
    nodes = Nodes({"b": "b", "c": "a", "d": "c"})
    with pytest.raises(StartError, match="not enough votes: 2 of 4"):
        vote(nodes)


def test_a_master_address_that_fails_is_logged_and_not_fatal(
    caplog: pytest.LogCaptureFixture,
) -> None:
    startup.activate_master_ip(lambda: "no such device")
    assert caplog.messages == ["Cannot activate the master IP address: no such device"]
    startup.activate_master_ip(lambda: None)
    assert len(caplog.messages) == 1
