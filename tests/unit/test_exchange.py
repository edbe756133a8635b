"""The exchange of the masters on a node, also when it is cut off at any place."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from masterd.upkeep import exchange
from masterd.upkeep.exchange import ExchangeError, Master, Node, Record, Say

JOBS = frozenset({1, 2, 3})


class Cut(Exception):  # noqa: N818 (what happens, not what went wrong)
    """The administrator's connection breaks."""


class World:
    """A node in memory; obeys `exchange.Node`.

    Numbers stand for what configuration and queue hold, in the files and in our store. A master
    that starts on less than was acknowledged, or beside another one, fails the test.
    """

    def __init__(self, serving: Master) -> None:
        self.is_this_master = True
        self.master = serving
        self.diverted = serving is Master.OURS
        self.drained = False
        self.files = 7
        #: None: there is none. Of ours, ahead of the files: the mirror follows.
        self.store: int | None = 8 if serving is Master.OURS else 3
        self.unfinished: list[int] = []
        self.record: Record | None = None
        self.refuses_to_start = False
        self.mirror: list[str] = []
        self.watcher_blocked = False
        self.calls: list[str] = []
        #: The call at which the connection breaks, before or after its effect.
        self.cut: tuple[int, bool] | None = None

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        self.calls.append(name)
        number = len(self.calls)
        if self.cut == (number, False):
            raise Cut
        yield
        if self.cut == (number, True):
            raise Cut

    # --- what is there ------------------------------------------------------------------------

    def is_master(self) -> bool:
        return self.is_this_master

    def serving(self) -> Master:
        with self._step("serving"):
            return self.master

    def are_diverted(self) -> bool:
        return self.diverted

    def read_record(self) -> Record | None:
        return self.record

    def unfinished_jobs(self) -> Sequence[int]:
        assert self.master is not Master.NOBODY
        with self._step("unfinished_jobs"):
            return self.unfinished

    def job_ids(self) -> frozenset[int]:
        assert self.master is not Master.NOBODY
        with self._step("job_ids"):
            return JOBS

    def is_drained(self) -> bool:
        return self.drained

    def problems(self, expected: Master) -> Sequence[str]:
        with self._step("problems"):
            return [] if self.master is expected else [f"{self.master} serves"]

    # --- what is done -------------------------------------------------------------------------

    def write_record(self, record: Record | None) -> None:
        with self._step("write_record"):
            self.record = record

    @contextmanager
    def without_watcher(self) -> Iterator[None]:
        self.watcher_blocked = True
        try:
            yield
        finally:
            self.watcher_blocked = False

    def set_drained(self, drained: bool) -> None:
        assert self.master is not Master.NOBODY
        assert drained or self.drained or self.master is Master.OURS, "luxid drops the client"
        with self._step("set_drained"):
            self.drained = drained

    def stop_master(self) -> None:
        assert self.watcher_blocked
        assert self.drained or self.master is Master.NOBODY
        with self._step("stop_master"):
            self.master = Master.NOBODY

    def start_master(self) -> None:
        assert self.master is Master.NOBODY
        with self._step("start_master"):
            if not self.diverted:
                assert self.store is None or self.store <= self.files, "something is lost"
                self.master = Master.STOCK
                self.files += 1
                return
            if self.refuses_to_start:
                raise ExchangeError("too few votes")
            assert self.store is None or self.store >= self.files, "an old store wins"
            self.store = (self.files if self.store is None else self.store) + 1
            self.master = Master.OURS

    def save(self) -> str:
        assert self.master is Master.NOBODY, "files that change are no state"
        with self._step("save"):
            return "/saved"

    def put_store_aside(self, backup: str) -> bool:
        with self._step("put_store_aside"):
            was_there, self.store = self.store is not None, None
            return was_there

    def mirror_problems(self) -> Sequence[str]:
        assert self.master is Master.NOBODY
        with self._step("mirror_problems"):
            if not self.mirror and self.store is not None and self.store > self.files:
                self.files = self.store
            return self.mirror

    def divert(self) -> None:
        assert self.master is not Master.STOCK or not self.is_this_master
        with self._step("divert"):
            self.diverted = True

    def restore(self) -> None:
        assert self.master is not Master.OURS
        with self._step("restore"):
            self.diverted = False


def quiet(_text: str) -> None:
    """Hear nothing."""


Way = Callable[[Node, Say], None]
WAYS = [(exchange.install, Master.STOCK, Master.OURS), (exchange.undo, Master.OURS, Master.STOCK)]


def is_settled(world: World, serving: Master, *, drained: bool = False) -> bool:
    assert (world.master, world.drained, world.record) == (serving, drained, None)
    assert world.diverted is (serving is Master.OURS)
    return True


@pytest.mark.parametrize(("way", "before", "after"), WAYS)
@pytest.mark.parametrize("drained", [False, True])
def test_the_other_master_serves_and_the_queue_is_drained_as_it_was(
    way: Way, before: Master, after: Master, drained: bool
) -> None:
    world = World(before)
    world.drained = drained
    way(world, quiet)
    assert is_settled(world, after, drained=drained)


@pytest.mark.parametrize(("way", "before", "after"), WAYS)
def test_the_second_time_nothing_is_exchanged(way: Way, before: Master, after: Master) -> None:
    world = World(before)
    way(world, quiet)
    world.calls.clear()
    way(world, quiet)
    assert is_settled(world, after)
    assert not {"stop_master", "start_master", "set_drained"} & set(world.calls)


@pytest.mark.parametrize(("way", "before", "after"), WAYS)
@pytest.mark.parametrize("again", [exchange.install, exchange.undo])
@pytest.mark.parametrize("after_effect", [False, True])
def test_cut_off_anywhere_it_goes_on_or_back(
    way: Way, again: Way, before: Master, after: Master, after_effect: bool
) -> None:
    whole = World(before)
    way(whole, quiet)
    for number in range(1, len(whole.calls) + 1):
        world = World(before)
        world.cut = (number, after_effect)
        with pytest.raises(Cut):
            way(world, quiet)
        world.cut = None
        if again is exchange.install and world.master is Master.NOBODY and world.record is None:
            pytest.fail(f"nobody serves after call {number}, and nothing says why")
        again(world, quiet)
        assert is_settled(world, Master.OURS if again is exchange.install else Master.STOCK)


@pytest.mark.parametrize(("way", "before", "after"), WAYS)
def test_with_unfinished_jobs_nothing_is_touched(way: Way, before: Master, after: Master) -> None:
    world = World(before)
    world.unfinished = list(range(20, 40))
    with pytest.raises(ExchangeError, match=r"20 jobs are not finished \(20, 21, .* 29 \.\.\.\)"):
        way(world, quiet)
    assert is_settled(world, before)
    assert "set_drained" not in world.calls
    assert "stop_master" not in world.calls


@pytest.mark.parametrize(("way", "before", "after"), WAYS)
def test_a_job_that_came_just_before_the_drain_is_seen(
    way: Way, before: Master, after: Master
) -> None:
    class Late(World):
        def set_drained(self, drained: bool) -> None:
            super().set_drained(drained)
            self.unfinished = [9]

    world = Late(before)
    with pytest.raises(ExchangeError, match=r"1 jobs are not finished \(9\)"):
        way(world, quiet)
    assert is_settled(world, before)
    assert "stop_master" not in world.calls


def test_where_ours_does_not_start_ganetis_own_serves_again() -> None:
    world = World(Master.STOCK)
    world.refuses_to_start = True
    with pytest.raises(ExchangeError, match="too few votes\nGaneti's own luxid serves again"):
        exchange.install(world, quiet)
    assert is_settled(world, Master.STOCK)


def test_where_the_files_are_not_what_the_store_holds_ours_serves_again() -> None:
    world = World(Master.OURS)
    world.mirror = ["job-7: differs"]
    with pytest.raises(ExchangeError, match="not what the store holds:\n  job-7: differs"):
        exchange.undo(world, quiet)
    assert is_settled(world, Master.OURS)


def test_where_nobody_serves_there_is_nothing_to_take_over_from() -> None:
    world = World(Master.STOCK)
    world.master = Master.NOBODY
    with pytest.raises(ExchangeError, match="start it first"):
        exchange.install(world, quiet)
    assert world.diverted is False


def test_where_ours_has_died_its_files_are_brought_up_before_ganetis_own_starts() -> None:
    world = World(Master.OURS)
    world.master = Master.NOBODY
    exchange.undo(world, quiet)
    assert is_settled(world, Master.STOCK)


@pytest.mark.parametrize(("way", "before", "after"), WAYS)
def test_on_another_node_only_the_programs_are_exchanged(
    way: Way, before: Master, after: Master
) -> None:
    world = World(before)
    world.master, world.is_this_master = Master.NOBODY, False
    way(world, quiet)
    assert world.diverted is (after is Master.OURS)
    assert world.calls == ["divert" if after is Master.OURS else "restore"]
