"""What all opcodes have in common."""

from typing import Final

from tests.same_calls.difference import Justified, exactly

_NO_UNIT: Final = "no job of the reference carries it out, though it is declared"

JUSTIFIED: Final = (
    *(
        Justified(
            title, r"job\.ops\[0\]\.result\[0\]", _NO_UNIT,
            theirs=exactly("OpCodeUnknown"), ours=exactly(error),
        )
        for title, error in (
            ("TEST_DUMMY result", "OpResultError"), ("TEST_DUMMY failing", "OpExecError")
        )
    ),
    Justified(
        "(BACKUP|GROUP|INSTANCE|NODE)_.* dry run", r"job\.ops\[0\]\.log",
        "ours says in a dry run what would be done",
    ),
    Justified(
        ".* forbidden", r"job\.ops\[0\]\.result\[1\]\[0\]\[[0-9]+\]\[0\]",
        "the reference names a node whose script forbids the work by its uuid",
        theirs="-4", ours=r"\.example\.com",
    ),
    Justified(
        ".*", r"job\.ops\[0\]\.log\[[0-9]+\]\[1\]",
        "the reference names a node that does not run its scripts by its uuid",
        theirs=r"^\[\]$", ours=r"^\['[^']*'\]$",
    ),
)  # fmt: skip
