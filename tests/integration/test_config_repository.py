"""The configuration in a real store: taken over, changed, published, read again."""

import json
from pathlib import Path

import gevent
import msgspec
import pytest

from masterd.clock import SystemClock
from masterd.config.document import DocumentError
from masterd.config.kinds import CLUSTER, NODE
from masterd.config.snapshot import ConfigSnapshot
from masterd.config.transaction import Draft, Staged
from masterd.errors import ConfigurationError
from masterd.wconf.repository import ConfigRepository
from store import outbox, schema
from store.store import Store
from store.txn import WriteTxn

CONFIG_DATA = (Path(__file__).parent.parent / "conformance" / "data" / "config.data").read_bytes()
NODE4 = "300c5be3-43b5-42c1-a6ad-f03bbab43ce2"


@pytest.fixture
def repository(store: Store) -> ConfigRepository:
    made = ConfigRepository(store, SystemClock())
    made.import_document(json.loads(CONFIG_DATA), source="a test")
    return made


def tag_cluster(draft: Draft, tag: str) -> None:
    draft.add_tags(CLUSTER, draft.cluster.uuid, [tag])


def add_cluster_tag(repository: ConfigRepository, tag: str) -> None:
    repository.update(lambda draft: tag_cluster(draft, tag))


def read_again(store: Store) -> ConfigSnapshot:
    return ConfigRepository(store, SystemClock()).load()


def test_an_empty_store_has_no_configuration(store: Store) -> None:
    repository = ConfigRepository(store, SystemClock())
    assert repository.is_empty()
    with pytest.raises(ConfigurationError, match="no configuration"):
        repository.snapshot()


def test_what_was_taken_over_is_rendered_with_the_same_bytes(repository: ConfigRepository) -> None:
    assert not repository.is_empty()
    assert repository.render() == CONFIG_DATA


def test_read_again_the_configuration_is_the_same(
    store: Store, repository: ConfigRepository
) -> None:
    add_cluster_tag(repository, "x")
    assert read_again(store) == repository.snapshot()


def test_a_second_take_over_is_refused(store: Store, repository: ConfigRepository) -> None:
    with pytest.raises(ConfigurationError, match="has a configuration already"):
        repository.import_document(json.loads(CONFIG_DATA), source="a test")
    assert read_again(store) == repository.snapshot()


def test_a_faulty_document_leaves_the_store_empty(store: Store) -> None:
    repository = ConfigRepository(store, SystemClock())
    document = json.loads(CONFIG_DATA)
    document["nodes"][NODE4]["beauty"] = 1
    with pytest.raises(DocumentError, match=f"nodes.{NODE4}: unknown key 'beauty'"):
        repository.import_document(document, source="a test")
    assert repository.is_empty()


def test_a_change_is_published_with_the_next_serial_number(repository: ConfigRepository) -> None:
    before = repository.snapshot()
    add_cluster_tag(repository, "x")
    after = repository.snapshot()
    assert after.cluster.tags == ("x",)
    assert after.serial_no == before.serial_no + 1
    assert after.cluster.serial_no == before.cluster.serial_no + 1
    assert before.cluster.tags == ()


def test_listeners_hear_of_each_change_once_and_of_no_other(repository: ConfigRepository) -> None:
    heard: list[int] = []
    repository.on_publish(lambda snapshot: heard.append(snapshot.serial_no))
    add_cluster_tag(repository, "x")
    add_cluster_tag(repository, "x")
    assert heard == [1044]


def test_a_change_that_raises_changes_nothing(store: Store, repository: ConfigRepository) -> None:
    def change(draft: Draft) -> None:
        draft.add_tags(CLUSTER, draft.cluster.uuid, ["x"])
        raise ConfigurationError("no")

    before = repository.snapshot()
    with pytest.raises(ConfigurationError, match="no"):
        repository.update(change)
    assert repository.snapshot() is before
    assert read_again(store) == before


def test_a_renamed_node_is_found_under_its_new_name_only(repository: ConfigRepository) -> None:
    def rename(draft: Draft) -> None:
        draft.put(msgspec.structs.replace(draft.require(NODE, NODE4), name="new.lab.example"))

    repository.update(rename)
    found = repository.update(
        lambda draft: (
            draft.named(NODE, "node4.lab.example"),
            draft.named(NODE, "new.lab.example"),
        )
    )
    assert found == (None, repository.snapshot().nodes[NODE4])


def test_a_removed_node_leaves_neither_row_nor_name(
    store: Store, repository: ConfigRepository
) -> None:
    node = msgspec.structs.replace(
        repository.snapshot().nodes[NODE4], uuid="new", name="node9.lab.example"
    )
    repository.update(lambda draft: draft.put(node))
    with store.snapshot() as txn:
        assert schema.CONFIG_NAMES.get(txn, ("node", "node9.lab.example")) == "new"
    repository.update(lambda draft: draft.remove(NODE, "new"))
    assert "new" not in read_again(store).nodes
    with store.snapshot() as txn:
        assert schema.CONFIG_NAMES.get(txn, ("node", "node9.lab.example")) is None
        assert schema.CONFIG_NAMES.get(txn, ("node", "node3.lab.example")) is not None


def test_changes_of_many_greenlets_are_all_kept_and_numbered_in_a_row(
    store: Store, repository: ConfigRepository
) -> None:
    heard: list[int] = []
    repository.on_publish(lambda snapshot: heard.append(snapshot.serial_no))
    greenlets = [gevent.spawn(add_cluster_tag, repository, f"t{n}") for n in range(100)]
    gevent.joinall(greenlets, raise_error=True)
    assert heard == list(range(1044, 1144))
    assert len(repository.snapshot().cluster.tags) == 100
    assert read_again(store) == repository.snapshot()


def test_a_change_and_a_neighbours_row_commit_together(
    store: Store, repository: ConfigRepository
) -> None:
    def body(txn: WriteTxn) -> Staged[None]:
        schema.FLAGS.put(txn, "neighbour", "done")
        return repository.stage(txn, lambda draft: tag_cluster(draft, "t1"), 1795459999000000)

    store.update(body, repository.publish)
    assert repository.snapshot().cluster.tags == ("t1",)
    assert repository.snapshot().mtime == 1795459999.0
    with store.snapshot() as txn:
        assert schema.FLAGS.get(txn, "neighbour") == "done"


def test_a_refused_change_takes_the_neighbours_row_with_it(
    store: Store, repository: ConfigRepository
) -> None:
    def body(txn: WriteTxn) -> Staged[None]:
        schema.FLAGS.put(txn, "neighbour", "done")
        return repository.stage(txn, lambda draft: draft.remove(NODE, "nobody"), 0)

    with pytest.raises(ConfigurationError, match="Unknown node 'nobody'"):
        store.update(body)
    with store.snapshot() as txn:
        assert schema.FLAGS.get(txn, "neighbour") is None


def test_each_change_is_entered_for_the_mirrors(store: Store, repository: ConfigRepository) -> None:
    add_cluster_tag(repository, "x")
    with store.snapshot() as txn:
        entries = outbox.read(txn, 0, 10)
    assert [(entry.kind, entry.ident) for entry in entries] == [("config", 1043), ("config", 1044)]


def test_a_change_whose_publication_was_missed_is_read_again(
    store: Store, repository: ConfigRepository
) -> None:
    store.update(lambda txn: repository.stage(txn, lambda draft: tag_cluster(draft, "t1"), 0))
    add_cluster_tag(repository, "x")
    assert repository.snapshot().cluster.tags == ("t1", "x")
    assert repository.snapshot() == read_again(store)


def test_an_adopted_document_replaces_everything_and_is_newer(
    store: Store, repository: ConfigRepository
) -> None:
    add_cluster_tag(repository, "gone")
    before = repository.snapshot()
    edited = json.loads(CONFIG_DATA)
    del edited["nodes"][NODE4]
    edited["cluster"]["tags"] = ["adopted"]
    after = repository.adopt_document(edited, source="by hand", digest="0" * 64)
    assert after.serial_no > before.serial_no
    assert repository.snapshot() == after
    assert (list(after.cluster.tags), NODE4 in after.nodes) == (["adopted"], False)
    assert read_again(store) == after
    add_cluster_tag(repository, "later")
    assert repository.snapshot().serial_no == after.serial_no + 1


def test_a_faulty_document_is_not_adopted(store: Store, repository: ConfigRepository) -> None:
    edited = json.loads(CONFIG_DATA)
    del edited["cluster"]["cluster_name"]
    with pytest.raises(ConfigurationError, match="cluster_name"):
        repository.adopt_document(edited, source="by hand")
    assert read_again(store) == repository.snapshot()
