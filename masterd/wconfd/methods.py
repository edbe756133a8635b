"""Every call of the configuration daemon's socket, with its arguments and who answers it.

Source: luxi.json, wconfd.methods.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from masterd.config.kinds import CLUSTER, DISK, GROUP, INSTANCE, NETWORK, NODE, Kind
from masterd.errors import GenericError
from masterd.job.model import Holder
from masterd.lock.levels import BGL, Lock, LockLevel, LockMode
from masterd.lock.outsiders import OutsideLocks
from masterd.lock.owners import Outsider
from masterd.wconfd import answers, arguments
from masterd.wconfd.arguments import Reader, listed, optional
from masterd.wconfd.instances import ADMIN_STATE_SOURCES, ADMIN_STATES, Instances
from masterd.wconfd.locking import Locking
from masterd.wconfd.objects import Objects
from masterd.wconfd.setting_aside import SettingAside

_OWNER: Final = arguments.owner
_TEXT: Final = arguments.text
_UUID: Final = arguments.uuid
_TRUTH: Final = arguments.truth
_WHOLE: Final = arguments.whole
_DOCUMENT: Final = arguments.document
_CHANGES: Final = listed(arguments.change)
_WANTED: Final = listed(arguments.wanted)
_INDEX: Final = optional(_WHOLE)

_BGL_LOCK: Final = Lock(LockLevel.CLUSTER, BGL)


@dataclass(frozen=True, slots=True)
class Method:
    """A call: how its arguments are read, in order, and what answers it.

    Attributes:
        gives: whether it returns anything; what does not is answered with an empty list.
    """

    arguments: tuple[Reader[Any], ...]
    answer: Callable[..., object]
    gives: bool = True


def _does(arguments: tuple[Reader[Any], ...], work: Callable[..., object]) -> Method:
    """Return a call that returns nothing."""
    return Method(arguments, work, gives=False)


class Methods:
    """All calls."""

    def __init__(
        self,
        locks: OutsideLocks,
        objects: Objects,
        aside: SettingAside,
        instances: Instances,
        holder: Holder,
        clean: Callable[[], object],
    ) -> None:
        """Prepare; `clean` lets go of what dead programs own. Switches."""
        self._locks = locks
        self._daemon = Outsider("ganeti-masterd", holder.livelock, holder.process_id)
        self._objects = objects
        locking = Locking(locks, holder)
        self._methods: Mapping[str, Method] = {
            **_lock_methods(locking),
            **self._config_methods(),
            **_reservation_methods(aside),
            **_instance_methods(instances),
            "cleanupLocks": _does((), clean),
            "prepareClusterDestruction": _does((_OWNER,), self._prepare_destruction),
        }

    @property
    def names(self) -> frozenset[str]:
        """The calls that are answered."""
        return frozenset(self._methods) | {answers.ECHO}

    def call(self, name: str, given: object) -> object:
        """Answer a call. Switches.

        Raises:
            GenericError: there is no such call, or an argument has no meaning.
            GanetiError: what the call refuses.
        """
        if name == answers.ECHO:
            return answers.echo(given)
        method = self._methods.get(name)
        if method is None:
            raise answers.unknown(name)
        result = method.answer(*arguments.unpack(given, method.arguments))
        return result if method.gives else []

    def _config_methods(self) -> dict[str, Method]:
        objects = self._objects

        def replacing(kind: Kind[Any]) -> Method:
            return Method((_DOCUMENT,), lambda given: objects.replace(kind, given))

        return {
            "flushConfig": _does((), objects.flush),
            "flushConfigGroup": _does((_TEXT,), lambda _group: objects.flush()),
            "lockConfig": Method((_OWNER, _TRUTH), objects.lock),
            "readConfig": Method((), objects.read),
            "unlockConfig": _does((_OWNER,), objects.unlock),
            "updateCluster": replacing(CLUSTER),
            "updateDisk": replacing(DISK),
            "updateInstance": replacing(INSTANCE),
            "updateNetwork": replacing(NETWORK),
            "updateNode": replacing(NODE),
            "updateNodeGroup": replacing(GROUP),
            "verifyConfig": _does((), objects.verify),
            "writeConfig": _does((_OWNER, _DOCUMENT), objects.write),
            "writeConfigAndUnlock": Method((_OWNER, _DOCUMENT), objects.write_and_unlock),
        }

    def _prepare_destruction(self, owner: Outsider) -> None:
        """Take the big lock over from its owner, for good: the cluster is going to end.

        The reference also takes the master out of its configuration; ours stays as it is, and
        answers questions until the daemon is stopped.

        Raises:
            GenericError: the owner does not hold the big lock exclusively.
        """
        if self._locks.held(owner).get(_BGL_LOCK) is not LockMode.EXCLUSIVE:
            raise GenericError("Cluster destruction requested without owning BGL exclusively")
        self._locks.release(owner)
        self._locks.change(self._daemon, {_BGL_LOCK: LockMode.EXCLUSIVE})


def _lock_methods(locking: Locking) -> dict[str, Method]:
    return {
        "downGradeLocksLevel": _does((_OWNER, arguments.level), locking.downgrade),
        "freeLocks": _does((_OWNER,), locking.free),
        "freeLocksLevel": _does((_OWNER, arguments.level), locking.free_level),
        "guardedOpportunisticLockUnion": Method(
            (_WHOLE, _OWNER, _WANTED),
            lambda at_least, owner, wanted: locking.take_any(owner, wanted, at_least),
        ),
        "hasPendingRequest": Method((_OWNER,), locking.has_pending),
        "intersectLocks": _does((_OWNER, listed(arguments.lock)), locking.intersect),
        "listAllLocks": Method((), locking.names),
        "listAllLocksOwners": Method((), locking.owners),
        "listLocks": Method((_OWNER,), locking.held),
        "listLocksWaitingStatus": Method((), locking.waiting),
        "opportunisticLockUnion": Method((_OWNER, _WANTED), locking.take_any),
        "tryUpdateLocks": Method((_OWNER, _CHANGES), locking.try_update),
        "updateLocksWaiting": Method(
            (_OWNER, arguments.priority, _CHANGES), locking.update_waiting
        ),
    }


def _reservation_methods(aside: SettingAside) -> dict[str, Method]:
    return {
        "allocateDRBDMinor": Method((_UUID, listed(_UUID)), aside.new_minors),
        "commitReleaseTemporaryIp": _does((_UUID, arguments.address), aside.commit_release),
        "commitTemporaryIps": _does((_OWNER,), aside.commit),
        "computeDRBDMap": Method((), aside.minors),
        "dropAllReservations": _does((_OWNER,), aside.drop),
        "generateDRBDSecret": Method((_OWNER,), aside.new_secret),
        "generateIp": Method((_OWNER, _UUID), aside.new_ip),
        "generateMAC": Method((_OWNER, optional(_UUID)), aside.new_mac),
        "listReservedIps": Method((_OWNER,), aside.listed),
        "releaseDRBDMinors": _does((_UUID,), aside.release_minors),
        "releaseIp": _does((_OWNER, _UUID, arguments.address), aside.release_ip),
        "reserveIp": _does((_OWNER, _UUID, arguments.address, _TRUTH), aside.reserve_ip),
        "reserveLV": _does((_OWNER, arguments.volume), aside.reserve_volume),
        "reserveMAC": _does((_OWNER, _UUID), aside.reserve_mac),
    }


def _instance_methods(instances: Instances) -> dict[str, Method]:
    state = optional(arguments.word(ADMIN_STATES, "AdminState"))
    source = optional(arguments.word(ADMIN_STATE_SOURCES, "AdminStateSource"))
    return {
        "addInstance": Method((_DOCUMENT, _OWNER, _TRUTH), instances.add),
        "addInstanceDisk": Method((_UUID, _DOCUMENT, _INDEX, _TRUTH), instances.add_disk),
        "addTcpUdpPort": Method((_WHOLE,), instances.add_port),
        "allocatePort": Method((), instances.new_port),
        "attachInstanceDisk": Method((_UUID, _UUID, _INDEX), instances.attach_disk),
        "detachInstanceDisk": Method((_UUID, _UUID), instances.detach_disk),
        "removeInstance": Method((_UUID,), instances.remove),
        "removeInstanceDisk": Method((_UUID, _UUID), instances.remove_disk),
        "setInstancePrimaryNode": Method((_UUID, _UUID), instances.set_primary_node),
        "setInstanceStatus": Method((_UUID, state, optional(_TRUTH), source), instances.set_status),
    }
