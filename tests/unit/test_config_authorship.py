"""Which simple files are somebody else's."""

from pathlib import Path

from masterd.limits import CONFIG_SIMPLE_LOOK_S, CONFIG_SIMPLE_VERSIONS_MAX
from masterd.testing.clock import ManualClock
from masterd.wconf.authorship import Authorship, Versions, foreign, grown


def test_a_file_with_a_content_that_is_not_known_is_foreign() -> None:
    known = {"a": ["new", "old"], "b": ["new"]}
    assert foreign({"a": "old", "b": "other"}, known) == ["b"]
    assert foreign({"a": "new", "b": "new"}, known) == []


def test_a_missing_file_and_one_never_written_say_nothing() -> None:
    assert foreign({"never written": "x"}, {"a": ["new"]}) == []


def test_what_is_there_stays_ours_until_it_is_replaced_several_times_over() -> None:
    known = grown({}, {"a": "0"}, {"a": "1"})
    assert known == {"a": ["1", "0"]}
    for number in range(2, 9):
        # The node daemon is away, and goes on showing the first one.
        known = grown(known, {"a": "0"}, {"a": str(number)})
        assert foreign({"a": "0"}, known) == []
        assert foreign({"a": str(number - 1)}, known) == []
    assert len(known["a"]) <= CONFIG_SIMPLE_VERSIONS_MAX


def test_equal_contents_count_once() -> None:
    assert grown({"a": ["1"]}, {"a": "1"}, {"a": "1"}) == {"a": ["1"]}


class Memory:
    """Keeps what files may contain; counts how often it was asked."""

    def __init__(self) -> None:
        self.kept: Versions | None = None
        self.asked = 0

    def simple_versions(self) -> Versions | None:
        self.asked += 1
        return self.kept

    def keep_simple_versions(self, versions: Versions) -> None:
        self.kept = versions


def test_nodes_that_get_the_same_files_share_a_look_for_a_moment(tmp_path: Path) -> None:
    memory, clock = Memory(), ManualClock()
    authorship = Authorship(tmp_path, memory, clock=clock)
    files = {"node_list": b"node1\n"}
    assert authorship.begin(files) is None
    asked = memory.asked
    # Somebody else writes between two nodes: seen when the moment is over, or with other files.
    (tmp_path / "ssconf_node_list").write_text("somebody's\n")
    assert authorship.begin(files) is None
    assert memory.asked == asked
    other = authorship.begin({"node_list": b"node2\n"})
    assert other is not None
    assert "ssconf_node_list" in other
    clock.advance(CONFIG_SIMPLE_LOOK_S)
    assert authorship.begin(files) is not None
