"""Lag is counted from the commit to the moment a mirror holds the change."""

from exporter.lag import MARKS_MAX, LagMeter, percentile


class Time:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_a_change_is_measured_from_commit_to_arrival() -> None:
    time = Time()
    meter = LagMeter(time)
    meter.committed(7)
    time.now_s += 0.25
    assert meter.report(1).waiting_s == 0.25
    meter.held(6)
    assert meter.report(1).median_s is None
    meter.held(7)
    lag = meter.report(0)
    assert (lag.median_s, lag.p99_s, lag.waiting_s) == (0.25, 0.25, 0.0)


def test_changes_at_nearly_the_same_time_are_one_measurement() -> None:
    time = Time()
    meter = LagMeter(time)
    for seq in range(1, 11):
        meter.committed(seq)
    time.now_s += 1
    meter.committed(11)
    meter.held(11)
    assert meter.report(0).p99_s == 1.0
    assert meter.report(0).median_s == 0.0


def test_what_is_measured_at_once_is_bounded() -> None:
    time = Time()
    meter = LagMeter(time)
    for seq in range(MARKS_MAX + 10):
        time.now_s += 1
        meter.committed(seq)
    assert meter.report(0).waiting_s == MARKS_MAX + 9


def test_percentiles_are_samples_that_were_seen() -> None:
    samples = [float(n) for n in range(1, 101)]
    assert percentile(samples, 0.5) == 50.0
    assert percentile(samples, 0.99) == 99.0
    assert percentile([3.0], 0.99) == 3.0
    assert percentile([], 0.5) is None
