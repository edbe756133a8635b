"""A change of the configuration and its neighbour's row are one commit, whenever the process dies.

A child process changes the configuration and, in the same transaction, a row of its own, over and
over, and dies at a failpoint. Reopened, the store holds as many changes as neighbour's rows, and
not fewer than the child told of.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from masterd.clock import SystemClock
from masterd.config.repository import ConfigRepository
from store import failpoints, outbox, schema
from store.store import Store

ROOT = Path(__file__).parent.parent.parent
CONFIG_DATA = ROOT / "tests" / "conformance" / "data" / "config.data"
TIMEOUT_S = 60

CHILD = """
import json, sys
from pathlib import Path
from masterd.clock import SystemClock
from masterd.config.kinds import CLUSTER
from masterd.config.repository import ConfigRepository
from store import schema
from store.store import Store

store = Store.open(Path(sys.argv[1]))
repository = ConfigRepository(store, SystemClock())
if repository.is_empty():
    repository.import_document(json.loads(Path(sys.argv[2]).read_bytes()), source="a test")
for number in range(repository.snapshot().serial_no - 1043, 1000):
    def body(txn, number=number):
        schema.FLAGS.put(txn, "neighbour", number + 1)
        return repository.stage(
            txn, lambda draft: draft.add_tags(CLUSTER, draft.cluster.uuid, [f"t{number}"]), 0
        )
    store.update(body, repository.publish)
    print(number + 1, flush=True)
"""


def run_until_killed(store: Path, failpoint: str) -> int:
    """Run the child until its failpoint kills it; return the last number it told of."""
    child = subprocess.run(
        [sys.executable, "-c", CHILD, str(store), str(CONFIG_DATA)],
        env={**os.environ, "PYTHONPATH": str(ROOT), failpoints.VARIABLE: failpoint},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert child.returncode == -signal.SIGKILL, child.stderr
    return max((int(line) for line in child.stdout.split()), default=0)


@pytest.mark.parametrize(
    "failpoint",
    ["store.before-flush", "store.before-commit", "store.after-commit", "store.before-tell"],
)
def test_never_is_there_one_without_the_other(tmp_path: Path, failpoint: str) -> None:
    told = 0
    for _ in range(3):
        told = max(told, run_until_killed(tmp_path / "store", f"{failpoint}=kill:5"))
        store = Store.open(tmp_path / "store")
        try:
            if ConfigRepository(store, SystemClock()).is_empty():
                assert told == 0
                continue
            config = ConfigRepository(store, SystemClock()).load()
            with store.snapshot() as txn:
                neighbour = schema.FLAGS.get(txn, "neighbour") or 0
                entered = outbox.read(txn, 0, 1000)
            assert len(config.cluster.tags) == neighbour >= told
            assert config.serial_no == 1043 + neighbour
            assert entered[-1].ident == config.serial_no
        finally:
            store.close()
    assert told > 0
