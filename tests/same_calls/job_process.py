"""What luxid starts for a job here, in the place of the reference's program; Debian's Python only.

Starting Python and loading all modules takes longer than most jobs. So a process that has loaded
them waits on a socket (`job_process.py serve SOCKET ORIGINAL`) and forks for each job: the
reference's own program ORIGINAL runs in the child, with the streams that luxid gave. What luxid
started hands these over and waits for the child's end.

A file `mended` in the root directory takes an accident of the reference away, so that what its
unit means to do can be compared: see `_mend`.
"""

import importlib.util
import json
import os
import signal
import socket
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

#: Names in the master's root directory.
SOCKET = "jobs.socket"
MENDED = "mended"

#: Seconds between two looks at a transfer of disks, here and by ours.
TRANSFER_PAUSE_S = 0.05

#: Bytes of what is handed over besides the streams.
WORDS_BYTES_MAX = 65536


def _hand_over() -> None:
    """Let the process that waits carry the job out; return when it has ended."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(f"{os.environ['GANETI_ROOTDIR']}/{SOCKET}")
        words = json.dumps([sys.argv, dict(os.environ)]).encode()
        socket.send_fds(connection, [words], [0, 1, 2])
        # luxid waits for the other ends of these, and the job closes its own.
        for number in (0, 1):
            os.close(number)
        connection.recv(1)


def _serve(path: str, original: str) -> None:
    """Fork for each job that comes."""
    program = _load(original)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(16)
        print("ready", flush=True)
        while True:
            connection, _ = listener.accept()
            with connection:
                if os.fork() == 0:
                    listener.close()
                    _carry_out(connection, program)


def _carry_out(connection: socket.socket, program: Any) -> None:
    """Run the reference's program in this process, and end."""
    from pathlib import Path  # what hands a job over shall start soon

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    words, streams, _, _ = socket.recv_fds(connection, WORDS_BYTES_MAX, 3)
    sys.argv, environment = json.loads(words)
    os.environ.clear()
    os.environ.update(environment)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    code = 1
    try:
        _hasten()
        if Path(os.environ["GANETI_ROOTDIR"], MENDED).exists():
            _mend()
        program.main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    finally:
        os._exit(code)


def _load(path: str) -> ModuleType:
    """Load a program as a module, with all that it imports."""
    spec = importlib.util.spec_from_file_location("job_program", path)
    assert spec is not None and spec.loader is not None, path
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _hasten() -> None:
    """Have transfers of disks looked at again at once: simulated ones take no time."""
    loop = importlib.import_module("ganeti.masterd.instance").ImportExportLoop
    loop.MIN_DELAY = loop.MAX_DELAY = TRANSFER_PAUSE_S


def _mend() -> None:
    """Take accidents away.

    * The evacuation of a group: its locks of groups and nodes are taken for those of resources that
      they belong to, and left out, so that it fails at the assertion that it has them. The
      verification of a group's disks asks for the same locks, and says that it wants them all.
    * The same where it makes migrations failovers: it reads parameters that an allocator need not
      give before they have their defaults.
    * The verification of a group with instances that reach into another one: it names the nodes of
      those before it knows which instances it has.
    * The sizes of named instances' disks: its locks of resources are left out likewise.
    * The question for the cluster: nobody has looked up what machine the job runs on.
    * The size of the pool of candidates: nodes are promoted to the size it had before.
    * A helper whose image has no size: the error cannot be written into the job, which then never
      ends.

    And no accident, but the end of whatever comes later:

    * The end of a cluster: its configuration is left without a master, and so is not served.
    """
    locking = importlib.import_module("ganeti.locking")
    unit = importlib.import_module("ganeti.cmdlib.group").LUGroupEvacuate
    _ask_for(unit, locking.LEVEL_NODEGROUP, locking.LEVEL_NODE)
    sizes = importlib.import_module("ganeti.cmdlib.cluster").LUClusterRepairDiskSizes
    _ask_for(sizes, locking.LEVEL_NODE_RES)
    verification = importlib.import_module("ganeti.cmdlib.cluster.verify").LUClusterVerifyGroup
    _ask_for(verification, locking.LEVEL_NODE)
    as_failover = unit._MigrateToFailover

    def with_defaults(op: Any) -> Any:
        op.Validate(True)
        return as_failover(op)

    unit._MigrateToFailover = staticmethod(with_defaults)
    importlib.import_module("ganeti.runtime").InitArchInfo()
    cluster: Any = importlib.import_module("ganeti.cmdlib.cluster")
    adjust = cluster.AdjustCandidatePool

    def with_new_size(lu: Any, *rest: Any) -> None:
        lu.cfg.Update(lu.cluster, None)
        adjust(lu, *rest)
        lu.cluster = lu.cfg.GetClusterInfo()

    cluster.AdjustCandidatePool = with_new_size
    helper: Any = importlib.import_module("ganeti.cmdlib.instance_helpervm")
    own_error = type("OpExecError", (helper.errors.OpExecError,), {})
    # What tells of the size is no error of its own then, and goes its way as it came.
    helper.errors = SimpleNamespace(OpExecError=own_error)
    configuration: Any = importlib.import_module("ganeti.rpc.stub.wconfd").ClientRpcStub
    configuration.PrepareClusterDestruction = lambda self, context: None


def _ask_for(unit: Any, *levels: object) -> None:
    """Have a unit ask for its locks of these levels, whatever those of others are."""
    expand = unit.ExpandNames

    def expand_names(self: Any) -> None:
        expand(self)
        for level in levels:
            self.dont_collate_locks[level] = True

    unit.ExpandNames = expand_names


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        _serve(*sys.argv[2:])
    else:
        _hand_over()
