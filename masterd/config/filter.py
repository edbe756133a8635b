"""Filter rules: which jobs the scheduler starts, holds or refuses."""

from typing import Annotated, Literal

from msgspec import Meta

from masterd.config.objects import ConfigObject

FilterVerb = Literal["ACCEPT", "PAUSE", "REJECT", "CONTINUE"]
RateLimit = tuple[Literal["RATE_LIMIT"], Annotated[int, Meta(ge=1)]]


class FilterRule(ConfigObject, frozen=True, kw_only=True):
    """One rule. `predicates` are `[name, operand...]` lists of the filter language.

    `reason_trail` entries are `[source, reason, time in ns]`. A rule has no serial number and no
    times: it is replaced, never changed.
    """

    watermark: Annotated[int, Meta(ge=0)]
    priority: Annotated[int, Meta(ge=0)]
    predicates: tuple[tuple[object, ...], ...]
    action: FilterVerb | RateLimit
    reason_trail: tuple[tuple[str, str, int], ...]
    uuid: str
