"""Entry point of `ganeti-masterd`.

The standard library is patched before anything else is imported, so that every module binds the
switching forms. Patching makes no event loop and no thread; those come after the daemon's forks
(`masterd.daemon` has the order).
"""

from gevent import monkey

monkey.patch_all()

import os  # noqa: E402 (patched first)
import sys  # noqa: E402

from masterd import daemon  # noqa: E402
from masterd.app import Application  # noqa: E402


def main() -> int:
    """Run the daemon with the process's arguments; return its exit code."""
    return daemon.main(sys.argv[1:], os.environ, Application)


if __name__ == "__main__":
    sys.exit(main())
