"""How far a daemon is that imports or exports: bounds, pauses, words."""

import pytest

from masterd.lu.backup.daemon_states import (
    Connected,
    Ended,
    Event,
    Listening,
    Looked,
    Overdue,
    Progress,
    Silent,
    State,
    Status,
    Told,
    look,
    progress,
)

IMPORT = State(imports=True, connect_s=60, began_s=100.0)
EXPORT = State(imports=False, connect_s=60, began_s=100.0)
LISTENS = Status(listen_port=40_001)
CONNECTED = Status(listen_port=40_001, connected=True)
MOVES = Status(connected=True, progress_mbytes=3.0, progress_throughput=1.0)


def looks(state: State, *told: tuple[float, Told]) -> Looked:
    """Look at a daemon at these times; return what the last look gave."""
    looked = Looked(state)
    for now_s, each in told:
        looked = look(looked.state, each, now_s)
    return looked


@pytest.mark.parametrize(
    ("state", "told", "events", "again_s"),
    [
        (IMPORT, [(109.5, None)], (), 2.375),
        (IMPORT, [(120, Silent())], (), 3.0),
        (IMPORT, [(109, Status())], (), 1.0),
        (IMPORT, [(109, LISTENS)], (Listening(40_001),), 1.0),
        (IMPORT, [(109, LISTENS), (110, LISTENS)], (), 1.0),
        (IMPORT, [(121, CONNECTED)], (Listening(40_001), Connected()), 5.0),
        (IMPORT, [(121, CONNECTED), (122, CONNECTED)], (), 5.0),
        (EXPORT, [(109, Status())], (), 1.0),
        (EXPORT, [(101, Status(exit_status=0))], (Ended(True, None),), None),
        (EXPORT, [(101, Status(exit_status=1, error_message="x"))], (Ended(False, "x"),), None),
        (EXPORT, [(121, MOVES)], (Progress("3M, 1.0 MiB/s"), Connected()), 5.0),
        (EXPORT, [(121, MOVES), (181, MOVES)], (), 5.0),
        (EXPORT, [(121, MOVES), (182, MOVES)], (Progress("3M, 1.0 MiB/s"),), 5.0),
    ],
)
def test_what_a_look_tells(
    state: State, told: list[tuple[float, Told]], events: tuple[Event, ...], again_s: float | None
) -> None:
    looked = looks(state, *told)
    assert (looked.events, looked.again_s) == (events, again_s)


@pytest.mark.parametrize(
    ("now_s", "again_s"), [(100.0, 0.0), (101.0, 0.25), (104.0, 1.0), (112.0, 3.0), (180.0, 5.0)]
)
def test_what_has_just_begun_is_looked_at_again_soon(now_s: float, again_s: float) -> None:
    assert looks(IMPORT, (now_s, CONNECTED)).again_s == again_s


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (IMPORT, [(110, None), (110.1, None)]),
        (IMPORT, [(110, Status()), (110.1, Status())]),
        # From when it listened on.
        (IMPORT, [(105, LISTENS), (165, LISTENS), (165.1, LISTENS)]),
        # From its start on: it has to connect by itself.
        (EXPORT, [(160, Status()), (160.1, Status())]),
        (EXPORT, [(200, Silent()), (210, Silent()), (210.1, Silent())]),
    ],
)
def test_what_takes_too_long_is_overdue(state: State, told: list[tuple[float, Told]]) -> None:
    assert not any(isinstance(event, Overdue) for event in looks(state, *told[:-1]).events)
    assert any(isinstance(event, Overdue) for event in looks(state, *told).events)


def test_a_node_that_answers_again_has_all_its_time_anew() -> None:
    told: list[tuple[float, Told]] = [
        (101, CONNECTED), (200, Silent()), (205, CONNECTED), (211, Silent()), (220, Silent()),
    ]  # fmt: skip
    assert looks(IMPORT, *told).events == ()


def test_progress_is_worded_with_the_units_that_suit_it() -> None:
    told = Status(
        progress_mbytes=1536.4, progress_throughput=12.34, progress_percent=55.5,
        progress_eta=3700.2,
    )  # fmt: skip
    assert progress(told) == "1.5G, 12.3 MiB/s, 56%, ETA 1h 1m 40s"
    assert progress(Status(progress_mbytes=1.0)) is None
