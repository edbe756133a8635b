"""The table of live jobs, whose long rows are not written anew with every step of a job.

A job of many opcodes has a long row, of which each step changes one opcode. So the row may stay as
it was, and what has changed since stands in a table of its own: the job without its opcodes under
(job id, 0), and what may change of an opcode under (job id, its index + 1). There is nothing of a
job under other numbers where there is nothing under 0. A job is read as a whole, from both.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from store.codec import U64_MAX
from store.errors import StoreDamaged
from store.table import MSGPACK, U64, Table
from store.txn import ReadTxn, WriteTxn

#: A document as the store keeps it.
Document = dict[str, Any]

#: Key of a job's opcodes.
OPS: Final = "ops"
#: What of an opcode never changes.
FIXED: Final = frozenset({"id", "input", "summary"})

#: Job id, and 0 or the index of an opcode plus 1.
StepKey = tuple[int, int]


class JobTable(Table[int, Any]):
    """Documents of jobs by job id; what has changed of them since lies in another table.

    `has`, `keys` and `count` are those of the rows, of which every job has one.
    """

    __slots__ = ("steps",)

    def __init__(self, name: str, steps: Table[StepKey, Any]) -> None:
        super().__init__(name, key=U64, value=MSGPACK)
        self.steps = steps

    def get(self, txn: ReadTxn, key: int) -> Any:
        """Return the whole document of a job, or None.

        Raises:
            StoreDamaged: a row cannot be decoded, or what changed does not fit the job.
        """
        document = super().get(txn, key)
        return None if document is None else self.whole(txn, key, document)

    def whole(self, txn: ReadTxn, job_id: int, document: Any) -> Any:
        """Return the document that a row and what has changed since make.

        Raises:
            StoreDamaged: as `get`.
        """
        head = self.steps.get(txn, (job_id, 0))
        if head is None:
            return document
        try:
            ops = list(document[OPS])
            for (_, number), change in self.steps.scan(txn, (job_id, 1), (job_id, U64_MAX)):
                ops[number - 1] = {**ops[number - 1], **change}
            return {**head, OPS: ops}
        except (TypeError, KeyError, IndexError) as error:
            text = f"{self.steps.name}: what changed of job {job_id} does not fit it: {error}"
            raise StoreDamaged(text) from error

    def scan(
        self,
        txn: ReadTxn,
        start: int | None = None,
        stop: int | None = None,
        *,
        reverse: bool = False,
        limit: int | None = None,
        damaged: list[StoreDamaged] | None = None,
    ) -> Iterator[tuple[int, Any]]:
        """Yield jobs as `Table.scan` does, each as a whole."""
        rows = super().scan(txn, start, stop, reverse=reverse, limit=limit, damaged=damaged)
        for job_id, document in rows:
            try:
                whole = self.whole(txn, job_id, document)
            except StoreDamaged as error:
                if damaged is None:
                    raise
                damaged.append(error)
                continue
            yield job_id, whole

    def put(self, txn: WriteTxn, key: int, value: Any, *, append: bool = False) -> None:
        """Set the whole document of a job; the row then says it all."""
        super().put(txn, key, value, append=append)
        self._forget_steps(txn, key)

    def put_step(
        self, txn: WriteTxn, job_id: int, head: Document, ops: Mapping[int, Document]
    ) -> None:
        """Set what has changed of a job that is there.

        Args:
            head: the job without its opcodes.
            ops: the opcodes that have changed, by index.
        """
        assert OPS not in head, job_id
        self.steps.put(txn, (job_id, 0), head)
        for index, op in ops.items():
            change = {key: value for key, value in op.items() if key not in FIXED}
            self.steps.put(txn, (job_id, index + 1), change)

    def state(self, txn: ReadTxn, job_id: int) -> bytes | None:
        """Return bytes that are other ones after each change of a job; None without the job."""
        raw = txn.get_raw(self.steps.name, self.steps.key.encode((job_id, 0)))
        return txn.get_raw(self.name, self.key.encode(job_id)) if raw is None else raw

    def delete(self, txn: WriteTxn, key: int) -> bool:
        """Remove a job; return whether it was there."""
        self._forget_steps(txn, key)
        return super().delete(txn, key)

    def clear(self, txn: WriteTxn) -> None:
        """Remove every job; meant for few (each key is held in memory)."""
        self.steps.clear(txn)
        super().clear(txn)

    def _forget_steps(self, txn: WriteTxn, job_id: int) -> None:
        if self.steps.has(txn, (job_id, 0)):
            first, behind = (self.steps.key.encode((job_id, n)) for n in (0, U64_MAX))
            # By bytes: a row that cannot be read goes too.
            for raw_key, _ in list(txn.items_raw(self.steps.name, first, behind, False)):
                txn.delete_raw(self.steps.name, raw_key)
