"""What a waiting client costs the daemon, measured in a process of its own."""

from tests.benchmarks.bench_luxi import measure


def test_a_waiting_client_costs_less_than_5_kib() -> None:
    figures = measure(connections=4, waiters=1000, seconds=0.1)
    assert figures["bytes_per_waiter"] < 5 * 1024
    assert figures["requests_per_s"] > 0
