"""Ganeti's own burnin, unmodified, on a cluster that has nothing else to do; with what it takes.

It makes guests, does to them all that their disk template allows, and removes them; it says each
step before it takes it, so the time of each is known too.
"""

import re
import shlex
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tests.boxes.act import Act, Chapter, perform
from tests.boxes.box import BoxError
from tests.boxes.cluster import Cluster
from tests.boxes.tour_cluster import INIT

_PROGRAM: Final = "/usr/lib/ganeti/tools/burnin"
_BRIDGE: Final = "br0"
#: Seconds that one run may take.
_LIMIT_S: Final = 900.0

#: A step, as it is said before it is taken, with the time that is written before each line.
_STEP: Final = re.compile(r"^([0-9]+\.[0-9]+) - (.+)$", re.MULTILINE)
#: Writes the time before each line as it comes; the exit code is the program's.
_TIMED: Final = (
    "set -o pipefail; {} 2>&1 </dev/null |"
    ' while IFS= read -r line; do printf \'%s %s\\n\' "$EPOCHREALTIME" "$line"; done'
)

#: Of a small disk, so that no form is about the machine's disk.
_COMMON: Final = (
    "-o noop -H fake --no-name-check --no-ip-check --mem-size=128M --vcpu-count=1"
    " --disk-size=64M --disk-growth=64M --reboot-types=soft,hard,full"
)


@dataclass(frozen=True, slots=True)
class Form:
    """One way to call it: what is said of it, its options, and how many guests."""

    name: str
    options: str
    guests: int = 3

    @property
    def command(self) -> str:
        """The command line."""
        names = " ".join(f"burnt{number}" for number in range(self.guests))
        return f"{_PROGRAM} {_COMMON} {self.options} {names}"


@dataclass(frozen=True, slots=True)
class Burnt:
    """A run that ended well.

    Attributes:
        steps: what was done and the seconds that it took, in order.
        output: all that it said.
    """

    form: Form
    steps: tuple[tuple[str, float], ...]
    output: str

    @property
    def took_s(self) -> float:
        """Seconds of all steps."""
        return sum(took_s for _, took_s in self.steps)


def _forms() -> Iterator[Form]:
    for template in ("diskless", "file", "sharedfile"):
        # What the reference refuses, too: to reinstall a guest without disks, and to remove a disk
        # of one that runs where the hypervisor cannot unplug it, as the fake one cannot.
        less = " --no-reinstall" if template == "diskless" else " --no-add-disks"
        # It moves each guest to a node of its own choice, where hail may have put it before.
        unmoved = " --no-move" if template == "file" else ""
        for name, more in (
            ("serial", "-n node1,node2,node3"),
            ("parallel", "-n node1,node2,node3 --parallel"),
            ("parallel by hail", f"-I hail --parallel{unmoved}"),
        ):
            yield Form(f"{template}, {name}", f"-t {template}{less} {more}")
        yield Form(f"{template}, renamed", f"-t {template}{less} -n node1,node2 --rename=burnt9", 1)


FORMS: Final = tuple(_forms())

#: The boxes that the forms name.
NODES: Final = 3


def _add_bridges(cluster: Cluster) -> str:
    """Give each node the bridge that NICs are connected to."""
    for box in cluster.nodes:
        box.ok("ip", "link", "add", _BRIDGE, "type", "bridge")
        box.ok("ip", "link", "set", _BRIDGE, "up")
    return ""


#: What has to be there before: a cluster like that of the tour, whose NICs are bridged.
PREPARED: Final = Chapter(
    "a cluster for burnin",
    (
        Act(INIT),
        Act("gnt-node add --no-ssh-key-check node2.boxes.example"),
        Act("gnt-node add --no-ssh-key-check node3.boxes.example"),
        Act("bridges are added", does=_add_bridges),
        Act(f"gnt-cluster modify --nic-parameters=mode=bridged,link={_BRIDGE}"),
        # The processors of this machine must be enough for all guests on one of its boxes.
        Act("gnt-cluster modify --ipolicy-vcpu-ratio=64 --ipolicy-spindle-ratio=64"),
    ),
)


def prepare(cluster: Cluster) -> None:
    """Make a cluster of boxes that belong to none.

    Raises:
        BoxError: it cannot be made.
    """
    for act in PREPARED.acts:
        perform(cluster, act)


def burn(cluster: Cluster, form: Form, say: Callable[[str], None]) -> Burnt:
    """Let it run once on the master.

    Raises:
        BoxError: it does not end well, or hangs.
    """
    command = _TIMED.format(" ".join(map(shlex.quote, shlex.split(form.command))))
    ended = cluster.nodes[0].run("bash", "-c", command, limit_s=_LIMIT_S)
    over = time.time()
    if ended.code != 0:
        raise BoxError(f"burnin, {form.name}: exits with {ended.code}; it says:\n{ended.output}")
    begun = [(float(at), step) for at, step in _STEP.findall(ended.output)]
    ends = [at for at, _ in begun[1:]] + [over]
    steps = tuple((step, end - at) for (at, step), end in zip(begun, ends, strict=True))
    burnt = Burnt(form, steps, ended.output)
    say(f"  {form.name}: {len(steps)} steps in {burnt.took_s:.1f} s")
    return burnt


def table(stock: Sequence[Burnt], ours: Sequence[Burnt]) -> Iterator[str]:
    """Yield the lines that show the times of all steps side by side."""
    yield f"{'seconds':60} {'stock':>7} {'ours':>7} times"
    for theirs, own in zip(stock, ours, strict=True):
        yield own.form.name
        for (step, before_s), (_, now_s) in zip(theirs.steps, own.steps, strict=True):
            yield _line(f"  {step}", before_s, now_s)
        yield _line("  all steps", theirs.took_s, own.took_s)
    yield _line("all forms", sum(each.took_s for each in stock), sum(each.took_s for each in ours))


def _line(what: str, before_s: float, now_s: float) -> str:
    return f"{what[:60]:60} {before_s:7.1f} {now_s:7.1f} {before_s / max(now_s, 0.001):5.1f}"
