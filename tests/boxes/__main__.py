"""Play the story of a takeover on real machines; `scripts/interop-cluster`."""

import argparse
import subprocess
import sys

from tests.boxes.box import BoxError, missing_means
from tests.boxes.play import play


def _say(text: str) -> None:
    print(text, flush=True)


def main() -> int:
    """Run with the process's arguments; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="interop-cluster",
        description="A real Ganeti cluster in namespaces of this machine tries our daemon and goes"
        " back: installation, failovers, new certificates, a reboot, a kill, removal.",
    )
    parser.add_argument("--nodes", type=int, default=3, help="nodes of the cluster (%(default)s)")
    options = parser.parse_args()
    missing = missing_means()
    if missing is not None:
        print(f"interop-cluster: cannot be played here: {missing}", file=sys.stderr)
        return 1
    try:
        _say(str(play(options.nodes, _say)))
    except (BoxError, ValueError, subprocess.SubprocessError) as error:
        print(f"interop-cluster: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
