"""OP_TEST_JQUEUE and OP_TEST_DUMMY: opcodes that show whether the queue works.

Source: Ganeti 3.0.2 lib/cmdlib/test.py, LUTestJqueue (behaviour, texts). The reference has no
logical unit for OP_TEST_DUMMY; its parameters' names are the specification.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from masterd.errors import ECode, GanetiError, OpExecError, OpPrereqError
from masterd.limits import LU_NOTIFY_CONFIRM_S, LU_NOTIFY_CONNECT_S
from masterd.lock.levels import LockLevel, LockRequest
from masterd.lu.base import LogicalUnit
from masterd.lu.feedback import LogKind
from masterd.lu.notify import NotificationSocket
from masterd.opcodes.base import OpCode, load
from masterd.opcodes.test import OpTestDummy, OpTestJqueue

#: Begins the text of a test message. Source: constants.json JQT_MSGPREFIX.
_MESSAGE_PREFIX: Final = "TESTMSG="


class LUTestJqueue(LogicalUnit[OpTestJqueue, None]):
    """Lets a client look at the job at each step, with the master's node locked.

    At a step the log tells the path of a socket; the client connects, looks, and goes away.
    """

    def expand_names(self) -> dict[LockLevel, LockRequest]:
        if self.op.notify_waitlock:
            self._notify(OpPrereqError, "expandnames", None)
        self.feedback.info("Expanding names")
        return {LockLevel.NODE: LockRequest(frozenset({self.config.cluster.master_node}))}

    def check_prereq(self) -> None:
        """Nothing depends on the cluster."""

    def execute(self, plan: None) -> bool:
        if self.op.notify_exec:
            self._notify(OpExecError, "exec", None)
        self.feedback.info("Executing")
        if self.op.log_messages:
            self._notify(OpExecError, "startmsg", len(self.op.log_messages))
        for number, text in enumerate(self.op.log_messages, start=1):
            self.feedback.info(f"Sending log message {number}")
            self.feedback(_MESSAGE_PREFIX + text)
            self._notify(OpExecError, "logmsg", number)
        if self.op.fail:
            raise OpExecError("Opcode failure was requested")
        return True

    def _notify(self, error: Callable[[str], GanetiError], test: str, argument: int | None) -> None:
        """Tell the client of a step and wait until it has looked. Switches."""
        try:
            with NotificationSocket() as notification:
                self.feedback.entry(LogKind.JQUEUE_TEST, [notification.path, test, argument])
                visitor = notification.accept(LU_NOTIFY_CONNECT_S)
        except OSError as cause:
            raise error(f"The notification socket failed: {cause}") from cause
        if visitor is None:
            raise error("Client didn't connect in time (timed out)")
        with visitor:
            try:
                confirmed = visitor.wait(LU_NOTIFY_CONFIRM_S)
            except OSError as cause:
                raise error(f"Client failed to confirm notification ({cause})") from cause
        if not confirmed:
            raise error("Client failed to confirm notification (timed out)")


class LUTestDummy(LogicalUnit[OpTestDummy, None]):
    """Says `messages`, submits `submit_jobs`, fails if told so, else returns `result`.

    * `messages`: null, a text, or an array of texts.
    * `submit_jobs`: null or an array of jobs, each an array of opcodes; the log tells their ids.
    * `fail`: anything that counts as true fails the opcode; a text becomes the error's text.
    * `result`: the opcode is declared to return null, so anything else ends in OpResultError.
    """

    def check_arguments(self) -> None:
        self._messages()
        self._jobs()

    def check_prereq(self) -> None:
        """Nothing depends on the cluster."""

    def execute(self, plan: None) -> object:
        self.feedback.lines(self._messages())
        jobs = self._jobs()
        if jobs:
            self._submit(jobs)
        if self.op.fail:
            text = self.op.fail if isinstance(self.op.fail, str) else "Opcode failure was requested"
            raise OpExecError(text)
        return self.op.result

    def _submit(self, jobs: Sequence[Sequence[OpCode]]) -> None:
        job = self.context.jobs.get(self.job_id)
        peer = None if job is None else job.peer
        own = [[self._inherited(op) for op in ops] for ops in jobs]
        for accepted, answer in self.context.jobs.submit_many(own, peer):
            if accepted:
                self.feedback.info(f"Submitted job {answer}")
            else:
                self.feedback.warning(f"A job was not accepted: {answer}")

    def _inherited(self, op: OpCode) -> OpCode:
        """Return an opcode of a submitted job, marked as coming from this one."""
        return replace(
            op,
            comment=op.comment or f"Submitted by {self.op.OP_ID}",
            debug_level=self.op.debug_level,
            reason=(*op.reason, *self.op.reason),
        )

    def _messages(self) -> list[str]:
        value = self.op.messages
        if value is None:
            return []
        if isinstance(value, str):
            return [value]
        if isinstance(value, list | tuple) and all(isinstance(each, str) for each in value):
            return list(value)
        raise OpPrereqError("messages: expected a text or an array of texts", ECode.INVAL)

    def _jobs(self) -> list[list[OpCode]]:
        value = self.op.submit_jobs
        if value is None:
            return []
        if not isinstance(value, list | tuple) or not all(
            isinstance(ops, list | tuple) and ops for ops in value
        ):
            raise OpPrereqError("submit_jobs: expected an array of arrays of opcodes", ECode.INVAL)
        try:
            return [[load(document, reason_required=False) for document in ops] for ops in value]
        except GanetiError as error:
            raise OpPrereqError(f"submit_jobs: {error.message}", ECode.INVAL) from error
