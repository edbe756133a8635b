"""What nodes are given to write: files, simple files, the queue. All functions switch."""

from collections.abc import Iterable, Mapping
from typing import Literal

from masterd.node.target import Nodes, Where, one, several
from masterd.rpc.encoding import FileDetails, compress
from masterd.rpc.result import RpcResult


def upload(nodes: Nodes, places: Iterable[Where], file: FileDetails) -> Mapping[str, RpcResult]:
    """Write a file of this machine; nodes have a list of those they take."""
    return several(nodes, "upload_file", places, file.arguments())


def upload_made(
    nodes: Nodes, places: Iterable[Where], file: FileDetails
) -> Mapping[str, RpcResult]:
    """Write a file that need not be on this machine."""
    return several(nodes, "upload_file_single", places, *file.arguments())


def write_simple(
    nodes: Nodes, places: Iterable[Where], values: Mapping[str, object]
) -> Mapping[str, RpcResult]:
    """Write the simple files."""
    return several(nodes, "write_ssconf_files", places, values)


def info(nodes: Nodes, at: Where, path: str) -> RpcResult:
    """Ask for a file. Payload: whether it is there, and its state."""
    return one(nodes, "get_file_info", at, path)


def modify_hosts(
    nodes: Nodes, at: Where, mode: Literal["add", "remove"], name: str, address: str | None
) -> RpcResult:
    """Add a name to the hosts file, or remove it."""
    return one(nodes, "etc_hosts_modify", at, mode, name, address)


# --- the queue ------------------------------------------------------------------------------------


def update_queue(
    nodes: Nodes, places: Iterable[Where], path: str, content: bytes
) -> Mapping[str, RpcResult]:
    """Write a file of the queue."""
    return several(nodes, "jobqueue_update", places, path, compress(content))


def rename_in_queue(
    nodes: Nodes, places: Iterable[Where], pairs: Iterable[tuple[str, str]]
) -> Mapping[str, RpcResult]:
    """Move files of the queue."""
    return several(nodes, "jobqueue_rename", places, [list(pair) for pair in pairs])


def set_drained(nodes: Nodes, places: Iterable[Where], *, drained: bool) -> Mapping[str, RpcResult]:
    """Make or remove the queue's drain flag."""
    return several(nodes, "jobqueue_set_drain_flag", places, drained)


def purge_queue(nodes: Nodes, at: Where) -> RpcResult:
    """Remove the queue's files, but not of the master."""
    return one(nodes, "jobqueue_purge", at)


def check_watcher_pause(nodes: Nodes, at: Where) -> RpcResult:
    """Ask until when the watcher pauses. Payload: seconds since the epoch, or None."""
    return one(nodes, "get_watcher_pause", at)


def pause_watcher(
    nodes: Nodes, places: Iterable[Where], until_s: float | None
) -> Mapping[str, RpcResult]:
    """Let the watcher pause until then, or go on (None)."""
    return several(nodes, "set_watcher_pause", places, until_s)
