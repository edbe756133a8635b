"""What a simulated node tells of its memory, processors, storage and instances.

Running instances are files, as the reference's hypervisor `fake` keeps them: below the run
directory, `fake-hypervisor/NAME` holds an id, the memory in MiB and the number of processors, one a
line. Whichever hypervisor is asked for knows these instances. What the node has is in a file too,
so that a test can make nodes of different size while they run.

Source: Ganeti 3.0.2 lib/backend.py, GetNodeInfo and GetAllInstancesInfo; lib/hypervisor/hv_fake.py;
lib/storage/filestorage.py.
"""

import stat
import uuid
from pathlib import Path
from typing import Final

import msgspec

from masterd.testing import node_notes
from masterd.testing.node_notes import RUN_DIR

#: Scripts that surround opcodes.
HOOKS_DIR: Final = "etc/ganeti/hooks"

#: Directory of the running instances, below the run directory.
INSTANCES: Final = "fake-hypervisor"

#: From this namespace boot ids are made of names: a simulated node never boots.
_BOOTS: Final = uuid.UUID("b0075f0e-43a1-4c5e-9d0a-6a4e616e6574")

#: Source: constants HV_INSTANCE_STATE, a running instance.
_RUNNING: Final = 0


class Capacity(msgspec.Struct, frozen=True, kw_only=True):
    """What a node has.

    Attributes:
        memory_mib: all of it.
        memory_own_mib: what the node uses itself.
        processors: how many.
        storage_mib: size of the volume group, and of the file system for disks in files.
        storage_used_mib: what is taken of it.
        spindles: of the volume group, where storage is exclusive.
    """

    memory_mib: int = 65_536
    memory_own_mib: int = 4096
    processors: int = 16
    storage_mib: int = 1_048_576
    storage_used_mib: int = 0
    spindles: int = 8


def write_capacity(root: Path, capacity: Capacity) -> None:
    """Say what the node with this root directory has."""
    node_notes.write(root, node_notes.CAPACITY, capacity)


def write_instance(root: Path, name: str, *, memory_mib: int, processors: int) -> None:
    """Let an instance run on the node with this root directory."""
    directory = root / RUN_DIR / INSTANCES
    directory.mkdir(parents=True, exist_ok=True)
    (directory / name).write_text(f"0\n{memory_mib}\n{processors}\n")


def remove_instance(root: Path, name: str) -> None:
    """Let an instance not run on the node with this root directory."""
    (root / RUN_DIR / INSTANCES / name).unlink(missing_ok=True)


def all_instances(root: Path) -> dict[str, dict[str, object]]:
    """Return the answer to `all_instances_info`: what runs, by name."""
    found: dict[str, dict[str, object]] = {}
    directory = root / RUN_DIR / INSTANCES
    for path in sorted(directory.iterdir()) if directory.exists() else ():
        _, memory, processors = path.read_text().split()
        found[path.name] = {
            "memory": int(memory),
            "vcpus": int(processors),
            "state": _RUNNING,
            "time": 0,
        }
    return found


def consoles(asked: object) -> dict[str, dict[str, object]]:
    """Return the answer to `instance_console_info`: the hypervisor `fake` has none.

    Args:
        asked: the body, which is no list here, by instance name.
    """
    if not isinstance(asked, dict):
        raise TypeError("the instances are not an object")
    text = "Console not available for fake hypervisor"
    return {name: {"instance": name, "kind": "msg", "message": text} for name in asked}


def boot_id(root: Path) -> str:
    """Return by what it is told whether the node was started anew."""
    return str(uuid.uuid5(_BOOTS, root.name))


def run_hooks(root: Path, directory: str) -> list[tuple[str, int, str]]:
    """Return script, status and output of the scripts a node has in a directory of its hooks.

    Nothing is run: a script's text is its output. It is skipped when it is not executable, and
    fails when its name begins with "fail".
    """
    found = root / HOOKS_DIR / directory
    if not found.is_dir():
        return []
    answers = []
    for script in sorted(found.iterdir()):
        name = f"{directory}/{script.name}"
        if not script.stat().st_mode & stat.S_IXUSR:
            answers.append((name, 0, ""))
        else:
            answers.append((name, 1 if script.name.startswith("fail") else 2, script.read_text()))
    return answers


def capacity_of(root: Path) -> Capacity:
    """Return what the node with this root directory has."""
    return msgspec.convert(node_notes.read(root, node_notes.CAPACITY, {}), Capacity)


def hypervisor(root: Path) -> dict[str, object]:
    """Return memory (MiB) and processors; what instances use is not free."""
    capacity = capacity_of(root)
    free = capacity.memory_mib - capacity.memory_own_mib
    for instance in all_instances(root).values():
        memory = instance["memory"]
        assert isinstance(memory, int), "all_instances reads numbers"
        free -= min(free, memory)
    return {
        "memory_total": capacity.memory_mib,
        "memory_free": free,
        "memory_dom0": capacity.memory_own_mib,
        "cpu_total": capacity.processors,
        "cpu_dom0": capacity.processors,
        "cpu_nodes": 1,
        "cpu_sockets": 1,
    }
