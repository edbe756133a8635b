"""The daemon with a sampling profiler: `python -m tests.benchmarks.profiled FILE [OPTION...]`.

FILE gets the table of `tests.benchmarks.sampler`.
"""

import atexit
import sys
from pathlib import Path

from masterd import __main__ as daemon  # patches first, as the daemon does
from tests.benchmarks.sampler import Sampler


def main() -> int:
    """Run the daemon under the profiler."""
    sampler = Sampler(Path(sys.argv.pop(1)))
    sampler.start()
    atexit.register(sampler.stop)
    return daemon.main()


if __name__ == "__main__":
    sys.exit(main())
