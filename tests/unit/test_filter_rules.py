"""Filter rules are objects of the configuration."""

from pathlib import Path

import pytest

from masterd.errors import ConfigurationError, GenericError, OpPrereqError
from masterd.testing.clock import ManualClock
from masterd.wconf.filter_rules import FilterRules
from tests.lu_support import World, make_world


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


@pytest.fixture
def rules(world: World) -> FilterRules:
    return FilterRules(world.config, ManualClock(), lambda: 42)


def add(rules: FilterRules, uuid: str | None = None, *, priority: int = 1) -> str:
    return rules.replace(
        uuid,
        priority=priority,
        predicates=(("jobid", [">", "id", "watermark"]),),
        action="PAUSE",
        rate_limit=None,
        reason=(("gnt:user", "maintenance", 7),),
    )


def test_a_new_rule_gets_a_uuid_a_watermark_and_a_reason(world: World, rules: FilterRules) -> None:
    uuid = add(rules)
    rule = world.config.snapshot().filters[uuid]
    assert (rule.watermark, rule.priority, rule.action) == (42, 1, "PAUSE")
    assert rule.predicates == (("jobid", [">", "id", "watermark"]),)
    assert [entry[:2] for entry in rule.reason_trail] == [
        ("gnt:user", "maintenance"),
        ("luxid", ""),
    ]


def test_a_rule_is_replaced_under_its_uuid(world: World, rules: FilterRules) -> None:
    uuid = add(rules)
    assert add(rules, uuid, priority=9) == uuid
    assert world.config.snapshot().filters[uuid].priority == 9
    assert len(world.config.snapshot().filters) == 1


def test_a_uuid_longer_than_any_is_refused(world: World, rules: FilterRules) -> None:
    add(rules, "u" * 100)
    with pytest.raises(OpPrereqError, match="at most 100 characters, not 101"):
        add(rules, "u" * 101)
    assert len(world.config.snapshot().filters) == 1


def test_a_rate_limit_is_kept_with_its_number(world: World, rules: FilterRules) -> None:
    uuid = rules.replace(
        None, priority=0, predicates=(), action="RATE_LIMIT", rate_limit=3, reason=()
    )
    assert world.config.snapshot().filters[uuid].action == ("RATE_LIMIT", 3)


def test_a_rule_is_removed_once(world: World, rules: FilterRules) -> None:
    uuid = add(rules)
    rules.delete(uuid)
    assert len(world.config.snapshot().filters) == 0
    with pytest.raises(GenericError, match=f"Filter rule with UUID {uuid} does not exist"):
        rules.delete(uuid)


def test_a_rule_that_ganetis_own_daemons_cannot_carry_is_refused(
    world: World, rules: FilterRules
) -> None:
    with pytest.raises(ConfigurationError, match="is not ASCII"):
        add(rules, "büro")
    assert len(world.config.snapshot().filters) == 0
