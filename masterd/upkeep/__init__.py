"""Commands for the administrator, beside the daemon: check, dump, restore, migrate, install.

Each module is one command: `main` reads the command line and returns the exit code. They are
installed as `ganeti-masterd-check` and so on; `scripts/` has the same for a checkout. `place` finds
the data. None of them imports the daemon, and none switches greenlets.
"""
