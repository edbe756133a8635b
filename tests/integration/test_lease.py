"""No commit, file or node call by a process that may have missed its own succession."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import gevent
import pytest

from masterd.lease import Lease
from masterd.ssconf import SimpleConfig
from masterd.voting import NoVote, Vote
from masterd.watch import MasterWatch
from store import serials
from store.errors import StoreForbidden
from store.store import Store
from tests.luxi_support import until

SILENT = NoVote("no answer", unreachable=True)

#: Longer than the pause that puts a lease in doubt.
LONG_S = 1000.0


class World:
    """A store whose commits ask a lease, on a clock that the test moves."""

    def __init__(self, directory: Path) -> None:
        self.now_s = 0.0
        self.answers: dict[str, Vote] = {"two": "one", "three": "one"}
        self.asked = 0
        self.lost: list[str] = []
        self.ssconf = SimpleConfig(directory)
        self.name_master("one")
        self.lease = Lease("one", self.ssconf, lambda: self.now_s)
        self.store = Store.open(directory / "store")
        self.store.ask_before_commits(self.lease.permit)

    def name_master(self, name: str) -> None:
        """Write ssconf as node daemons do."""
        path = self.ssconf.path("master_node")
        path.with_suffix(".new").write_text(f"{name}\n")
        path.with_suffix(".new").rename(path)

    def ask(self, names: Sequence[str]) -> Mapping[str, Vote]:
        self.asked += 1
        return {name: self.answers[name] for name in names}

    @contextmanager
    def watched(self, *, votes_s: float = LONG_S) -> Iterator[None]:
        watch = MasterWatch(
            self.lease,
            "one",
            nodes=lambda: ["one", "two", "three"],
            ask=self.ask,
            lost=self.lost.append,
            beat_s=0.001,
            votes_s=votes_s,
        )
        watch.start()
        try:
            yield
        finally:
            watch.stop()

    def commit(self) -> int:
        return self.store.update(lambda txn: serials.next(txn, "job"))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.store.close()


def test_commits_go_on_while_the_hub_gives_signs_of_life(world: World) -> None:
    with world.watched():
        for _ in range(5):
            world.now_s += 1.0
            world.commit()
            gevent.sleep(0.002)
    assert world.asked == 0


def test_a_commit_is_refused_as_soon_as_ssconf_names_another_node(world: World) -> None:
    assert world.commit() == 1
    world.name_master("two")
    with pytest.raises(StoreForbidden, match="ssconf on this node names two"):
        world.commit()
    # For good: what another master did meanwhile is not known here.
    world.name_master("one")
    with pytest.raises(StoreForbidden):
        world.commit()
    assert world.lease.await_permit() is not None


def test_a_commit_after_a_pause_waits_for_the_votes(world: World) -> None:
    world.commit()
    world.now_s += LONG_S
    waiting = world.store.update_soon(lambda txn: serials.next(txn, "job"))
    until(lambda: world.lease.doubtful)
    assert not waiting.done
    with world.watched():
        assert waiting.result() == 2
    assert world.asked == 1


def test_a_commit_after_a_pause_is_refused_when_others_named_a_master_meanwhile(
    world: World,
) -> None:
    world.answers = {"two": "two", "three": "two"}
    world.now_s += LONG_S
    waiting = world.store.update_soon(lambda txn: serials.next(txn, "job"))
    with world.watched():
        with pytest.raises(StoreForbidden, match="2 of 3 nodes name two"):
            waiting.result()
        until(lambda: world.lost == ["2 of 3 nodes name two as master"])


def test_a_master_that_most_nodes_have_replaced_finds_it_without_any_pause(world: World) -> None:
    """What a failover could not tell this node, which then serves on without an incident."""
    world.commit()
    with world.watched(votes_s=0.001):
        until(lambda: world.asked > 1)
        assert world.lost == []
        world.answers = {"two": "two", "three": "two"}
        until(lambda: world.lost == ["2 of 3 nodes name two as master"])
    assert not world.lease.doubtful
    with pytest.raises(StoreForbidden, match="2 of 3 nodes name two"):
        world.commit()


def test_node_calls_wait_like_commits(world: World) -> None:
    world.now_s += LONG_S
    asking = gevent.spawn(world.lease.await_permit)
    until(lambda: world.lease.doubtful)
    assert not asking.ready()
    with world.watched():
        assert asking.get() is None


def test_silence_after_a_pause_ends_the_doubt_in_the_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("masterd.watch.LEASE_DOUBT_PAUSE_S", 0.001)
    world.answers = {"two": SILENT, "three": SILENT}
    world.now_s += LONG_S
    with world.watched():
        assert world.commit() == 1
    assert world.asked == 3
    assert world.lost == []


def test_a_doubt_that_nobody_ends_refuses_the_commit(world: World) -> None:
    world.now_s += LONG_S
    waiting = world.store.update_soon(lambda txn: serials.next(txn, "job"))
    until(lambda: world.lease.doubtful)

    def patience_is_over() -> bool:
        world.now_s += LONG_S
        return waiting.done

    until(patience_is_over)
    with pytest.raises(StoreForbidden, match="nobody can tell"):
        waiting.result()
