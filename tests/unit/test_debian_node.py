"""What the installer does to the data directory of a node."""

from pathlib import Path

from masterd.paths import Paths
from masterd.testing.clock import ManualClock
from masterd.upkeep.debian import DebianNode
from store.traces import traces


def test_a_store_is_put_aside_with_all_that_shows_earlier_ones(tmp_path: Path) -> None:
    paths = Paths(tmp_path / "root")
    store = paths.store_dir
    earlier = store.with_name(f"{store.name}.2026-01-01T00-00-00Z")
    backup = tmp_path / "backup"
    backup.mkdir()
    for directory in (store, earlier):
        directory.mkdir(parents=True)
        (directory / "data.mdb").touch()
    node = DebianNode(paths, Path("ganeti-masterd"), Path("ganeti-exporter"), ManualClock())
    assert node.put_store_aside(str(backup))
    # A start would refuse to make a new store beside any of these.
    assert not traces(store)
    assert {path.name for path in backup.iterdir()} == {store.name, earlier.name}
    assert not node.put_store_aside(str(backup))
