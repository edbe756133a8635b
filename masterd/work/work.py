"""The world of one run of one opcode, every part bound to its owner already."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from masterd.clock import Clock
from masterd.config.network import Network
from masterd.config.snapshot import ConfigSnapshot
from masterd.dialect import Dialect
from masterd.lock.levels import LOCKSET, LockLevel, LockRequest
from masterd.lock.manager import LockManager
from masterd.node.probe import Probe
from masterd.node.target import Nodes
from masterd.opcodes.base import OpCode
from masterd.paths import Paths
from masterd.wconf.reservations import Owner as Reserver
from masterd.wconf.reservations import Reservations, Thing
from masterd.work.context import InThread, Queries, RecordedConfig
from masterd.work.feedback import Feedback
from masterd.work.hooks import LastScripts

#: Submits jobs on behalf of the opcode; tells for each whether it was taken, and its id or why not.
#: Switches.
Submit = Callable[[Sequence[Sequence[OpCode]]], Sequence[tuple[bool, int | str]]]


class HeldLocks:
    """The locks of one run. Nothing here waits; what is given back cannot be had again."""

    def __init__(
        self, locks: LockManager, owner: int, config: Callable[[], ConfigSnapshot]
    ) -> None:
        self._locks = locks
        self._owner = owner
        self._config = config
        #: Whether the locks stay as they are when the run ends, until the daemon does.
        self.kept_for_good = False

    def names(self, level: LockLevel) -> frozenset[str]:
        """Return the names locked at a level; all there are now, where the whole level is."""
        held = self._locks.held(self._owner)
        names = frozenset(lock.name for lock in held if lock.level is level)
        return names_of(level, self._config()) if LOCKSET in names else names

    def add(self, level: LockLevel, name: str) -> None:
        """Lock the name of something that does not exist yet, above all levels that are held.

        It never waits: nobody else can know the name.
        """
        self._locks.take_free(self._owner, level, LockRequest(frozenset({name}), at_least=1))

    def keep(self, level: LockLevel, names: Iterable[str]) -> None:
        """Give back the locks of a level except those on `names`."""
        self._locks.keep(self._owner, level, frozenset(names))

    def downgrade(self, level: LockLevel) -> None:
        """Go on with shared locks at a level."""
        self._locks.downgrade(self._owner, level)

    def release(self, level: LockLevel) -> None:
        """Give back all locks of a level."""
        self._locks.release(self._owner, level)

    def keep_for_good(self) -> None:
        """Let nobody have what is held now, as long as this daemon runs."""
        self.kept_for_good = True


def names_of(level: LockLevel, config: ConfigSnapshot) -> frozenset[str]:
    """Return the names of all locks of a level, for the objects of a configuration."""
    match level:
        case LockLevel.INSTANCE:
            return frozenset(each.name for each in config.instances.values() if each.name)
        case LockLevel.NODEGROUP:
            return frozenset(config.nodegroups)
        case LockLevel.NODE | LockLevel.NODE_RES:
            return frozenset(config.nodes)
        case LockLevel.NETWORK:
            return frozenset(config.networks)
    return frozenset()


class Reserving:
    """Puts things aside for one run, until it ends; see `Reservations` for what each may raise."""

    def __init__(self, reservations: Reservations, owner: Reserver) -> None:
        self._reservations = reservations
        self._owner = owner

    def thing(self, thing: Thing, value: object) -> None:
        """Put one thing aside."""
        self._reservations.reserve(self._owner, thing, value)

    def ip(self, network: Network, address: str, *, outside: bool = True) -> None:
        """Put one address of a network aside, of those free of others than NICs too."""
        self._reservations.reserve_ip(self._owner, network, address, outside=outside)

    def new_mac(self, prefix: str | None = None) -> str:
        """Return a free MAC address with the prefix of a network, or the cluster's."""
        return self._reservations.new_mac(self._owner, prefix)

    def new_ip(self, network: Network) -> str:
        """Return the lowest free address of a network."""
        return self._reservations.new_ip(self._owner, network)

    def new_minors(self, node_uuids: Iterable[str]) -> list[int]:
        """Return a free DRBD minor for each node."""
        return self._reservations.new_minors(self._owner, node_uuids)

    def new_port(self) -> int:
        """Return a free TCP port."""
        return self._reservations.new_port(self._owner)

    def new_secret(self) -> str:
        """Return a secret for a DRBD disk that no other disk has."""
        return self._reservations.new_secret(self._owner)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a logical unit may touch. No unit sees the id of its job.

    Attributes:
        config: the configuration; each change is recorded in the job by itself.
        locks: what this run holds.
        reserve: puts things aside until the run ends.
        say: the job's log.
        submit: submits jobs at once; units whose result are jobs return `WithJobs` instead.
        dialect: the release of Ganeti that is spoken.
        probe: looks names up, and tells whether a host is there.
        scripts: has a node that leaves run the scripts that follow the work.
        new_uuid: makes the uuid of a new object.
        sleep: waits for so many seconds; switches, and ends early only when the greenlet is killed.
        drained: tells whether the queue takes no new jobs.
        watcher_pause: tells until when the watcher pauses, in seconds since the epoch.
        in_thread: does pure work that takes long on a native thread, so that clients are served
            meanwhile; switches.
    """

    config: RecordedConfig
    rpc: Nodes
    locks: HeldLocks
    reserve: Reserving
    say: Feedback
    submit: Submit
    queries: Queries
    dialect: Dialect
    clock: Clock
    paths: Paths
    new_uuid: Callable[[], str]
    sleep: Callable[[float], None]
    drained: Callable[[], bool]
    watcher_pause: Callable[[], int | None]
    in_thread: InThread
    probe: Probe
    scripts: LastScripts
