"""OP_TEST_JQUEUE and OP_TEST_DUMMY: opcodes that show whether the queue works.

Source: Ganeti 3.0.2 lib/cmdlib/test.py, LUTestJqueue (behaviour, texts). The reference has no
logical unit for OP_TEST_DUMMY; its parameters' names are the specification.
"""

from collections.abc import Callable, Sequence
from typing import Final

from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ECode, GanetiError, OpExecError, OpPrereqError
from masterd.limits import LU_NOTIFY_CONFIRM_S, LU_NOTIFY_CONNECT_S
from masterd.lock.levels import LockLevel, LockRequest
from masterd.lu.notify import NotificationSocket
from masterd.opcodes.base import OpCode
from masterd.opcodes.test import OpTestDummy, OpTestJqueue
from masterd.work.base import Locks, LogicalUnit
from masterd.work.feedback import LogKind

#: Begins the text of a test message. Source: constants.json JQT_MSGPREFIX.
_MESSAGE_PREFIX: Final = "TESTMSG="


class LUTestJqueue(LogicalUnit[OpTestJqueue, None]):
    """Lets a client look at the job at each step, with the master's node locked.

    At a step the log tells the path of a socket; the client connects, looks, and goes away.
    """

    def check_arguments(self) -> None:
        if self.op.notify_waitlock:
            self._notify(OpPrereqError, "expandnames", None)
        self.work.say.info("Expanding names")

    def needs(self, config: ConfigSnapshot) -> Locks:
        return {LockLevel.NODE: LockRequest(frozenset({config.cluster.master_node}))}

    def check(self, config: ConfigSnapshot) -> None:
        """Nothing depends on the cluster."""

    def execute(self, plan: None) -> bool:
        if self.op.notify_exec:
            self._notify(OpExecError, "exec", None)
        self.work.say.info("Executing")
        if self.op.log_messages:
            self._notify(OpExecError, "startmsg", len(self.op.log_messages))
        for number, text in enumerate(self.op.log_messages, start=1):
            self.work.say.info(f"Sending log message {number}")
            self.work.say(_MESSAGE_PREFIX + text)
            self._notify(OpExecError, "logmsg", number)
        if self.op.fail:
            raise OpExecError("Opcode failure was requested")
        return True

    def _notify(self, error: Callable[[str], GanetiError], test: str, argument: int | None) -> None:
        """Tell the client of a step and wait until it has looked. Switches."""
        try:
            with NotificationSocket() as notification:
                self.work.say.entry(LogKind.JQUEUE_TEST, [notification.path, test, argument])
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

    def check(self, config: ConfigSnapshot) -> None:
        """Nothing depends on the cluster."""

    def execute(self, plan: None) -> object:
        self.work.say.lines(self._messages())
        jobs = self._jobs()
        if jobs:
            self._submit(jobs)
        if self.op.fail:
            text = self.op.fail if isinstance(self.op.fail, str) else "Opcode failure was requested"
            raise OpExecError(text)
        return self.op.result

    def _submit(self, jobs: Sequence[Sequence[OpCode]]) -> None:
        for accepted, answer in self.work.submit(jobs):
            if accepted:
                self.work.say.info(f"Submitted job {answer}")
            else:
                self.work.say.warning(f"A job was not accepted: {answer}")

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
            load = self.work.dialect.opcodes.load
            return [[load(document, reason_required=False) for document in ops] for ops in value]
        except GanetiError as error:
            raise OpPrereqError(f"submit_jobs: {error.message}", ECode.INVAL) from error
