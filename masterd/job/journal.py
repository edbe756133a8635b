"""Notes in the store what an opcode asks nodes to change: before it is sent, and the answers.

So an opcode that ends unclean can say what it had asked (`node_calls`). Each sending waits for one
commit, which it shares with whatever else is to be committed; the answers wait for none. Where the
daemon dies before they are kept, the calls count as in flight, which is the careful reading.
"""

from collections.abc import Callable, Sequence
from itertools import count
from typing import Protocol

from masterd.clock import Clock
from masterd.job.node_calls import NodeCalls
from masterd.job.repository import JobRepository


class Kept(Protocol):
    """Makes a change, as often as it takes until the store keeps it."""

    def __call__(self, change: Callable[[], None]) -> None:
        """Return once the change is durable. Switches."""
        ...


class OpJournal:
    """The notes of one run of one opcode. Obeys `masterd.node.journal.Journal`."""

    def __init__(
        self, repository: JobRepository, job_id: int, op_index: int, clock: Clock, kept: Kept
    ) -> None:
        self._repository = repository
        self._job_id = job_id
        self._op_index = op_index
        self._clock = clock
        self._kept = kept
        self._numbers = count(1)

    def sending(self, calls: Sequence[tuple[str, str]]) -> Callable[[Sequence[bool]], None]:
        """Note calls, by their and their node's name; return once that is durable. Switches.

        Returns:
            What is to be told, when all have been answered, of each whether it was done.

        Raises:
            InvalidTransitionError: the job has ended meanwhile.
        """
        number = next(self._numbers)
        asked = NodeCalls(self._op_index, self._clock.now_us(), tuple(calls))
        self._kept(lambda: self._repository.note_calls(self._job_id, number, asked))

        def answered(done: Sequence[bool]) -> None:
            now_us = self._clock.now_us()
            self._repository.note_answers_soon(self._job_id, number, now_us, done)

        return answered
