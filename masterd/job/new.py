"""Jobs as they come in, before they have an id. Pure.

The input of an opcode carries the job's id in its reason trail, and the id is known only inside the
transaction. So the JSON text is prepared around that one entry beforehand, on the hub and not on
the writer's thread, and completed by joining three pieces.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import msgspec

from masterd.job.dependencies import resolve
from masterd.job.model import Dependency, Job, Json, Op, Peer
from masterd.opcodes.base import OpCode

_encode: Final = msgspec.json.Encoder().encode

#: Source of the entry a submission adds to the reason trail. Source: jobfile.json reason_trail.
_REASON_SOURCE: Final = "gnt:opcode:"


def with_reason(text: Json, entry: Sequence[object]) -> Json:
    """Return an opcode's input with one more entry at the end of its reason trail."""
    document = msgspec.json.decode(text)
    document["reason"] = [*(document.get("reason") or []), entry]
    return _encode(document)


@dataclass(frozen=True, slots=True)
class WithJobs:
    """A result of an opcode that hands the rest of its work to new jobs.

    The opcode's result is `{"jobs": [[accepted, id or why not], ...], **more}`, and its end is one
    commit with the jobs. These inherit its debug level and reason trail, and a comment that names
    it where they have none.
    """

    jobs: Sequence[Sequence[OpCode]]
    more: Mapping[str, object] = field(default_factory=dict)

    def result(self, answers: Sequence[tuple[bool, int | str]]) -> dict[str, object]:
        """Return the opcode's result, given whether each job was taken."""
        return {"jobs": [[accepted, told] for accepted, told in answers], **self.more}


def inherited(op: OpCode, parent: Op) -> OpCode:
    """Return an opcode of a job that another opcode submits, marked as coming from it.

    Source: Ganeti 3.0.2 lib/mcpu.py, _SetBaseOpParams.
    """
    document = msgspec.json.decode(parent.input)
    trail = (tuple(entry) for entry in document.get("reason") or ())
    return replace(
        op,
        comment=op.comment or f"Submitted by {parent.op_id}",
        debug_level=document.get("debug_level") or 0,
        reason=(*op.reason, *trail),
    )


@dataclass(frozen=True, slots=True)
class NewOp:
    """An opcode checked and encoded, waiting for the id of its job."""

    op_id: str
    summary: str
    priority: int
    #: (job id or negative offset, statuses).
    depends: tuple[tuple[int, tuple[str, ...]], ...]
    #: JSON text before and behind the reason entry of the submission.
    head: bytes
    tail: bytes
    reason_source: bytes

    @classmethod
    def of(cls, op: OpCode) -> "NewOp":
        """Prepare a checked opcode."""
        document = op.to_input()
        reasons = document.pop("reason", None) or []
        assert isinstance(reasons, list), reasons
        head = _encode(document)[:-1] + b',"reason":['
        if reasons:
            head += _encode(reasons)[1:-1] + b","
        depends = tuple((int(job_id), tuple(statuses)) for job_id, statuses in op.depends or ())
        source = _encode(_REASON_SOURCE + op.OP_ID.removeprefix("OP_").lower())
        return cls(op.OP_ID, op.summary(), op.priority, depends, head, b"]}", source)

    def op(self, job_id: int, index: int, depends: tuple[Dependency, ...], now_us: int) -> Op:
        """Return the opcode as part of job `job_id`."""
        head = self.head
        if self.depends and any(other < 0 for other, _ in self.depends):
            head = self._with_depends(depends)
        entry = b'[%b,"job=%d;index=%d",%d]' % (self.reason_source, job_id, index, now_us * 1000)
        text = head + entry + self.tail
        return Op(self.op_id, text, self.summary, self.priority, depends)

    def _with_depends(self, depends: tuple[Dependency, ...]) -> bytes:
        """Return `head` with relative dependencies replaced by the real ids."""
        document = msgspec.json.decode(self.head.rstrip(b",") + b"]}")
        document["depends"] = [[d.job_id, sorted(d.statuses)] for d in depends]
        reasons = document.pop("reason")
        head = _encode(document)[:-1] + b',"reason":['
        return head + _encode(reasons)[1:-1] + b"," if reasons else head


@dataclass(frozen=True, slots=True)
class NewJob:
    """A submitted job."""

    ops: tuple[NewOp, ...]

    @classmethod
    def of(cls, ops: Sequence[OpCode]) -> "NewJob":
        """Prepare a job of checked opcodes."""
        return cls(tuple(NewOp.of(op) for op in ops))

    def resolve(self, job_id: int, refused: Collection[int]) -> tuple[tuple[Dependency, ...], ...]:
        """Return the dependencies of each opcode for job `job_id`, relative ones resolved.

        Raises:
            RelativeDependencyError: one leads to no job.
        """
        return tuple(resolve(op.depends, job_id, refused) if op.depends else () for op in self.ops)

    def job(
        self,
        job_id: int,
        depends: tuple[tuple[Dependency, ...], ...],
        peer: Peer | None,
        now_us: int,
    ) -> Job:
        """Return the queued job."""
        ops = tuple(op.op(job_id, i, depends[i], now_us) for i, op in enumerate(self.ops))
        return Job(job_id, ops, now_us, peer=peer)
