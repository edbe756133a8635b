"""Version 2: an index of who uses what in the configuration, and what opcodes changed in it.

The index is made from the configuration's rows, and they stay as they are, so the way back is to
drop it. The texts of its keys are those of `store.config_uses`; should they ever change, this step
keeps a copy of their old form.

Opcodes of version 1 recorded no change of the configuration; the way back takes `config` out of
those that do.
"""

from collections.abc import Mapping
from typing import Any, Final

from migrations.step import Step
from store import config_uses
from store.schema import ARCHIVE, CONFIG, CONFIG_USES, JOB_STEPS, JOBS
from store.txn import WriteTxn


def _up(txn: WriteTxn) -> None:
    CONFIG_USES.clear(txn)
    for (kind, uuid), row in CONFIG.scan(txn):
        for use in config_uses.uses(kind, row):
            CONFIG_USES.put(txn, (use, config_uses.user(kind, uuid)), None)


def _down(txn: WriteTxn) -> None:
    CONFIG_USES.clear(txn)
    for table in (JOBS, ARCHIVE):
        for job_id, job in table.scan(txn):
            ops: list[Mapping[str, Any]] = job["ops"]
            if any("config" in op for op in ops):
                bare = [{key: op[key] for key in op if key != "config"} for op in ops]
                table.put(txn, job_id, {**job, "ops": bare})


STEP: Final = Step(
    version=2,
    name="who uses what, and what opcodes changed",
    up=_up,
    down=_down,
    tables=(CONFIG.name, CONFIG_USES.name, JOBS.name, JOB_STEPS.name, ARCHIVE.name),
)
