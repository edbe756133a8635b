"""The locks there are, and the order in which everybody takes them.

Levels are taken in the order of their numbers, locks of one level in byte order of their names, the
lock on the whole level (its *lockset*) before any of them.

Source: locks_hooks.json lock_rules; Ganeti 3.0.2 lib/locking.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Final, NamedTuple

from masterd.errors import ProgrammerError

#: Name of the only lock of the cluster level, the big Ganeti lock.
BGL: Final = "BGL"
#: Name under which the lock on a whole level is shown.
LOCKSET: Final = "[lockset]"


class LockLevel(IntEnum):
    """Kinds of locks in the order they are taken in.

    Instances are locked by name, because a new one has no uuid yet; everything else by uuid.
    """

    CLUSTER = 0
    INSTANCE = 1
    NODEGROUP = 2
    NODE = 3
    NODE_RES = 4
    NETWORK = 5
    #: One lock alone: programs beside the daemon keep others from changing the configuration.
    CONFIG = 6

    @property
    def label(self) -> str:
        """The level's name in listings, such as `node-res`."""
        return _LABELS[self]


_LABELS: Final = (
    *(level.name.lower().replace("_", "-") for level in LockLevel if level is not LockLevel.CONFIG),
    # The reference lists the configuration's lock with those of the cluster.
    LockLevel.CLUSTER.name.lower(),
)


class LockMode(IntEnum):
    """How a lock is held, weakest first.

    The intentions are taken on a lockset by whoever locks single names of its level.
    """

    INTENT_SHARED = 0
    INTENT_EXCLUSIVE = 1
    SHARED = 2
    EXCLUSIVE = 3

    @property
    def label(self) -> str:
        """The word in listings; an intention shows as what is intended."""
        return "shared" if self in (LockMode.INTENT_SHARED, LockMode.SHARED) else "exclusive"

    @property
    def intention(self) -> LockMode:
        """What must be held on the lockset to hold a name of its level in this mode."""
        shared = self is LockMode.SHARED
        return LockMode.INTENT_SHARED if shared else LockMode.INTENT_EXCLUSIVE


class Names(Enum):
    """Stands for a set of names."""

    #: Every name of the level, those that come to exist later too.
    ALL = "all"


ALL: Final = Names.ALL


class Lock(NamedTuple):
    """One lock: a name of a level, or `LOCKSET`. A tuple, because it is hashed all the time."""

    level: LockLevel
    name: str

    @property
    def order(self) -> tuple[int, bool, str]:
        """Sort key of the order in which locks are taken."""
        return (self.level, self.name != LOCKSET, self.name)

    @property
    def lockset(self) -> Lock | None:
        """The lock on the whole level, if it is another one and there is such."""
        if self.name == LOCKSET or self.level is LockLevel.CONFIG:
            return None
        return Lock(self.level, LOCKSET)

    def __str__(self) -> str:
        return f"{self.level.label}/{self.name}"


#: The lock on the configuration: no job takes it, each of their changes is a transaction.
CONFIG_LOCK: Final = Lock(LockLevel.CONFIG, "config")


@dataclass(frozen=True, slots=True)
class LockRequest:
    """What to lock at one level; no names means nothing.

    Attributes:
        at_least: None waits until all names are had. A number is an opportunistic request: it takes
            what is free of the names now, or nothing when that is less, and never waits.
    """

    names: frozenset[str] | Names
    mode: LockMode = LockMode.EXCLUSIVE
    at_least: int | None = None

    def __post_init__(self) -> None:
        if self.mode not in (LockMode.SHARED, LockMode.EXCLUSIVE):
            raise ProgrammerError(f"A lock cannot be requested in mode {self.mode.name}")
        if self.names is not ALL and LOCKSET in self.names:
            raise ProgrammerError(f"{LOCKSET} is requested by asking for all names")
        if self.at_least is not None and (self.names is ALL or self.at_least < 0):
            raise ProgrammerError("What is free is looked for among names, and counted from 0 on")

    def steps(self, level: LockLevel) -> tuple[tuple[Lock, LockMode], ...]:
        """Return the locks to take one after another, the level's lockset first."""
        lockset = Lock(level, LOCKSET)
        if isinstance(self.names, Names):
            return ((lockset, self.mode),)
        if not self.names:
            return ()
        named = ((Lock(level, name), self.mode) for name in sorted(self.names))
        return ((lockset, self.mode.intention), *named)
