"""The `filter` resource: the rules that say which jobs may start. Its 6 fields.

Source: queryfields.json, filter; answers of luxid 3.0.2.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from masterd.config.filter import FilterRule
from masterd.config.snapshot import ConfigSnapshot
from masterd.filter.fields import Field, Kind, Table, table_of
from masterd.filter.natural import natural_key
from masterd.query.config_table import Rows, name_key, never


def filter_rows(config: ConfigSnapshot) -> Rows[FilterRule, FilterRule]:
    """Return where rows come from; a rule is its own row."""

    def rows(rules: Sequence[FilterRule], needs: frozenset[str]) -> Iterable[FilterRule]:
        return rules

    everything = sorted(config.filters.values(), key=lambda rule: natural_key(rule.uuid))
    return Rows(everything, config.filters.get, rows, called=None)


FILTER_TABLE: Final[Table[FilterRule, str]] = table_of(
    "filter",
    "uuid",
    name_key,
    [
        Field("uuid", "UUID", Kind.OTHER, "Filter ID", lambda rule: rule.uuid),
        Field(
            "watermark",
            "Watermark",
            Kind.OTHER,
            "Highest job ID used at the time when the filter was added",
            lambda rule: rule.watermark,
        ),
        Field("priority", "Priority", Kind.OTHER, "Filter priority", lambda rule: rule.priority),
        Field(
            "predicates",
            "Predicates",
            Kind.OTHER,
            "List of filter predicates",
            lambda rule: rule.predicates,
        ),
        Field("action", "Action", Kind.OTHER, "Filter action", lambda rule: rule.action),
        Field(
            "reason_trail",
            "ReasonTrail",
            Kind.OTHER,
            "Reason why this filter was added",
            lambda rule: rule.reason_trail,
        ),
    ],
    looks_up=never,
)
