"""Every command tells a wrong option in one form."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

REPOSITORY: Final = Path(__file__).parents[2]
COMMANDS: Final = REPOSITORY / "scripts/commands"
SCRIPTS: Final = sorted(
    path
    for path in (REPOSITORY / "scripts").iterdir()
    if path.is_file() and not path.name.startswith("_")
)
PATIENCE_S: Final = 60

#: What stands before a wrong option where one is looked at late.
BEFORE_OPTION: Final = {
    "dump": ["file"],
    "ganeti-exporter": ["compare"],
    "ganeti-masterd-dump": ["file"],
    "ganeti-masterd-migrate": ["status"],
    "ganeti-masterd-restore": ["file"],
    "gnt-job": ["list"],
    "migrate": ["status"],
    "restore": ["file"],
}

#: Hands its arguments to pytest.
FOREIGN_OPTIONS: Final = {"test"}


@pytest.mark.parametrize(
    "path",
    [
        *(path for path in SCRIPTS if path.name not in FOREIGN_OPTIONS),
        *sorted(Path(sys.executable).with_name(path.name) for path in COMMANDS.iterdir()),
    ],
    ids=lambda path: path.name,
)
def test_a_wrong_option_is_told_in_one_form(path: Path) -> None:
    done = subprocess.run(
        [str(path), *BEFORE_OPTION.get(path.name, []), "--no-such-option"],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 2, done.stdout
    last = done.stderr.splitlines()[-1]
    assert re.fullmatch(rf"(\S+[/-])?{path.name}: error: .*--no-such-option", last), done.stderr
