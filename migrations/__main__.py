"""`python -m migrations`: the command of `command`, with the machine's clock.

It knows no opcodes, so that jobs taken over are listed by their opcodes' bare names;
`scripts/migrate` knows them.
"""

import os
import sys
import time

from migrations.command import main

if __name__ == "__main__":
    sys.exit(
        main(
            now_us=lambda: time.time_ns() // 1000,
            environment_root=os.environ.get("GANETI_ROOTDIR", ""),
        )
    )
