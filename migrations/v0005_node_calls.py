"""Version 5: what running opcodes have asked of nodes lies in rows of its own.

Nothing of earlier versions is in the new table. The way back forgets it: earlier programs do not
know what they would find there.
"""

from typing import Final

from migrations.step import Step
from store.schema import NODE_CALLS
from store.txn import WriteTxn


def _up(_txn: WriteTxn) -> None:
    """Leave all rows as they are."""


def _down(txn: WriteTxn) -> None:
    NODE_CALLS.clear(txn)


STEP: Final = Step(
    version=5,
    name="what was asked of nodes",
    up=_up,
    down=_down,
    tables=(NODE_CALLS.name,),
)
