"""The calls that read, replace and write the configuration, whole or object by object.

While another program has the configuration locked, nothing is changed, and the answer is empty
(null or false), which tells the caller to try again.

Source: luxi.json, wconfd.methods; answers of a running wconfd 3.0.2 (texts, serial numbers).
"""

from collections.abc import Callable
from typing import TypeVar, cast

import msgspec

from masterd.config import document, verify
from masterd.config.cluster import Cluster
from masterd.config.kinds import CLUSTER, KINDS, Configured, Kind
from masterd.config.render import render
from masterd.config.snapshot import ConfigSnapshot
from masterd.config.transaction import Draft
from masterd.errors import ConfigurationError, GenericError
from masterd.lock.levels import CONFIG_LOCK, LockMode
from masterd.lock.outsiders import OutsideLocks
from masterd.lock.owners import Outsider, described
from masterd.wconf.gate import Config, GatedConfig
from masterd.wconfd.arguments import refused

R = TypeVar("R")

#: Does work on a native thread and returns what came of it. Switches.
InThread = Callable[[Callable[[], bytes]], bytes]

#: Serial number and time of an object that was replaced.
Numbered = tuple[int, float]


class Objects:
    """Answers the calls about the configuration as a whole and its objects."""

    def __init__(
        self, config: Config, jobs: GatedConfig, locks: OutsideLocks, in_thread: InThread
    ) -> None:
        """Prepare.

        Args:
            config: the configuration, changes of which are told once they are shown.
            jobs: the same as jobs change it.
        """
        self._config = config
        self._jobs = jobs
        self._locks = locks
        self._in_thread = in_thread
        #: Serial number that the configuration had when its lock was given to somebody, or that he
        #: made of it since.
        self._seen: dict[Outsider, int] = {}

    # --- the whole ----------------------------------------------------------------------------

    def read(self) -> msgspec.Raw:
        """Return the configuration, as in `config.data`. Switches."""
        return self._rendered(self._config.snapshot())

    def lock(self, owner: Outsider, shared: bool) -> msgspec.Raw | None:
        """Lock the configuration and return it; None if it cannot be had now. Switches."""
        mode = LockMode.SHARED if shared else LockMode.EXCLUSIVE
        if self._jobs.under_way and CONFIG_LOCK not in self._locks.held(owner):
            return None
        if self._locks.change(owner, {CONFIG_LOCK: mode}):
            return None
        config = self._config.snapshot()
        self._seen[owner] = config.serial_no
        return self._rendered(config)

    def unlock(self, owner: Outsider) -> None:
        """Give the lock back; it is no error not to have it."""
        self._seen.pop(owner, None)
        self._locks.change(owner, {CONFIG_LOCK: None})

    def write(self, owner: Outsider, config: object) -> None:
        """Put a whole configuration in the place of the one that the owner has locked. Switches.

        Raises:
            GenericError: it is not locked exclusively by the owner, or this is no configuration.
            ConfigurationError: it was changed since the owner locked it, or must not become so.
        """
        if not self._owns(owner):
            raise GenericError("Requested lock OwnExclusive on the configuration missing")
        try:
            wanted = document.split(config)
        except document.DocumentError as error:
            raise refused(error.problems[0]) from error
        seen = self._seen.get(owner, self._config.snapshot().serial_no)
        self._config.update(lambda draft: _replace_all(draft, wanted, seen))
        self._seen[owner] = self._config.snapshot().serial_no

    def write_and_unlock(self, owner: Outsider, config: object) -> bool:
        """Likewise, then give the lock back; False where the owner does not have it. Switches."""
        if not self._owns(owner):
            return False
        self.write(owner, config)
        self.unlock(owner)
        return True

    def forget(self, owner: Outsider) -> None:
        """Drop what is known of an owner that is gone."""
        self._seen.pop(owner, None)

    def verify(self) -> None:
        """Return if the configuration is sound.

        Raises:
            ConfigurationError: it is not; says why.
        """
        problems = verify.broken(self._config.snapshot())
        if problems:
            raise ConfigurationError(f"Configuration is not consistent: {'; '.join(problems)}")

    def flush(self) -> None:
        """Return when files and nodes show the newest configuration, or after a while. Switches."""
        self._config.settle()

    # --- objects ------------------------------------------------------------------------------

    def replace(self, kind: Kind[Configured], given: object) -> Numbered | None:
        """Put an object in the place of the one of its uuid. Switches.

        Returns its new serial number and time, or None while the configuration is locked. An object
        that was put there by the call before, and is sent again, is left as it is.

        Raises:
            GenericError: this is no such object.
            ConfigurationError: there is none of its uuid, or it was changed since it was read.
        """
        value = read_object(kind, given)
        if self.is_locked():
            return None
        self._config.update(lambda draft: _replace(draft, kind, value))
        now = self._config.snapshot().get(kind, value.uuid)
        assert now is not None, "what was just put there is there"
        return numbered(now)

    def change(self, change: Callable[[Draft], R]) -> tuple[R] | None:
        """Carry out a change; return what came of it, or None while it is locked. Switches."""
        if self.is_locked():
            return None
        return (self._config.update(change),)

    def snapshot(self) -> ConfigSnapshot:
        """Return the newest configuration."""
        return self._config.snapshot()

    def is_locked(self) -> bool:
        """Tell whether a program has the configuration locked."""
        return locked_by(self._locks) is not None

    # --- inside -------------------------------------------------------------------------------

    def _owns(self, owner: Outsider) -> bool:
        return self._locks.held(owner).get(CONFIG_LOCK) is LockMode.EXCLUSIVE

    def _rendered(self, config: ConfigSnapshot) -> msgspec.Raw:
        return msgspec.Raw(self._in_thread(lambda: render(config)))


def locked_by(locks: OutsideLocks) -> str | None:
    """Tell, in words, who has the configuration locked, if anybody has."""
    for owner in locks.owners():
        if CONFIG_LOCK in locks.held(owner):
            return described(owner)
    return None


def read_object(kind: Kind[Configured], given: object) -> Configured:
    """Return the object that a document makes.

    Raises:
        GenericError: it makes none.
    """
    try:
        return kind.read(given, kind.name)
    except ConfigurationError as error:
        raise refused(error.message) from error


def numbered(value: Configured) -> Numbered:
    """Return an object's serial number and time."""
    found = cast(Cluster, value)  # every kind that is asked for has both
    return found.serial_no, found.mtime


def _replace(draft: Draft, kind: Kind[Configured], value: Configured) -> None:
    present = draft.get(kind, value.uuid) if kind is not CLUSTER else draft.cluster
    if present is None or present.uuid != value.uuid:
        raise ConfigurationError("Configuraton object unknown")
    (has, _), (said, _) = numbered(present), numbered(value)
    if has == said + 1 and _same(present, value):
        return
    if has != said:
        raise ConfigurationError(
            f"Configuration object updated since it has been read: {has} != {said}"
        )
    if present == value:
        draft.touch(kind, value.uuid)
    else:
        draft.put(value)


def _replace_all(draft: Draft, wanted: ConfigSnapshot, seen: int) -> None:
    """Make the configuration say what another says; numbers are given by the draft."""
    if draft.serial_no != seen:
        raise ConfigurationError(
            f"Configuration updated since it has been locked: {draft.serial_no} != {seen}"
        )
    for kind in KINDS:
        there = wanted.objects(kind)
        for value in list(draft.every(kind)):
            if value.uuid not in there:
                draft.remove(kind, value.uuid)
    for kind in (CLUSTER, *KINDS):
        values = [wanted.cluster] if kind is CLUSTER else wanted.objects(kind).values()
        for value in values:
            present = draft.cluster if kind is CLUSTER else draft.get(kind, value.uuid)
            if present is None:
                draft.put(value)
            elif not _same(present, value):
                draft.put(as_old_as(present, value))


def _same(one: Configured, other: Configured) -> bool:
    """Tell whether two objects differ in nothing but their serial number and time."""
    return type(one) is type(other) and as_old_as(one, other) == one


def as_old_as(one: Configured, other: Configured) -> Configured:
    """Return the other object with the serial number and time of the one."""
    if not hasattr(one, "serial_no"):
        return other
    serial_no, mtime = numbered(one)
    return msgspec.structs.replace(other, serial_no=serial_no, mtime=mtime)
