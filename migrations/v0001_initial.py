"""Version 1: the first form.

A new store is made in the newest form at once (`Store.open`), so this step is the foot of the
chain more than a road: it brings a store whose version is 0, which is one without any rows, to
version 1. Its list of tables is the record of what version 1 has, and does not follow
`store.schema`.
"""

from typing import Final

from migrations.step import Irreversible, Step
from store.schema import META
from store.txn import WriteTxn

TABLES: Final = (
    "meta",
    "serials",
    "flags",
    "jobs",
    "job_logs",
    "archive",
    "unfinished",
    "finished",
    "outbox",
    "cursors",
    "config",
    "config_names",
)


class NotEmptyError(Exception):
    """A store without a version holds rows, and nobody knows in which form."""


def _up(txn: WriteTxn) -> None:
    for table in TABLES:
        if table != META.name and txn.count_raw(table) > 0:
            raise NotEmptyError(f"the store has no version, but rows in '{table}'")


STEP: Final = Step(
    version=1,
    name="the first form",
    up=_up,
    down=Irreversible("there is no form before the first"),
    tables=TABLES,
)
