"""What a start does with the jobs that the last run left unfinished. Pure.

* A queued job stays queued.
* A waiting opcode had not begun: its job goes back to the queue and starts over at that opcode.
* A canceling opcode had not begun either, and a client was told that it would be canceled: it is.
* A running opcode may have changed anything: it ends in error and says so. It never runs twice.
  Whether it changed the configuration is recorded, so that is told too.

Source: jobfile.json status_moves restart_2_2 (which cancels less and forgets more).
"""

from typing import Final

import msgspec

from masterd.job import machine
from masterd.job.machine import Step
from masterd.job.model import Job, Json
from masterd.job.status import OpStatus

#: Result of an opcode that ran when the daemon went away. The words are the reference's.
UNCLEAN_SHUTDOWN: Final[Json] = b'["OpExecError",["Unclean master daemon shutdown"]]'


def recover(job: Job, now_us: int) -> Step:
    """Return an unfinished job as a start leaves it; the same object when nothing changes."""
    index = machine.current_index(job)
    status = OpStatus.QUEUED if index is None else job.ops[index].status
    if status is OpStatus.WAITING:
        return machine.put_back(job)
    if status is OpStatus.CANCELING:
        return machine.cancel_done(job, now_us)
    if status is OpStatus.RUNNING:
        assert index is not None, "some opcode runs"
        return machine.abandon(job, _unclean(job.ops[index].config_serial), now_us)
    return Step(job)


def _unclean(config_serial: int | None) -> Json:
    """Return the result of an opcode that ran, and may have changed the configuration."""
    if config_serial is None:
        return UNCLEAN_SHUTDOWN
    text = (
        "Unclean master daemon shutdown; the opcode had changed the configuration,"
        f" serial number {config_serial}"
    )
    return Json(msgspec.json.encode(["OpExecError", [text]]))
