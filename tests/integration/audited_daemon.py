"""The daemon with a list of the names it makes or opens for writing: `python -m` this.

One line for each, the base name, in the file that the environment names.
"""

import os
import sys
from typing import Final

#: Where the list goes.
VARIABLE: Final = "AUDITED_NAMES_FILE"

_WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def _listen(descriptor: int) -> None:
    def hook(event: str, arguments: tuple[object, ...]) -> None:
        name: object = None
        if event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITING:
            name = arguments[0]
        elif event == "socket.bind":
            name = arguments[1]
        elif event in ("os.chmod", "os.chown", "os.truncate", "os.utime"):
            name = arguments[0]
        if isinstance(name, str | bytes | os.PathLike):
            base = os.path.basename(os.fspath(name))  # noqa: PTH119 # may be text or bytes
            os.write(descriptor, (base if isinstance(base, bytes) else base.encode()) + b"\n")

    sys.addaudithook(hook)


if __name__ == "__main__":
    _listen(os.open(os.environ[VARIABLE], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600))
    import runpy

    runpy.run_module("masterd", run_name="__main__")
