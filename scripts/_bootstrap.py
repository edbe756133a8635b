"""Make the project importable for the scripts beside this file.

A script begins with `import _bootstrap` and `_bootstrap.run()`: the repository comes first on the
module path, and where the running interpreter lacks the project's packages, the script is started
anew with the one that `scripts/setup` made.
"""

import importlib.util
import os
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
VENV_PYTHON = REPOSITORY / ".venv/bin/python"

#: Packages that are not Python's own, as far as the scripts need them.
NEEDED = ("cbor2", "gevent", "lmdb", "msgpack", "msgspec")

#: Set for the second start, so that there is no third.
STARTED_AGAIN = "GANETI_MASTERD_SCRIPT_RESTARTED"


def run() -> None:
    """Make `import store` and the others work, or end the process saying what to do."""
    sys.path.insert(0, str(REPOSITORY))
    lacking = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if sys.version_info >= (3, 11) and not lacking:
        os.environ.pop(STARTED_AGAIN, None)
        return
    # Not `exists`, which raises where this user may not look.
    if os.access(VENV_PYTHON, os.X_OK) and STARTED_AGAIN not in os.environ:
        os.environ[STARTED_AGAIN] = "1"
        os.execv(VENV_PYTHON, [str(VENV_PYTHON), *sys.argv])
    what = f"lacks the packages {', '.join(lacking)}" if lacking else "is older than Python 3.11"
    name = Path(sys.argv[0]).name
    sys.exit(
        f"{name}: {sys.executable} {what}, and this user cannot run {VENV_PYTHON}; "
        f"run {REPOSITORY}/scripts/setup first, or this as another user"
    )
