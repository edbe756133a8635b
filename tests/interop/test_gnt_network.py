"""Debian's `gnt-network` does and prints the same here as with the reference.

The reference is all of it: luxid, wconfd, and the processes that carry out its jobs. No node daemon
runs, so no script does either: the jobs say so, the reference with the node's uuid.
"""

import re
from collections.abc import Iterator
from typing import Final

import pytest

from tests.interop import debian, masters
from tests.interop.debian import Outcome
from tests.interop.luxid import needs_luxid
from tests.interop.masters import Masters

pytestmark = [needs_luxid, debian.needs_ganeti]

_IN_USE: Final = re.compile(r"(?<=are in use: ).*")
#: Texts that say the same in other words.
_TEXTS: Final = (
    (r"A big network with (\d+) host.*", r"A network of \1 addresses is too large"),
    (r"A network with only (\d+) host.*", r"A network of \1 address(es) is too small"),
    (r", the (largest|smallest) is a /\d+", ""),
    (r"(\S+) does not contain (\S+)", r"gateway \2 does not lie in \1"),
    (r"found;  remove", "found; remove"),
)


@pytest.fixture(scope="module")
def pair() -> Iterator[Masters]:
    with masters.both(masters.lonely(), masters.working_reference) as both:
        yield both


def alike(pair: Masters, *command: str) -> Outcome:
    """Run `gnt-network` on both; it must do the same, but for times, uuids and some words."""
    return pair.alike("gnt-network", *command, reworded=_reworded)


def _reworded(text: str) -> str:
    # The reference goes through instances in no order.
    text = _IN_USE.sub(lambda found: ", ".join(sorted(found[0].split(", "))), text)
    for other, words in _TEXTS:
        text = re.sub(other, words, text)
    return text


def test_a_network_is_added_shown_connected_changed_and_removed(pair: Masters) -> None:
    options = ("--network", "192.0.2.0/28", "--gateway", "192.0.2.1", "--network6",
               "2001:db8:7::/64", "--gateway6", "2001:db8:7::1", "--mac-prefix", "aa:bb:cc",
               "--add-reserved-ips", "192.0.2.4,192.0.2.5", "--tags", "zone:a,zone:b")  # fmt: skip
    assert alike(pair, "add", *options, "new").code == 0
    assert "192.0.2.4" in alike(pair, "info", "new").output
    assert alike(pair, "list", "--no-headers", "--separator=:", "new").code == 0
    fields = "name,free_count,reserved_count,map,external_reservations,inst_cnt,serial_no"
    assert alike(pair, "list", "-o", fields, "new").code == 0
    assert (
        alike(pair, "connect", "--nic-parameters", "mode=bridged,link=br7", "new", "group1").code
        == 0
    )
    assert "br7" in alike(pair, "info", "new").output
    assert alike(pair, "remove", "new").code == 1
    assert alike(pair, "modify", "--gateway", "192.0.2.9", "--mac-prefix", "none", "new").code == 0
    assert alike(pair, "modify", "--add-reserved-ips", "192.0.2.2", "new").code == 0
    assert alike(pair, "modify", "--remove-reserved-ips", "192.0.2.2,192.0.2.3", "new").code == 0
    assert alike(pair, "info", "new").code == 0
    assert alike(pair, "add-tags", "new", "more").code == 0
    assert alike(pair, "list-tags", "new").lines == ["more", "zone:a", "zone:b"]
    assert alike(pair, "remove-tags", "new", "zone:a").code == 0
    assert alike(pair, "disconnect", "new", "group1").code == 0
    assert alike(pair, "remove", "new").code == 0
    assert alike(pair, "list", "new").code == 1


@pytest.mark.parametrize(
    "command",
    [
        ("add", "--network", "192.0.2.0/28", "net1"),
        ("add", "--network", "10.0.0.0/8", "new"),
        ("add", "--network", "192.0.2.0/31", "new"),
        ("add", "--network", "192.0.2.0/28", "--gateway", "198.51.100.1", "new"),
        ("add", "--network", "192.0.2.0/28", "--mac-prefix", "aa:bb", "new"),
        ("add", "new"),
        ("modify", "--mac-prefix", "aa:bb", "net1"),
        ("modify", "--gateway", "203.0.113.3", "--add-reserved-ips", "203.0.113.4", "net1"),
        ("modify", "--gateway", "203.0.113.3", "nobody"),
        ("modify", "net1"),
        ("remove", "net1"),
        ("remove", "nobody"),
        ("connect", "--nic-parameters", "mode=bridged,link=br7", "nobody", "group1"),
        ("connect", "--nic-parameters", "mode=bridged,link=br7", "net1", "nobody"),
        ("disconnect", "net1", "group1"),
        ("disconnect", "nobody", "group1"),
    ],
    ids=" ".join,
)
def test_refusals_are_told_alike(pair: Masters, command: tuple[str, ...]) -> None:
    assert alike(pair, *command).code == 1


def test_a_network_that_is_connected_already_stays_so(pair: Masters) -> None:
    how = ("--nic-parameters", "mode=routed,link=eth7")
    assert alike(pair, "connect", *how, "net1", "group1").code == 0
    assert alike(pair, "info", "net1").code == 0


def test_all_networks_are_listed_alike(pair: Masters) -> None:
    assert len(alike(pair, "list").lines) == 4
    assert alike(pair, "info").code == 0
    assert alike(pair, "info", "nobody") == Outcome(0, "")
