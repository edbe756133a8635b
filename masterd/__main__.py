"""Entry point of the daemons.

The command line is read before anything heavy is imported. Then the standard library is patched,
before any module that binds what is patched, so that every one binds the switching forms. Patching
makes no event loop and no thread; those come after the daemon's forks (`masterd.daemon` has the
order).
"""

import os
import sys

from masterd import cli, programs
from masterd.errors import EXIT_FAILURE, ConfigurationError
from masterd.paths import Paths


def main() -> int:
    """Run the daemon that was called, with the process's arguments; return its exit code."""
    program = programs.called(sys.argv[0])
    options = cli.parse(sys.argv[1:], program)
    if options.force_node:
        return _become_stock(program.name)

    from gevent import monkey

    monkey.patch_all()

    from masterd import daemon

    if program.is_companion:
        from masterd.wconfd.service import Companion

        return daemon.main(program, options, os.environ, Companion)

    from masterd.app import Application

    return daemon.main(program, options, os.environ, Application)


def _become_stock(name: str) -> int:
    """Go on as Debian's configuration daemon; return an exit code where that is impossible."""
    from masterd.pidfile import AlreadyRunningError
    from masterd.wconfd import stock

    try:
        stock.become(Paths.from_environment(os.environ), sys.argv[1:])
    except (AlreadyRunningError, ConfigurationError, OSError) as error:
        print(f"{name}: {error}", file=sys.stderr)
    return EXIT_FAILURE


if __name__ == "__main__":
    sys.exit(main())
