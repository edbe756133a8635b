"""The reason trail: who asked for an opcode, and which way it came. Pure.

Each part that hands an opcode on adds an entry `[source, text, time in ns]` at the end. Clients
send theirs; a submission adds one of its own. Source: jobfile.json reason_trail.
"""

from typing import Final

#: (source, text, time in nanoseconds since the epoch)
ReasonEntry = tuple[str, str, int]

#: Begins the source of the entry that a submission adds.
SUBMISSION_SOURCE: Final = "gnt:opcode"


def submission_entry(op_id: str, job_id: int, index: int, time_ns: int) -> ReasonEntry:
    """Return the entry for opcode number `index` (from 0) of a job.

    Args:
        op_id: such as OP_TEST_DELAY, which gives the source `gnt:opcode:test_delay`.
        time_ns: when the job was received, nanoseconds since the epoch.
    """
    source = f"{SUBMISSION_SOURCE}:{op_id.removeprefix('OP_').lower()}"
    return source, f"job={job_id};index={index}", time_ns
