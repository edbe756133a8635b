"""Version 2: an index of who uses what in the configuration.

The index is made from the configuration's rows, and they stay as they are, so the way back is to
drop it. The texts of its keys are those of `store.config_uses`; should they ever change, this step
keeps a copy of their old form.
"""

from typing import Final

from migrations.step import Step
from store import config_uses
from store.schema import CONFIG, CONFIG_USES
from store.txn import WriteTxn


def _up(txn: WriteTxn) -> None:
    CONFIG_USES.clear(txn)
    for (kind, uuid), row in CONFIG.scan(txn):
        for use in config_uses.uses(kind, row):
            CONFIG_USES.put(txn, (use, config_uses.user(kind, uuid)), None)


STEP: Final = Step(
    version=2,
    name="an index of who uses what",
    up=_up,
    down=CONFIG_USES.clear,
    tables=(CONFIG.name, CONFIG_USES.name),
)
