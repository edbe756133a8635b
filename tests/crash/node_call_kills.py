"""Kill the daemon at every call that the work of opcodes makes to nodes, and mend what is left.

    python -m tests.crash.node_call_kills [--only NAME ...] [--minutes M] [--seed S]

The work is done once in peace, to see which calls it makes. Then it is done again for each of them,
with a node that does not answer: before it has carried the call out, or after. As soon as the
daemon waits there it is killed (SIGKILL) and started again. Then

* the job has ended in error, and says which call was in flight;
* nothing is locked, and the next jobs on the same instances and nodes run;
* OP_CLUSTER_VERIFY tells of all that nobody knows on the nodes, and of nothing else of the kind;
* what an administrator does about it works, and leaves nothing to complain about.

Several kills are one: each work has nodes of its own, and the daemon dies when all are waiting.
"""

import argparse
import random
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import gevent

from masterd.clock import SystemClock
from masterd.config.snapshot import ConfigSnapshot
from masterd.instance import disks
from masterd.luxi.client import Client
from masterd.rpc.calls import CALLS
from masterd.testing import node_devices, node_facts
from masterd.testing.cluster import SimulatedCluster
from masterd.testing.control import NodeControl
from masterd.testing.faults import Fault, FaultKind
from masterd.testing.node_devices import Devices
from masterd.wconf.repository import ConfigRepository
from store.store import Store
from tests import system
from tests.crash.killed_work import OPERATIONS, Left, Operation, OpInput, Place, op

#: Works at once, and nodes that each of them has for itself.
PLACES: Final = 4
NODES_EACH: Final = 3
#: Seconds until all works wait for a node.
HELD_S: Final = 60.0
#: Seconds between two looks whether they do.
_LOOK_S: Final = 0.05

#: Calls that belong to no opcode: copies of files, and votes.
_NOT_OF_OPCODES: Final = frozenset(
    {
        *("jobqueue_update", "jobqueue_rename", "jobqueue_set_drain_flag", "write_ssconf_files"),
        *("upload_file", "upload_file_single", "version", "master_node_name", "get_file_info"),
    }
)
_SETTINGS: Final = "vote_pause_s = 0.1\n"
_GROUP: Final = "xenvg"
#: The one volume that a simulated node has from the start.
_RESERVED: Final = ("xenvg/swap",)
_UNKNOWN_VOLUME: Final = re.compile(
    r"WARNING:ENODEORPHANLV:node:(\S+):has the unknown volume (\S+)"
)
_UNKNOWN_MINOR: Final = re.compile(r"ERROR:ENODEDRBD:node:(\S+):DRBD minor (\d+) is in use, and")
_LOST_VOLUME: Final = re.compile(
    r"ERROR:EINSTANCEMISSINGDISK:instance:\S+:its volume (\S+) is missing on node (\S+)"
)
#: Simulated nodes have not all files of a cluster.
_FILES: Final = "ECLUSTERFILECHECK"
_IN_FLIGHT: Final = re.compile(r"in flight, and perhaps half done: ([^;]*)")


@dataclass(frozen=True, slots=True)
class Moment:
    """When the daemon dies.

    Attributes:
        role: number of the node in its place; None for the master.
        turn: which call of the name at the node it is, from 1.
        done: whether the node has carried it out.
        before: the calls that the work had made before this one and that change nodes.
    """

    operation: str
    role: int | None
    call: str
    turn: int
    done: bool
    before: int

    def __str__(self) -> str:
        where = "the master" if self.role is None else f"node {self.role}"
        how = "after" if self.done else "before"
        return f"{self.operation}: {how} {self.call} {self.turn} on {where}"

    @property
    def changes(self) -> bool:
        """Whether the call changes a node."""
        return CALLS[self.call].changes

    def fault(self, place: Place) -> Fault:
        """Return what has the node not answer."""
        kind = FaultKind.WITHHOLD if self.done else FaultKind.HANG
        # Scripts on the master surround all works.
        about = place.instance if self.role is None else ""
        return Fault(kind, (self.call,), times=1, after=self.turn - 1, about=about)


class Lives:
    """A cluster whose daemon dies again and again."""

    def __init__(self, cluster: SimulatedCluster, control: NodeControl) -> None:
        self.cluster = cluster
        self.control = control
        self._daemon: system.Daemon | None = None
        master, *others = (node.name for node in cluster.nodes)
        self.master = master
        self.places = [
            Place(f"inst{number}.example.com", tuple(others[first : first + NODES_EACH]))
            for number, first in enumerate(range(0, len(others), NODES_EACH), start=1)
        ]

    # --- the daemon -----------------------------------------------------------------------------

    @property
    def daemon(self) -> system.Daemon:
        """The daemon, which is started if need be."""
        if self._daemon is None:
            self._daemon = system.start(self.cluster)
            self._daemon.wait_serving()
        return self._daemon

    def kill(self) -> ConfigSnapshot:
        """Kill the daemon; return the configuration that is left."""
        daemon, self._daemon = self.daemon, None
        daemon.kill()
        store = Store.open(daemon.paths.store_dir, read_only=True)
        try:
            return ConfigRepository(store, SystemClock()).load()
        finally:
            store.close()

    def stop(self) -> None:
        """End the daemon, if it runs."""
        if self._daemon is not None:
            self._daemon.stop()

    def run(self, jobs: Sequence[Sequence[OpInput]]) -> None:
        """Have jobs carried out at the same time, those that have opcodes; all of them succeed."""
        with self.daemon.client() as client:
            for job_id in _submitted(client, jobs):
                status = system.wait_for_end(client, job_id)
                assert status == "success", f"{status}: {_told(client, job_id)}"

    # --- nodes ----------------------------------------------------------------------------------

    def name(self, place: Place, role: int | None) -> str:
        """Return a node's name."""
        return self.master if role is None else place.nodes[role]

    def devices(self, node: str) -> Devices:
        """Return what a node has."""
        return Devices(self.cluster.base / node)

    def prepare(self) -> None:
        """Have nodes take no disk for granted, and the cluster use volumes and wipe them."""
        for node in self.cluster.nodes:
            node_devices.be_strict(self.cluster.root(node))
        templates = ["plain", "drbd", "diskless"]
        self.run(
            [
                [
                    op(
                        "OP_CLUSTER_SET_PARAMS",
                        vg_name=_GROUP,
                        drbd_helper="/bin/true",
                        enabled_disk_templates=templates,
                        ipolicy={"disk-templates": templates},
                        prealloc_wipe_disks=True,
                        reserved_lvs=list(_RESERVED),
                    )
                ]
            ]
        )

    # --- the calls of the work ------------------------------------------------------------------

    def moments(self, operation: Operation) -> list[Moment]:
        """Do the work once in peace; return each moment at which it can be cut off."""
        place = self.places[0]
        self.run([operation.before(place)])
        self.control.record(left_out=sorted(_NOT_OF_OPCODES))
        self.run([[operation.work(place)]])
        asked = [(each.node, each.call) for each in self.control.recorded()]
        self.run([[op("OP_INSTANCE_REMOVE", instance_name=place.instance)]])
        roles: dict[str, int | None] = {name: role for role, name in enumerate(place.nodes)}
        roles[self.master] = None
        turns: Counter[tuple[str, str]] = Counter()
        found, changes = [], 0
        for index, (node, call) in enumerate(asked):
            turns[node, call] += 1
            # Of calls that are the same and follow each other, the first and the last one do.
            if not asked[index] == _at(asked, index - 1) == _at(asked, index + 1):
                at = (operation.name, roles[node], call, turns[node, call])
                found += [Moment(*at, done, changes) for done in (False, CALLS[call].changes)]
            changes += CALLS[call].changes
        return list(dict.fromkeys(found))

    # --- one life -------------------------------------------------------------------------------

    def die_at(self, moments: Sequence[Moment]) -> None:
        """Have the daemon die when each work has come to its moment, and mend what is left."""
        works = [
            Work(moment, OPERATIONS[moment.operation], place)
            for moment, place in zip(moments, self.places, strict=False)
        ]
        self.run([each.operation.before(each.place) for each in works])
        self._set_faults(works)
        with self.daemon.client() as client:
            jobs = _submitted(client, [[each.operation.work(each.place)] for each in works])
            self._wait_held(client, jobs, moments)
        config = self.kill()
        self.control.clear()
        left = Left(config, self._running())
        with self.daemon.client() as client:
            for work, job_id in zip(works, jobs, strict=True):
                self._examine_end(client, work, job_id)
            assert _locks(client) == []
        self._mend(works, left)

    def _running(self) -> dict[str, Collection[str]]:
        """Return the names of the instances that run on each node."""
        return {
            node.name: list(node_facts.all_instances(self.cluster.root(node)))
            for node in self.cluster.nodes
        }

    def _mend(self, works: Sequence["Work"], left: Left) -> None:
        """Do what an administrator does; look before and after it at what is told."""
        places = [each.place for each in works]
        told = self._verified(places)
        self._examine_told(left.config, places, told)
        may_stay = {
            node for each in works if each.operation.volumes_stay for node in each.place.nodes
        }
        stay = {each for each in told.unknown if each[0] in may_stay and "/drbd" not in each[1]}
        self._clear_up(told.unknown - stay)
        self.run([each.operation.mended(each.place, left) for each in works])
        self._clear_up(stay)
        complaints = self._verified(places).lines
        assert complaints == [], complaints
        self._remove_all(places)

    def _set_faults(self, works: Sequence["Work"]) -> None:
        by_node: defaultdict[str, list[Fault]] = defaultdict(list)
        for each in works:
            by_node[self.name(each.place, each.moment.role)].append(each.moment.fault(each.place))
        for node, faults in by_node.items():
            self.control.set(node, *faults)

    def _wait_held(self, client: Client, jobs: Sequence[int], moments: Sequence[Moment]) -> None:
        """Wait until all works have come to a call that is not answered."""
        with gevent.Timeout(HELD_S):
            while sum(map(len, self.control.held().values())) < len(jobs):
                for moment, job_id in zip(moments, jobs, strict=True):
                    (status,) = _fields(client, job_id, "status")
                    assert status not in system.FINAL, f"{moment}: {_told(client, job_id)}"
                gevent.sleep(_LOOK_S)

    # --- what is told afterwards ----------------------------------------------------------------

    def _examine_end(self, client: Client, work: "Work", job_id: int) -> None:
        """The job failed and names the call that was in flight, where that changes a node."""
        moment = work.moment
        status, (result,) = _fields(client, job_id, "status", "opresult")
        assert status == "error", f"{moment}: {status}"
        kind, (text,) = result
        assert kind == "OpExecError" and text.startswith("Unclean master daemon shutdown"), text
        flying = " and ".join(_IN_FLIGHT.findall(text))
        if moment.changes:
            node = self.name(work.place, moment.role)
            assert re.search(rf"\b{moment.call} on [^;]*\b{re.escape(node)}", flying), text
        else:
            assert moment.call not in text, text
            assert ("calls to nodes" in text) == (moment.before > 0), text

    def _verified(self, places: Collection[Place]) -> "Told":
        """Verify the cluster; return what was told of the nodes and instances of some places."""
        with self.daemon.client() as client:
            (job_id,) = _submitted(client, [[op("OP_CLUSTER_VERIFY", error_codes=True)]])
            assert system.wait_for_end(client, job_id) == "success"
            ((result,),) = _fields(client, job_id, "opresult")
            lines = []
            for _, child in result["jobs"]:
                assert system.wait_for_end(client, child) == "success"
                ((log,),) = _fields(client, child, "oplog")
                lines += [str(text) for _, _, _, text in log]
        names = {name for place in places for name in (place.instance, *place.nodes)}
        lines = [line for line in lines if line.startswith("  - ") and _FILES not in line]
        return Told([line for line in lines if names & _names(line)])

    def _examine_told(self, left: ConfigSnapshot, places: Sequence[Place], told: "Told") -> None:
        """What nodes have and nobody knows was told, and what is known and nodes lack."""
        wanted = _known(left)
        unknown, lost = set(), set()
        for node in (name for place in places for name in place.nodes):
            devices = self.devices(node)
            has = {f"/dev/{group}/{name}" for group, name in devices.volumes()}
            minors = {f"/dev/drbd{minor}" for minor in devices.minors()}
            unknown |= {(node, path) for path in (has | minors) - wanted[node]}
            lost |= {(node, path) for path in wanted[node] - has if "/drbd" not in path}
        assert told.unknown == unknown, told.lines
        assert told.lost == lost, told.lines

    # --- mending --------------------------------------------------------------------------------

    def _clear_up(self, those: Collection[tuple[str, str]]) -> None:
        """Remove devices from nodes by hand."""
        for node, path in sorted(those):
            node_devices.clear_up(self.cluster.base / node, [path])

    def _remove_all(self, places: Sequence[Place]) -> None:
        """Remove what instances there are; nothing of them is left on nodes."""
        with self.daemon.client() as client:
            there: Any = client.call("QueryInstances", [], ["name"], False)
        names = {name for (name,) in there}
        self.run([[op("OP_INSTANCE_REMOVE", instance_name=place.instance)]
                  for place in places if place.instance in names])  # fmt: skip
        for node in (name for place in places for name in place.nodes):
            devices = self.devices(node)
            assert not devices.volumes() and not devices.minors(), node


@dataclass(frozen=True, slots=True)
class Work:
    """An operation that is cut off."""

    moment: Moment
    operation: Operation
    place: Place


@dataclass(frozen=True, slots=True)
class Told:
    """Lines of a verification about some nodes and instances."""

    lines: list[str]

    @property
    def unknown(self) -> set[tuple[str, str]]:
        """Nodes and paths of devices that nobody knows."""
        text = "\n".join(self.lines)
        volumes = {(node, f"/dev/{name}") for node, name in _UNKNOWN_VOLUME.findall(text)}
        minors = {(node, f"/dev/drbd{minor}") for node, minor in _UNKNOWN_MINOR.findall(text)}
        return volumes | minors

    @property
    def lost(self) -> set[tuple[str, str]]:
        """Nodes and paths of devices that should be there."""
        found = _LOST_VOLUME.findall("\n".join(self.lines))
        return {(node, f"/dev/{name}") for name, node in found}


def _names(line: str) -> set[str]:
    """Return what may be names of nodes and instances in a line."""
    return set(re.split(r"[:,\s]+", line))


def _at(asked: Sequence[tuple[str, str]], index: int) -> tuple[str, str] | None:
    """Return what was asked at some time; None before the first and after the last."""
    return asked[index] if 0 <= index < len(asked) else None


def _known(config: ConfigSnapshot) -> Mapping[str, set[str]]:
    """Return the devices that each node should have, by its name."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for instance in config.instances.values():
        for uuid, volume in disks.volumes(config, instance):
            found[config.nodes[uuid].name].add(f"/dev/{volume}")
        for disk in disks.of(config, instance):
            if disk.dev_type == "drbd" and disk.logical_id is not None:
                first, second, _, first_minor, second_minor, _ = disk.logical_id
                found[config.nodes[str(first)].name].add(f"/dev/drbd{first_minor}")
                found[config.nodes[str(second)].name].add(f"/dev/drbd{second_minor}")
    return found


def _submitted(client: Client, jobs: Sequence[Sequence[OpInput]]) -> list[int]:
    answers: Any = client.call("SubmitManyJobs", [list(ops) for ops in jobs if ops])
    assert all(accepted for accepted, _ in answers), answers
    return [job_id for _, job_id in answers]


def _fields(client: Client, job_id: int, *names: str) -> list[Any]:
    """Return what is told of a job."""
    rows: Any = client.call("QueryJobs", [job_id], list(names))
    fields: list[Any] = rows[0]
    return fields


def _told(client: Client, job_id: int) -> str:
    return str(_fields(client, job_id, "ops", "opresult", "oplog"))


def _locks(client: Client) -> list[object]:
    """Return the locks that somebody holds or waits for."""
    answer: Any = client.call("Query", "lock", ["name", "owner", "pending"], None)
    rows = [[value for _, value in row] for row in answer["data"]]
    return [row for row in rows if row[1] or row[2]]


@contextmanager
def lives() -> Iterator[Lives]:
    """Give a cluster that is prepared."""
    count = 1 + PLACES * NODES_EACH
    with system.simulated_cluster(nodes=count, candidates=1, settings=_SETTINGS) as (
        cluster,
        control,
    ):
        made = Lives(cluster, control)
        try:
            made.prepare()
            yield made
        finally:
            made.stop()


def run(names: Sequence[str], *, seconds: float | None, chance: random.Random) -> str:
    """Die at all moments of the work that is named, in an order that is drawn, until time is over.

    Returns:
        What to tell of it.

    Raises:
        AssertionError: something was left that cannot be told or mended.
    """
    until_s = None if seconds is None else time.monotonic() + seconds
    with lives() as those:
        moments = [each for name in names for each in those.moments(OPERATIONS[name])]
        chance.shuffle(moments)
        played: Counter[str] = Counter()
        for first in range(0, len(moments), PLACES):
            if until_s is not None and time.monotonic() >= until_s:
                break
            now = moments[first : first + PLACES]
            try:
                those.die_at(now)
            except BaseException:
                print("The daemon had died", *now, sep="\n  ", file=sys.stderr)
                raise
            played.update(moment.operation for moment in now)
    detail = ", ".join(f"{name} {count}" for name, count in sorted(played.items()))
    return f"killed at {played.total()} of {len(moments)} calls to nodes ({detail})"


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--only", nargs="+", choices=sorted(OPERATIONS), default=sorted(OPERATIONS))
    parser.add_argument("--minutes", type=float, default=None, help="go on for so long at most")
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(2**32)
    print(f"seed {seed}", flush=True)
    seconds = None if options.minutes is None else options.minutes * 60
    print(run(options.only, seconds=seconds, chance=random.Random(seed)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
