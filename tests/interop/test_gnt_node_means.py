"""Debian's `gnt-node` and `gnt-backup` do and print the same here as with the reference.

Of what they ask of nodes' power, storage, commands and exports. No node daemon runs: each command
is told so, in the same words and with the same exit code.
"""

import re
from collections.abc import Iterator

import pytest

from tests.interop import debian, masters
from tests.interop.luxid import needs_luxid
from tests.interop.masters import Masters

pytestmark = [needs_luxid, debian.needs_ganeti]


@pytest.fixture(scope="module")
def pair() -> Iterator[Masters]:
    with masters.both(masters.lonely(), masters.working_reference) as both:
        yield both


#: Commands, and the exit code of both.
COMMANDS = {
    "powercycle of an offline node": ("gnt-node powercycle --yes node2.example.com", 1),
    "powercycle of the master": ("gnt-node powercycle --yes master", 1),
    "powercycle of nobody": ("gnt-node powercycle --yes nobody", 1),
    "volumes": ("gnt-node volumes node2.example.com", 0),
    "volumes of nobody": ("gnt-node volumes nobody", 1),
    "a volume closed": (
        "gnt-node modify-storage --allocatable=no node2.example.com lvm-pv /dev/sda3",
        1,
    ),
    "a group repaired": ("gnt-node repair-storage node2.example.com lvm-vg xenvg", 1),
    "a file repaired": ("gnt-node repair-storage node2.example.com file /srv", 1),
    "a command": ("gnt-node restricted-command uptime master", 1),
    "a command with locks": ("gnt-node restricted-command --sync uptime master", 1),
    "health": ("gnt-node health node2.example.com", 1),
    "power status": ("gnt-node power status node2.example.com", 1),
    "power cycle for the master": ("gnt-node power -f cycle master", 1),
    "an export removed": ("gnt-backup remove inst1.example.com", 0),
    "an export of nobody": ("gnt-backup remove gone", 0),
}


def reworded(text: str) -> str:
    """Put what cannot be reached into the same words; the reference asks nodes in no order."""
    text = re.sub(r"(Error 7: .*|Can't connect to .*: Connection refused)", "unreachable", text)
    return "".join(sorted(text.splitlines(keepends=True)))


@pytest.mark.parametrize("command", COMMANDS)
def test_the_command_does_the_same(pair: Masters, command: str) -> None:
    line, code = COMMANDS[command]
    assert pair.alike(*line.split(), reworded=reworded).code == code
