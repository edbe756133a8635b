"""Let a real cluster try our daemon; `scripts/interop-cluster`."""

import argparse
import subprocess
import sys
from typing import Final

from tests.boxes import burnin
from tests.boxes.beside import table
from tests.boxes.box import BoxError, missing_means
from tests.boxes.play import burn, move, play, play_faults, take_tour

#: What can be played alone, and what is played when nothing is said.
_PARTS: Final = (
    "takeover", "faults", "tour", "burnin", "move", "beside", "figures", "burnin-beside",
)  # fmt: skip
_ALL: Final = ("takeover", "faults", "tour", "burnin", "move")


def _say(text: str) -> None:
    print(text, flush=True)


def _play(part: str, nodes: int) -> None:
    if part == "takeover":
        _say(str(play(nodes, _say)))
        return
    if part == "faults":
        _say(str(play_faults(_say)))
        return
    if part == "move":
        _say(move(_say))
        return
    if part.startswith("burnin"):
        _burn(beside=part == "burnin-beside")
        return
    whole = part != "figures"
    _say("with ours")
    measuring = part != "tour"
    ours = take_tour(_say, with_ours=True, whole=whole, measuring=measuring)
    _say(f"{len(ours.outcomes)} acts in {ours.took_s:.0f} s")
    if part == "tour":
        return
    _say("with Debian's daemons")
    stock = take_tour(_say, with_ours=False, whole=whole, measuring=measuring)
    for line in table(stock, ours):
        _say(line)


def _burn(*, beside: bool) -> None:
    _say("burnin with ours")
    ours = burn(_say, with_ours=True)
    _say(f"burnin ended well in all its {len(ours)} forms, {sum(b.took_s for b in ours):.0f} s")
    if beside:
        _say("burnin with Debian's daemons")
        for line in burnin.table(burn(_say, with_ours=False), ours):
            _say(line)


def main() -> int:
    """Run with the process's arguments; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="interop-cluster",
        description="A real Ganeti cluster in namespaces of this machine tries our daemon: a"
        " takeover and the way back, faults, and all that is done to a cluster in its life.",
    )
    parser.add_argument(
        "--nodes", type=int, default=3, help="nodes of the cluster taken over (%(default)s)"
    )
    parser.add_argument("--part", choices=_PARTS, help="this part only")
    options = parser.parse_args()
    missing = missing_means()
    if missing is not None:
        print(f"interop-cluster: cannot be played here: {missing}", file=sys.stderr)
        return 1
    parts = (options.part,) if options.part else _ALL
    try:
        for part in parts:
            _play(part, options.nodes)
    except (BoxError, ValueError, subprocess.SubprocessError) as error:
        print(f"interop-cluster: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
