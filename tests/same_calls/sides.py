"""The reference and ours, each with simulated nodes of its own that record.

Both clusters have the same names, uuids and certificates; they differ in the network of their
addresses and in their directories, which a transcript shows as `NET` and `ROOT`. Another pair has
certificates of its own; a digest of one is shown as `DIGEST` with the node's name.
"""

import contextlib
import json
import random
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from masterd.config import document
from masterd.testing import certificates
from masterd.testing import cluster as clusters
from masterd.testing.cluster import SimulatedCluster
from masterd.testing.control import NodeControl
from masterd.testing.faults import Fault
from masterd.testing.node_calls import UPLOADS
from masterd.testing.script import Asked
from tests import system
from tests.interop import live, luxid, luxid_support
from tests.interop.debian import LIBRARY
from tests.interop.luxid_support import Luxid, LuxidError
from tests.same_calls import job_process
from tests.same_calls.case import NODES, Case, standard
from tests.same_calls.copies import Copies
from tests.sample_config import Document

#: The name of a host that is not there, and its address, at which nobody can answer.
FREE: Final = "free.example.com"
NOBODY: Final = "127.255.255.255"

#: Seconds of one wait for news of a job, and how many there may be: one that hangs fails its case.
NEWS_S: Final = 20
NEWS_MAX: Final = 400

#: Times that wconfd is asked for the lock of the configuration, which a job may hold as it ends.
LOCK_TRIES: Final = 100
LOCK_PAUSE_S: Final = 0.05

#: Calls that belong to no opcode: copies of queue and configuration, which come when they come, and
#: the votes. What nodes hold of the configuration in the end is compared, see `copies`.
BACKGROUND: Final = (
    "jobqueue_update", "jobqueue_rename", "jobqueue_set_drain_flag", "upload_file_single",
    "write_ssconf_files", "master_node_name",
)  # fmt: skip

FINAL: Final = system.FINAL

#: Of the files that all nodes have, the one that each case brings.
CONFIG: Final = "var/lib/ganeti/config.data"

_SOCKETS: Final = "var/run/ganeti/socket"

#: What luxid starts for each job.
JOB_PROGRAM: Final = LIBRARY / "ganeti/jqueue/exec.py"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one side did.

    Attributes:
        job: status, and by opcode status, result and log (kind and text) of the job; or with which
            error it was refused.
        submitted: the opcodes of the jobs that the job submitted, as the queue keeps them.
        asked: the calls of the nodes, in order of arrival.
        config: the configuration afterwards; its serial number is the difference to before, its
            time whether that has changed.
        copies: what the nodes hold of it in the end; see `copies`.
    """

    job: Document
    submitted: list[Any]
    asked: list[Asked]
    config: Document
    copies: Document


class Side:
    """A master with its nodes.

    Args:
        read: returns the configuration as the master has it.
        put: puts a document in the configuration's place.
    """

    def __init__(
        self,
        cluster: SimulatedCluster,
        control: NodeControl,
        read: Callable[[], Document],
        put: Callable[[Document], None],
    ) -> None:
        self.cluster = cluster
        self._control = control
        self._read = read
        self._put = put
        self._copies = Copies(cluster, _content)
        self._files = {
            path: path.read_bytes() if path.exists() else None
            for node in cluster.nodes
            for path in (cluster.root(node) / name for name in UPLOADS - {CONFIG})
        }
        self._digests = {
            certificates.read_digest(cluster.data(node) / "client.pem"): f"DIGEST {node.name}"
            for node in cluster.nodes
        }

    def carry_out(self, case: Case, fault: "FaultAt | None") -> Outcome:
        """Carry a case's job out on its configuration; return what happened."""
        return self._run(case, fault, None)

    def _run(
        self, case: Case, fault: "FaultAt | None", instead: tuple[str, list[Any]] | None
    ) -> Outcome:
        """Return what happened; `instead` is asked in the place of the job."""
        self._control.clear()
        self._control.forget()
        self._put_back()
        before = self._lay(case.document())
        self._remove_copies(before)
        held = self._copies.held()
        if fault is not None:
            self._control.set(fault.node, fault.fault)
        self._control.record(case.scripted(), left_out=BACKGROUND)
        job = self._job(case.ops) if instead is None else self._answer(*instead)
        asked = [each for each in self._control.recorded() if not _is_survey(each)]
        self._control.clear()
        submitted = [self._submitted(each) for each in _jobs_of(job)]
        after = self._read()
        copies = self._copies.told(after, before, held)
        after["serial_no"] -= before["serial_no"]
        after["mtime"] = after["mtime"] != before["mtime"]
        return Outcome(
            self.plain(job),
            self.plain(submitted),
            [Asked(each.node, each.call, self.plain(each.arguments)) for each in asked],
            self.plain(after),
            self.plain(copies),
        )

    def _put_back(self) -> None:
        """Have all nodes with the cluster's files as they were before the first case."""
        for path, content in self._files.items():
            if content is None:
                path.unlink(missing_ok=True)
            elif not path.exists() or path.read_bytes() != content:
                path.write_bytes(content)

    def _remove_copies(self, config: Document) -> None:
        """Remove copies of the configuration that nodes keep from when they were candidates."""
        candidates = {each["name"] for each in config["nodes"].values() if each["master_candidate"]}
        for node in self.cluster.nodes:
            if node.name not in candidates:
                (self.cluster.root(node) / CONFIG).unlink(missing_ok=True)

    def _ask(self, method: str, arguments: list[Any]) -> Any:
        return _ask(self.cluster.master_root / _SOCKETS / "ganeti-query", method, arguments)

    def _lay(self, config: Document) -> Document:
        """Have the master work on a configuration; return it as it has it."""
        wanted = live.moved(config, self.cluster)
        if _content(self._read()) != _content(wanted):
            self._put(wanted)
        return self._read()

    def _job(self, ops: Sequence[Document]) -> Document:
        """Submit a job and wait for its end; return what is told of it."""
        try:
            job_id = self._ask("SubmitJob", [self.moved(ops)])
        except LuxidError as error:
            return {"refused": error.args[0]}
        self._await(job_id)
        fields = ["status", "opstatus", "opresult", "oplog"]
        ((status, statuses, results, logs),) = self._ask("QueryJobs", [[job_id], fields])
        told = [
            {"status": one, "result": result, "log": [entry[2:] for entry in log]}
            for one, result, log in zip(statuses, results, logs, strict=True)
        ]
        return {"status": status, "ops": told}

    def _answer(self, method: str, arguments: list[Any]) -> Document:
        """Return an answer of the master daemon as what is told of a job."""
        result = self._ask(method, self.moved(arguments))
        return {
            "status": "success",
            "ops": [{"status": "success", "result": result, "log": []}],
        }

    def _await(self, job_id: int) -> None:
        status: list[object] | None = None
        serial = -1
        for _ in range(NEWS_MAX):
            news = self._ask("WaitForJobChange", [job_id, ["status"], status, serial, NEWS_S])
            if isinstance(news, list):
                status, log = news
                serial = max([serial, *(entry[0] for entry in log or ())])
                if status[0] in FINAL:
                    return
        raise AssertionError(f"job {job_id} of {self.cluster.base.name} stays {status}")

    def _submitted(self, job_id: int) -> Any:
        self._await(job_id)
        ((ops,),) = self._ask("QueryJobs", [[job_id], ["ops"]])
        return ops

    # --- what differs between the sides though it is the same -------------------------------------

    def before(self, case: Case) -> Document:
        """Return the configuration that a case finds, as the master has it."""
        told: Document = self.plain(self._lay(case.document()))
        return told

    def moved(self, value: Any) -> Any:
        """Return a JSON value with our addresses in the place of those that cases name."""
        return json.loads(json.dumps(value).replace("NET.", f"{self._network}."))

    def plain(self, value: Any) -> Any:
        """Return a JSON value with what only this cluster has under the names of all."""
        text = json.dumps(value)
        text = text.replace(str(self.cluster.base), "ROOT")
        for digest, name in self._digests.items():
            text = text.replace(digest, name)
        return json.loads(text.replace(f"{self._network}.", "NET."))

    @property
    def _network(self) -> str:
        return self.cluster.master_ip.rpartition(".")[0]


class _Theirs(Side):
    """The reference's side, which some cases find otherwise.

    Args:
        tidy: gives back what a job has put aside and its end has not given back.
    """

    def __init__(
        self,
        cluster: SimulatedCluster,
        control: NodeControl,
        read: Callable[[], Document],
        put: Callable[[Document], None],
        tidy: Callable[[], None],
    ) -> None:
        super().__init__(cluster, control, read, put)
        self._tidy = tidy

    def carry_out(self, case: Case, fault: "FaultAt | None") -> Outcome:
        mended = self.cluster.master_root / job_process.MENDED
        if case.mended:
            mended.touch()
        try:
            return self._run(case, fault, case.instead)
        finally:
            mended.unlink(missing_ok=True)
            self._tidy()


@dataclass(frozen=True, slots=True)
class FaultAt:
    """A call of a node that fails."""

    node: str
    fault: Fault


def _jobs_of(job: Document) -> list[int]:
    """Return the ids of the jobs that a job's opcodes have submitted."""
    return [
        job_id
        for op in job.get("ops", ())
        if isinstance(op["result"], dict)
        for submitted, job_id in op["result"].get("jobs", ())
        if submitted
    ]


def _ask(path: Path, method: str, arguments: list[Any]) -> Any:
    """Call a method on a connection of its own.

    The reference closes those on which it has refused a submission, or hears nothing for a minute.
    """
    with contextlib.closing(Luxid(path)) as daemon:
        return daemon.ask(method, arguments)


def _is_survey(asked: Asked) -> bool:
    """Tell whether a call only finds out what a candidate has of the queue."""
    match asked:
        case Asked(call="node_verify", arguments=[{"filelist": [*names], **rest}, *_]):
            return not rest and all("/queue/" in str(name) for name in names)
    return False


def _content(value: Any) -> Any:
    """Return what a configuration says, without its own serial number and time."""
    if isinstance(value, float):
        # The reference keeps times as ratios, not as they came.
        return round(value, 3)
    if isinstance(value, list):
        return [_content(each) for each in value]
    if isinstance(value, dict):
        top = ("serial_no", "mtime") if "cluster" in value and "nodes" in value else ()
        return {key: _content(each) for key, each in value.items() if key not in top}
    return value


# --- both ---------------------------------------------------------------------------------------


class Pair:
    """Ours, and the reference beside it, which is started when it is asked for.

    Args:
        ours: our side.
        start: runs the reference until the end of the pair.
    """

    def __init__(self, ours: Side, start: Callable[[], Side]) -> None:
        self.ours = ours
        self._start = start
        self._theirs: Side | None = None

    @property
    def theirs(self) -> Side:
        """The reference's side."""
        if self._theirs is None:
            self._theirs = self._start()
        return self._theirs


@contextmanager
def both() -> Iterator[Pair]:
    """Run ours, and the reference where it is wanted."""
    with _base() as base, ExitStack() as stack:
        own = clusters.build(base / "ours", nodes=NODES)
        theirs = _twin(own, base / "theirs")
        ours = stack.enter_context(_our_side(own, base / "config.socket"))
        yield Pair(ours, lambda: stack.enter_context(_their_side(theirs)))


@contextmanager
def reference() -> Iterator[Side]:
    """Run the reference alone."""
    with (
        _base() as base,
        _their_side(clusters.build(base / "theirs", nodes=NODES)) as side,
    ):
        yield side


@contextmanager
def _base() -> Iterator[Path]:
    # Not under pytest's own directory, which other users may not enter.
    base = Path(tempfile.mkdtemp(prefix="gm-"))
    try:
        base.chmod(0o755)
        yield base
    finally:
        shutil.rmtree(base)


def _twin(cluster: SimulatedCluster, base: Path) -> SimulatedCluster:
    """Return a copy of a cluster's directories whose nodes have other addresses."""
    shutil.copytree(cluster.base, base)
    network = clusters.free_network(random.Random(), cluster.port)
    nodes = tuple(
        replace(node, address=f"{network}.{node.address.rpartition('.')[2]}")
        for node in cluster.nodes
    )
    return replace(cluster, base=base, nodes=nodes, master_ip=f"{network}.254")


def hindrance() -> str | None:
    """Return why the two cannot be run here, if so."""
    for program in ("ganeti-luxid", "ganeti-wconfd", "unshare"):
        if shutil.which(program) is None:
            return f"there is no {program} here"
    made = subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False)
    return None if made.returncode == 0 else "namespaces of mounts cannot be made here"


def _with_files(cluster: SimulatedCluster, **files: Path) -> list[str]:
    """Return a command that runs another one where the names of a cluster's nodes are known.

    Both look some nodes up by name; they are found in a file of hosts that only the command sees.

    Args:
        files: what else it sees, by the names of those in whose places it does.
    """
    lines = [f"{node.address} {node.name}\n" for node in cluster.nodes]
    path = cluster.base / "hosts"
    lines += [f"{cluster.master_ip} {cluster.name}\n", f"{NOBODY} {FREE}\n"]
    path.write_text(f"127.0.0.1 localhost\n{''.join(lines)}")
    path.chmod(0o644)
    mounts = {"/etc/hosts": path, **files}
    script = "".join(f'mount --bind "${2 * i}" "${2 * i + 1}" && ' for i in range(len(mounts)))
    script += f'shift {2 * len(mounts) - 1} && exec "$@"'
    pairs = [str(each) for place, file in mounts.items() for each in (file, place)]
    return ["unshare", "--mount", "sh", "-c", script, *pairs]


@contextmanager
def _their_side(cluster: SimulatedCluster) -> Iterator[Side]:
    root = cluster.master_root
    config = document.split(live.moved(standard(), cluster))
    _write(cluster, config)
    luxid.give(root)
    ask = partial(_ask, root / _SOCKETS / "ganeti-wconfd")
    original = cluster.base / "job_program.py"
    shutil.copyfile(JOB_PROGRAM, original)
    original.chmod(0o644)
    through = _with_files(cluster, **{str(JOB_PROGRAM): Path(job_process.__file__)})
    jobs = ["serve", str(root / job_process.SOCKET), str(original)]
    with (
        clusters.node_processes(cluster, keep_alive=False) as control,
        luxid.beside(root, [*through, luxid.PYTHON, str(JOB_PROGRAM), *jobs]),
        luxid.luxid(root, config_serial=config.serial_no, through=through),
        luxid.wconfd(root, through),
    ):
        client = ["same-calls", str(root / "var/run/ganeti/livelocks/test"), 1]

        def put(wanted: Document) -> None:
            for _ in range(LOCK_TRIES):
                if ask("lockConfig", [client, False]) is not None:
                    break
                time.sleep(LOCK_PAUSE_S)
            assert ask("writeConfigAndUnlock", [client, wanted]) is True

        def tidy() -> None:
            # What fails keeps the minors of mirrors that never were, or never got there; those of
            # planned ones are kept in the name of the instance, and twice once they are recorded.
            config = ask("readConfig", [])
            for owner in (*config["instances"], *config["disks"]):
                ask("releaseDRBDMinors", [owner])
            aside = {disk for _, minors in ask("computeDRBDMap", []) for _, disk in minors}
            for disk in sorted(aside - config["disks"].keys()):
                ask("releaseDRBDMinors", [disk])

        _await_address(cluster, control)
        yield _Theirs(cluster, control, lambda: ask("readConfig", []), put, tidy)


@contextmanager
def _our_side(cluster: SimulatedCluster, config_socket: Path) -> Iterator[Side]:
    _write(cluster, document.split(live.moved(standard(), cluster)))
    with (
        clusters.node_processes(cluster, keep_alive=False) as control,
        system.running(
            cluster,
            arguments=["--no-voting", "--yes-do-it"],
            environment={"GANETI_MASTERD_TEST_CONFIG_SOCKET": str(config_socket)},
            module=("tests.same_calls.daemon",),
            through=_with_files(cluster),
        ),
        contextlib.closing(_Config(config_socket)) as config,
    ):
        _await_address(cluster, control)
        yield Side(cluster, control, lambda: config.ask(None), config.ask)


def _await_address(cluster: SimulatedCluster, control: NodeControl) -> None:
    """Wait for the call beside the start, which would be taken for one of the first case."""
    while not control.counts()[cluster.master.name].get("node_activate_master_ip"):
        time.sleep(LOCK_PAUSE_S)


class _Config:
    """The configuration of our daemon, see `daemon`."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(luxid.PATIENCE_S)
        self._socket.connect(str(path))
        self._lines = self._socket.makefile("rb")

    def ask(self, wanted: Document | None) -> Any:
        self._socket.sendall(json.dumps(wanted).encode() + b"\n")
        return json.loads(self._lines.readline())

    def close(self) -> None:
        self._lines.close()
        self._socket.close()


def _write(cluster: SimulatedCluster, config: Any) -> None:
    """Write the configuration where the master and its nodes have it."""
    luxid_support.write_configuration(cluster.master_root, config)
    data = cluster.data(cluster.master)
    is_candidate = {each.name: each.master_candidate for each in config.nodes.values()}
    for node in cluster.nodes[1:]:
        for path in data.glob("ssconf_*"):
            shutil.copyfile(path, cluster.data(node) / path.name)
        copy = cluster.data(node) / "config.data"
        copy.unlink(missing_ok=True)
        if is_candidate[node.name]:
            shutil.copyfile(data / "config.data", copy)
