"""Filter rules as clients add, change and remove them; what they do to jobs says `job/filters`.

A rule is an object of the configuration. It is replaced as a whole, under its uuid.

Source: luxi.json ReplaceFilter, DeleteFilter.
"""

import uuid as uuids
from collections.abc import Callable
from typing import Protocol, TypeVar

from masterd.clock import Clock
from masterd.config.filter import FilterRule
from masterd.config.kinds import FILTER
from masterd.config.transaction import Draft
from masterd.errors import ECode, GenericError, OpPrereqError
from masterd.limits import CONFIG_UUID_CHARS_MAX

R = TypeVar("R")

#: The reason that is added to a rule's trail: who took it in.
_SOURCE = "luxid"


class Config(Protocol):
    """The configuration; see `masterd.wconf.repository`."""

    def update(self, change: Callable[[Draft], R]) -> R:
        """Carry out a change and return its result once it is durable. Switches."""
        ...


class FilterRules:
    """Changes the rules. Methods switch greenlets."""

    def __init__(self, config: Config, clock: Clock, last_job_id: Callable[[], int]) -> None:
        """Prepare; `last_job_id` returns the last id given out."""
        self._config = config
        self._clock = clock
        self._last_job_id = last_job_id

    def replace(
        self,
        uuid: str | None,
        *,
        priority: int,
        predicates: tuple[tuple[object, ...], ...],
        action: str,
        rate_limit: int | None,
        reason: tuple[tuple[str, str, int], ...],
    ) -> str:
        """Add a rule, or put it in the place of the one of this uuid; return its uuid.

        Args:
            predicates: `[name, filter]` each.
            rate_limit: how many jobs may run at once, with action RATE_LIMIT.
            reason: entries `[source, reason, time in ns]`; one of our own is added.

        Raises:
            OpPrereqError: the uuid is longer than any uuid.
        """
        if uuid is not None and len(uuid) > CONFIG_UUID_CHARS_MAX:
            raise OpPrereqError(
                f"A filter's uuid has at most {CONFIG_UUID_CHARS_MAX} characters, not {len(uuid)}",
                ECode.INVAL,
            )
        entry = (_SOURCE, "", self._clock.now_us() * 1000)
        rule = FilterRule(
            watermark=self._last_job_id(),
            priority=priority,
            predicates=predicates,
            action=action if rate_limit is None else ("RATE_LIMIT", rate_limit),  # type: ignore[arg-type]  # checked by the table of methods
            reason_trail=(*reason, entry),
            uuid=str(uuids.uuid4()) if uuid is None else uuid,
        )
        self._config.update(lambda draft: draft.put(rule))
        return rule.uuid

    def delete(self, uuid: str) -> None:
        """Remove a rule.

        Raises:
            GenericError: there is none of this uuid; the text is the reference's.
        """

        def change(draft: Draft) -> None:
            if draft.get(FILTER, uuid) is None:
                raise GenericError(f"Filter rule with UUID {uuid} does not exist")
            draft.remove(FILTER, uuid)

        self._config.update(change)
