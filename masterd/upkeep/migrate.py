"""The command of `migrations`, with the machine's clock and the opcodes' summaries."""

import os
import sys
from pathlib import Path

from masterd import dialect_choice, installed
from masterd.clock import SystemClock
from masterd.config import document
from masterd.errors import StartError
from masterd.lu import registry
from migrations import command


def main() -> int:
    """Run the command with the process's arguments; return its exit code."""
    try:
        dialect = dialect_choice.choose(dialect_choice.AUTOMATIC, installed.find())
    except StartError as error:
        print(error.text, file=sys.stderr)
        return error.exit_code
    return command.main(
        now_us=SystemClock().now_us,
        program=Path(sys.argv[0]).name,
        environment_root=os.environ.get("GANETI_ROOTDIR", ""),
        summary=dialect.opcodes.summary_of,
        supported=lambda op_id: registry.find(op_id) is not None,
        read_config=document.problems,
        form=dialect.config_version,
    )
