"""What a start does with the jobs that the last run left unfinished. Pure.

* A queued job stays queued; if opcodes before had run, it names nobody any more who runs it.
* A waiting opcode had not begun: its job goes back to the queue and starts over at that opcode.
* A canceling opcode had not begun either, and a client was told that it would be canceled: it is.
* A running opcode may have changed anything: it ends in error and says so. It never runs twice.
  Whether it changed the configuration is recorded, and what it had asked of nodes, so that is told
  too.

Source: jobfile.json status_moves restart_2_2 (which cancels less and forgets more).
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from masterd.job import machine
from masterd.job.machine import Step
from masterd.job.model import Job, Json, Op
from masterd.job.node_calls import NodeCalls, story
from masterd.job.status import OpStatus

#: What an opcode that ran when the daemon went away says. The words are the reference's.
_UNCLEAN: Final = "Unclean master daemon shutdown"
#: Result of one that had changed nothing, as far as is known.
UNCLEAN_SHUTDOWN: Final[Json] = msgspec.json.encode(["OpExecError", [_UNCLEAN]])


def recover(job: Job, now_us: int, asked: Sequence[NodeCalls] = ()) -> Step:
    """Return an unfinished job as a start leaves it; the same object when nothing changes.

    Args:
        asked: what the opcode that ran had asked nodes to change.
    """
    index = machine.current_index(job)
    status = OpStatus.QUEUED if index is None else job.ops[index].status
    if status is OpStatus.WAITING:
        return machine.put_back(job)
    if status is OpStatus.CANCELING:
        return machine.cancel_done(job, now_us)
    if status is OpStatus.RUNNING:
        assert index is not None, "some opcode runs"
        return machine.abandon(job, _unclean(job.ops[index], asked), now_us)
    return machine.let_go(job)


def _unclean(op: Op, asked: Sequence[NodeCalls]) -> Json:
    """Return the result of an opcode that ran, and may have changed more than is known."""
    parts = [_UNCLEAN]
    if op.config_serial is not None:
        parts.append(f"the opcode had changed the configuration, serial number {op.config_serial}")
    if asked:
        parts.append(f"calls to nodes {story(asked)}")
    return msgspec.json.encode(["OpExecError", ["; ".join(parts)]])
