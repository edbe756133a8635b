"""Faults planted into the core, to show that random lives find what they are there to find."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec
import pytest

from masterd.config import ports
from masterd.config.cluster import Cluster
from masterd.config.transaction import Draft
from masterd.lock.manager import LockManager
from masterd.lu.disks import creation
from masterd.wconf.reservations import Owner, Reservations, Thing

Plant = Callable[[pytest.MonkeyPatch], None]


def _mark_no_addresses(patch: pytest.MonkeyPatch) -> None:
    """The pools of networks do not follow NICs."""
    patch.setattr(Draft, "_settle_addresses", lambda _draft, _changes: False)


def _keep_ports(patch: pytest.MonkeyPatch) -> None:
    """Ports of what is removed are not given back."""
    patch.setattr(ports, "given_back", lambda cluster, _ports: cluster)


def _pass_ports_over(patch: pytest.MonkeyPatch) -> None:
    """Whoever takes a port does not care for those below it."""

    def taken(cluster: Cluster, used: Iterable[int]) -> Cluster:
        found = set(used)
        return msgspec.structs.replace(
            cluster,
            highest_used_port=max(cluster.highest_used_port, *found),
            tcpudp_port_pool=tuple(p for p in cluster.tcpudp_port_pool if p not in found),
        )

    patch.setattr(ports, "taken", taken)


def _ignore_others(patch: pytest.MonkeyPatch) -> None:
    """Minors that another job has put aside are drawn again."""
    is_free = Reservations._is_free

    def free(self: Reservations, thing: Thing, value: object) -> bool:
        return not self._is_configured(thing, value) if thing is Thing.MINOR else is_free(
            self, thing, value)  # fmt: skip

    patch.setattr(Reservations, "_is_free", free)


def _keep_reservations(patch: pytest.MonkeyPatch) -> None:
    """What a job has put aside stays so after its end, now and then."""
    release = Reservations.release

    def released(self: Reservations, owner: Owner) -> None:
        if isinstance(owner, tuple) and owner[0] % 3:
            release(self, owner)

    patch.setattr(Reservations, "release", released)


def _keep_locks(patch: pytest.MonkeyPatch) -> None:
    """Some jobs never give their locks back."""
    release = LockManager.release

    def released(self: LockManager, owner: Any, level: Any = None) -> None:
        if level is not None or owner % 3:
            release(self, owner, level)

    patch.setattr(LockManager, "release", released)


def _leave_disks(patch: pytest.MonkeyPatch) -> None:
    """What was made of an instance that fails stays on its nodes."""
    patch.setattr(creation, "undo", lambda _work, _instance, _made: None)


PLANTS: Final[Mapping[str, Plant]] = {
    "mark-no-addresses": _mark_no_addresses,
    "keep-ports": _keep_ports,
    "pass-ports-over": _pass_ports_over,
    "ignore-others": _ignore_others,
    "keep-reservations": _keep_reservations,
    "keep-locks": _keep_locks,
    "leave-disks": _leave_disks,
}
