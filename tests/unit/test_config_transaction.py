"""Drafts: what a change sees, what it is refused, and how what changed is numbered."""

import json
from pathlib import Path

import msgspec
import pytest

from masterd.config import document
from masterd.config.filter import FilterRule
from masterd.config.kinds import CLUSTER, FILTER, GROUP, NODE, Configured, Kind
from masterd.config.node import Node
from masterd.config.snapshot import ConfigSnapshot
from masterd.config.transaction import Draft, Staged
from masterd.errors import ConfigurationError, TagError
from tests.config_support import SnapshotRows

CONFIG_DATA = Path(__file__).parent.parent / "conformance" / "data" / "config.data"
NODE4 = "300c5be3-43b5-42c1-a6ad-f03bbab43ce2"
NOW_S = 1795459999.5


@pytest.fixture
def before() -> ConfigSnapshot:
    return document.split(json.loads(CONFIG_DATA.read_bytes()))


@pytest.fixture
def draft(before: ConfigSnapshot) -> Draft:
    return Draft(SnapshotRows(before), NOW_S)


def after(before: ConfigSnapshot, staged: Staged[None]) -> ConfigSnapshot:
    return before.changed(
        ((change.kind, change.uuid, change.after) for change in staged.changes),
        serial_no=staged.serial_no,
        mtime=staged.mtime,
    )


def new_node(name: str) -> Node:
    return msgspec.convert(
        {
            "name": name, "primary_ip": "10.77.0.99", "secondary_ip": "10.77.0.99",
            "master_candidate": False, "offline": False, "drained": False,
            "group": "6064c52d-cc53-4059-9c58-c5bc6c199fcf", "master_capable": True,
            "vm_capable": True, "ndparams": {}, "powered": True, "uuid": "new", "serial_no": 0,
        },
        Node,
    )  # fmt: skip


def test_a_changed_object_gets_the_next_serial_number_and_the_time(
    before: ConfigSnapshot, draft: Draft
) -> None:
    node = draft.require(NODE, NODE4)
    draft.put(msgspec.structs.replace(node, powered=False))
    changed = after(before, draft.finish(None))
    assert not changed.nodes[NODE4].powered
    assert (changed.nodes[NODE4].serial_no, changed.nodes[NODE4].mtime) == (2, NOW_S)
    assert changed.nodes[NODE4].ctime == node.ctime


def test_the_whole_is_numbered_once_however_much_changed(
    before: ConfigSnapshot, draft: Draft
) -> None:
    for node in before.nodes.values():
        draft.put(msgspec.structs.replace(node, powered=False))
    draft.set_tags(CLUSTER, before.cluster.uuid, ["x"])
    changed = after(before, draft.finish(None))
    assert (changed.serial_no, changed.mtime) == (before.serial_no + 1, NOW_S)
    assert changed.cluster.serial_no == before.cluster.serial_no + 1


def test_a_change_of_a_node_counts_for_the_cluster(before: ConfigSnapshot, draft: Draft) -> None:
    draft.put(msgspec.structs.replace(draft.require(NODE, NODE4), powered=False))
    changed = after(before, draft.finish(None))
    assert changed.cluster.serial_no == before.cluster.serial_no + 1
    assert changed.cluster.mtime == NOW_S


def test_a_change_of_a_group_does_not_touch_the_cluster_object(
    before: ConfigSnapshot, draft: Draft
) -> None:
    group = next(iter(before.nodegroups.values()))
    draft.put(msgspec.structs.replace(group, alloc_policy="last_resort"))
    assert after(before, draft.finish(None)).cluster is before.cluster


def test_putting_back_the_same_changes_nothing(before: ConfigSnapshot, draft: Draft) -> None:
    draft.put(draft.require(NODE, NODE4))
    staged = draft.finish("done")
    assert (staged.changes, staged.serial_no, staged.result) == ((), before.serial_no, "done")


def test_what_was_put_is_what_the_draft_then_shows(draft: Draft) -> None:
    draft.put(msgspec.structs.replace(draft.require(NODE, NODE4), name="other.lab.example"))
    assert draft.named(NODE, "node4.lab.example") is None
    found = draft.named(NODE, "other.lab.example")
    assert found is not None
    assert found.uuid == NODE4


def test_a_new_node_begins_at_one_and_counts_for_the_cluster(
    before: ConfigSnapshot, draft: Draft
) -> None:
    draft.put(new_node("node9.lab.example"))
    changed = after(before, draft.finish(None))
    assert changed.nodes["new"].serial_no == 1
    assert changed.nodes["new"].ctime == changed.nodes["new"].mtime == NOW_S
    assert changed.cluster.serial_no == before.cluster.serial_no + 1
    assert changed.nodes.named("node9.lab.example") is changed.nodes["new"]


def test_a_removed_node_is_gone_by_uuid_and_by_name(before: ConfigSnapshot, draft: Draft) -> None:
    draft.put(new_node("node9.lab.example"))
    more = after(before, draft.finish(None))
    second = Draft(SnapshotRows(more), NOW_S)
    second.remove(NODE, "new")
    changed = after(more, second.finish(None))
    assert "new" not in changed.nodes
    assert changed.nodes.named("node9.lab.example") is None
    assert changed.cluster.serial_no == more.cluster.serial_no + 1
    assert more.nodes.named("node9.lab.example") is not None


def test_a_node_that_is_in_use_cannot_be_removed(draft: Draft) -> None:
    draft.remove(NODE, NODE4)
    with pytest.raises(ConfigurationError, match=r"inst2\.lab\.example uses node node4\."):
        draft.finish(None)


def test_a_name_that_is_taken_is_refused_until_its_owner_is_gone(draft: Draft) -> None:
    with pytest.raises(ConfigurationError, match=r"a node 'node4\.lab\.example' already"):
        draft.put(new_node("node4.lab.example"))
    draft.remove(NODE, NODE4)
    draft.put(new_node("node4.lab.example"))
    found = draft.named(NODE, "node4.lab.example")
    assert found is not None
    assert found.uuid == "new"


def test_an_object_that_was_changed_meanwhile_is_refused(draft: Draft) -> None:
    stale = msgspec.structs.replace(draft.require(NODE, NODE4), serial_no=0, offline=True)
    with pytest.raises(ConfigurationError, match="at serial number 1, not 0"):
        draft.put(stale)
    assert draft.finish(None).changes == ()


@pytest.mark.parametrize("kind", [NODE, GROUP, FILTER])
def test_what_does_not_exist_cannot_be_removed(draft: Draft, kind: Kind[Configured]) -> None:
    with pytest.raises(ConfigurationError, match=f"Unknown {kind.name} 'nobody'"):
        draft.remove(kind, "nobody")


def test_the_cluster_object_stays_the_only_one(before: ConfigSnapshot, draft: Draft) -> None:
    with pytest.raises(ConfigurationError, match="cannot be removed"):
        draft.remove(CLUSTER, before.cluster.uuid)
    with pytest.raises(ConfigurationError, match="only one cluster"):
        draft.put(msgspec.structs.replace(before.cluster, uuid="second"))


def test_a_filter_rule_has_no_serial_number(before: ConfigSnapshot, draft: Draft) -> None:
    rule = FilterRule(
        watermark=1, priority=0, predicates=(), action="PAUSE", reason_trail=(), uuid="rule"
    )
    draft.put(rule)
    changed = after(before, draft.finish(None))
    assert changed.filters["rule"] == rule
    assert changed.serial_no == before.serial_no + 1


def test_tags_are_added_removed_and_kept_sorted(before: ConfigSnapshot, draft: Draft) -> None:
    uuid = before.cluster.uuid
    draft.add_tags(CLUSTER, uuid, ["b", "a"])
    draft.add_tags(CLUSTER, uuid, ["c", "a"])
    assert draft.cluster.tags == ("a", "b", "c")
    draft.remove_tags(CLUSTER, uuid, ["b"])
    assert after(before, draft.finish(None)).cluster.tags == ("a", "c")


@pytest.mark.parametrize(
    ("tag", "message"),
    [
        ("", "Tags cannot be empty"),
        ("a b", "Tag contains invalid characters"),
        ("a\n", "Tag contains invalid characters"),
        ("x" * 129, "Tag too long"),
    ],
)
def test_a_malformed_tag_is_refused(draft: Draft, tag: str, message: str) -> None:
    with pytest.raises(TagError, match=message):
        draft.set_tags(NODE, NODE4, ["good", tag])
    assert draft.finish(None).changes == ()


def test_removing_a_tag_that_is_not_there_is_refused(draft: Draft) -> None:
    with pytest.raises(TagError, match="Tag not found"):
        draft.remove_tags(NODE, NODE4, ["nothing"])


def test_more_tags_than_allowed_are_refused(draft: Draft) -> None:
    draft.set_tags(NODE, NODE4, map(str, range(4096)))
    with pytest.raises(TagError, match="Too many tags"):
        draft.add_tags(NODE, NODE4, ["one-more"])
