"""One object that a change of the configuration touches."""

from dataclasses import dataclass

from masterd.config.kinds import Configured, Kind


@dataclass(frozen=True, slots=True)
class Change:
    """One object that changed: None before when it is new, None after when it is gone."""

    kind: Kind[Configured]
    uuid: str
    before: Configured | None
    after: Configured | None
