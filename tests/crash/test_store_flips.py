"""Bytes of a store's file changed in turn; `store_flips` says what counts."""

import random
import subprocess
import sys
from pathlib import Path
from typing import Final

PATIENCE_S: Final = 500
CHOSEN: Final = 100


def test_a_store_with_a_changed_byte_shows_what_is_in_it_or_is_refused() -> None:
    seed = random.randrange(1 << 32)
    done = subprocess.run(
        [sys.executable, "-m", "tests.crash.store_flips", f"--chosen={CHOSEN}", f"--seed={seed}"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )
    told = f"seed {seed}: {done.stdout.decode()} {done.stderr.decode()[-200:]}"
    assert done.returncode == 0, told
