"""What a simulated node daemon does for each call, in the node's own root directory.

Answers, checks and error texts follow the real node daemon as far as a master sees them. Unless
asked for, nothing is synced, and queue files are overwritten in place: tests and demonstrations do
not survive power loss, and the disk is not what is measured.

Source: Ganeti 3.0.2 lib/server/noded.py, lib/backend.py, lib/ssconf.py.
"""

import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

import gevent
import msgspec

from masterd.constants import PROTOCOL_VERSION
from masterd.errors import GanetiError
from masterd.rpc.calls import CALLS
from masterd.rpc.encoding import decompress
from masterd.rpc.virtual_path import VirtualPaths
from masterd.testing import (
    allocator_script,
    node_devices,
    node_disks,
    node_exports,
    node_facts,
    node_files,
    node_guests,
    node_means,
    node_migration,
    node_mirrors,
    node_notes,
    node_providers,
    node_settings,
    node_storage,
    node_systems,
    node_transfers,
    node_verify,
)
from masterd.testing.node_notes import RUN_DIR

DATA_DIR: Final = "var/lib/ganeti"
QUEUE_DIR: Final = "var/lib/ganeti/queue"

#: File in which a simulated node keeps the master IP it was told to bring up.
MASTER_IP_FILE: Final = "simulated-master-ip"

#: Bytes of one file that a call may bring.
FILE_BYTES_MAX: Final = 64 * 1024 * 1024

#: Files that may be uploaded, below the root. Source: backend.py, _BuildUploadFileList.
UPLOADS: Final = frozenset(
    {
        "etc/ganeti/vnc-cluster-password",
        "var/lib/ganeti/cluster-domain-secret",
        "var/lib/ganeti/config.data",
        "var/lib/ganeti/hmac.key",
        "var/lib/ganeti/known_hosts",
        "var/lib/ganeti/rapi.pem",
        "var/lib/ganeti/rapi/users",
        "var/lib/ganeti/spice-ca.pem",
        "var/lib/ganeti/spice.pem",
    }
)

_QUEUE_MODE: Final = 0o640
_SSCONF_MODE: Final = 0o444
_PAUSE_MODE: Final = 0o644
_SSCONF_KEY = re.compile(r"[a-z0-9_][a-z0-9_-]*")

_MEANS: Final[Mapping[str, Callable[[Path, list[object]], object]]] = {
    "bridges_exist": node_settings.agreed,
    "drbd_helper": node_settings.drbd_helper,
    "etc_hosts_modify": node_means.modify_hosts,
    "hypervisor_validate_params": node_settings.agreed,
    "node_change_master_netmask": node_settings.agreed,
    "node_configure_ovs": node_settings.agreed,
    "node_crypto_tokens": node_settings.tokens,
    "node_demote_from_mc": node_means.demote,
    "node_ensure_daemon": node_settings.is_so,
    "node_has_ip_address": node_means.has_address,
    "node_leave_cluster": node_means.leave,
    "node_powercycle": node_means.powercycle,
    "node_ssh_key_add": node_settings.nobody_failed,
    "node_ssh_key_remove": node_settings.nobody_failed,
    "node_ssh_keys_renew": node_settings.nobody_failed,
    "node_start_master_daemons": node_settings.start_master,
    "node_stop_master": node_settings.stop_master,
    "node_verify_light": node_verify.light,
    "restricted_command": node_means.run_restricted,
    "run_oob": node_means.run_out_of_band,
    **node_disks.CALLS,
    **node_exports.CALLS,
    **node_files.CALLS,
    **node_guests.CALLS,
    **node_migration.CALLS,
    **node_mirrors.CALLS,
    **node_providers.CALLS,
    **node_storage.CALLS,
    **node_systems.CALLS,
    **node_transfers.CALLS,
}

#: Directories of what a node makes because it is told to, below the root.
_MADE: Final = (
    node_exports.EXPORT_DIR, node_transfers.DAEMONS_DIR, node_transfers.KEYS_DIR,
    f"{RUN_DIR}/{node_facts.INSTANCES}", f"{RUN_DIR}/gluster",
    "srv/ganeti/file-storage", "srv/ganeti/shared-file-storage",
)  # fmt: skip

_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder().decode
_DONE: Final = b"[true,null]"

#: Name of the script, its input, its options.
_ALLOCATOR: Final = tuple[str, str, dict[str, str | None]]
#: Storage units and hypervisors.
_HOOKS_RUNNER: Final = tuple[str, str, dict[str, str]]
_NODE_INFO: Final = tuple[
    list[tuple[str, str, list[object]]] | None, list[tuple[str, object]] | None
]


class CallFailedError(Exception):
    """The call fails with this text."""


class SimulatedNode:
    """One node: a root directory and what calls do to it."""

    def __init__(
        self,
        name: str,
        root: Path,
        *,
        sync: bool = False,
        sleep: Callable[[float], None] = gevent.sleep,
    ) -> None:
        """Prepare the node; its directories must exist.

        Args:
            name: host name, the last component of `root`.
            root: what stands for `/` on this node.
            sync: replace each file in one step and bring it to disk before answering.
            sleep: waits some seconds; may switch.
        """
        self.name = name
        self.root = root
        self.counts: Counter[str] = Counter()
        self._paths = VirtualPaths(root)
        self._sync = sync
        self._sleep = sleep
        self._queue = f"{root}/{QUEUE_DIR}/"
        self._serial = 0
        self._calls: dict[str, Callable[[list[object]], object]] = {
            "version": self._version,
            "master_node_name": self._master_node_name,
            "test_delay": self._test_delay,
            "jobqueue_update": self._jobqueue_update,
            "jobqueue_rename": self._jobqueue_rename,
            "jobqueue_set_drain_flag": self._jobqueue_set_drain_flag,
            "jobqueue_purge": self._jobqueue_purge,
            "node_verify": self._node_verify,
            "set_watcher_pause": self._set_watcher_pause,
            "node_activate_master_ip": self._node_activate_master_ip,
            "node_deactivate_master_ip": self._node_deactivate_master_ip,
            "write_ssconf_files": self._write_ssconf_files,
            "upload_file": lambda arguments: self._upload(arguments[0]),
            "upload_file_single": self._upload,
            "node_info": self._node_info,
            "hooks_runner": self._hooks_runner,
            "all_instances_info": lambda arguments: node_facts.all_instances(self.root),
            "iallocator_runner": self._iallocator_runner,
            "instance_console_info": node_facts.consoles,
            **{name: partial(self._use, means) for name, means in _MEANS.items()},
        }

    def answer(self, call: str, body: bytes) -> bytes | None:
        """Carry a call out and return the answer's body; None if no node daemon knows it.

        May switch (`test_delay`, `iallocator_runner`).
        """
        function = self._calls.get(call)
        if function is None and call not in CALLS:
            return None
        self.counts[call] += 1
        if function is None:
            return _encode([False, f"Call '{call}' is not simulated"])
        try:
            payload = function(_decode(body))
        except CallFailedError as error:
            return _encode([False, str(error)])
        except (
            *(OSError, ValueError, TypeError, IndexError, KeyError),
            GanetiError,
            node_devices.DeviceError,
        ) as error:
            return _encode([False, f"Error while executing backend function: {error}"])
        return _DONE if payload is None else _encode([True, payload])

    def forget(self) -> None:
        """Be as if nobody had told it to make, run or keep anything; what it has stays."""
        node_notes.forget(self.root)
        for name in _MADE:
            shutil.rmtree(self.root / name, ignore_errors=True)

    def digests(self) -> frozenset[str]:
        """Return the digests of certificates that may call, or nothing while there is no list."""
        try:
            text = (self.root / DATA_DIR / "ssconf_master_candidates_certs").read_text()
        except OSError:
            return frozenset()
        return frozenset(line.partition("=")[2] for line in text.splitlines())

    def _use(
        self, means: Callable[[Path, list[object]], object], arguments: list[object]
    ) -> object:
        try:
            return means(self.root, arguments)
        except node_notes.RefusedError as error:
            raise CallFailedError(str(error)) from error

    # --- calls ----------------------------------------------------------------------------------

    def _version(self, arguments: list[object]) -> object:
        return PROTOCOL_VERSION

    def _master_node_name(self, arguments: list[object]) -> object:
        path = self.root / DATA_DIR / "ssconf_master_node"
        try:
            return path.read_text().rstrip("\n")
        except OSError as error:
            raise CallFailedError(f"Cluster configuration incomplete: {error}") from error

    def _test_delay(self, arguments: list[object]) -> object:
        duration = arguments[0]
        if not isinstance(duration, int | float) or duration < 0:
            raise CallFailedError("Invalid sleep duration")
        self._sleep(duration)
        return None

    def _jobqueue_update(self, arguments: list[object]) -> object:
        name, content = arguments
        path = self._queue_file(name)
        data = decompress(content, bytes_max=FILE_BYTES_MAX)
        if self._sync:
            self._write(path, data, _QUEUE_MODE)
        else:
            _overwrite(path, data)
        return None

    def _jobqueue_rename(self, arguments: list[object]) -> object:
        (pairs,) = arguments
        done: list[None] = []
        for old, new in _pairs(pairs):
            self._rename(Path(self._queue_file(old)), Path(self._queue_file(new)))
            done.append(None)
        return done

    def _rename(self, old: Path, new: Path) -> None:
        try:
            old.rename(new)
        except FileNotFoundError:
            new.parent.mkdir(mode=0o750, exist_ok=True)
            old.rename(new)

    def _jobqueue_set_drain_flag(self, arguments: list[object]) -> object:
        (flag,) = arguments
        path = Path(self._queue, "drain")
        if flag:
            self._write(str(path), b"", _QUEUE_MODE)
        else:
            path.unlink(missing_ok=True)
        return None

    def _jobqueue_purge(self, arguments: list[object]) -> object:
        """Remove the files of the queue, but not what lies in the archive's directories."""
        for directory in (Path(self._queue), Path(self._queue, "archive")):
            if not directory.is_dir():
                continue
            for path in directory.iterdir():
                kept = path.name.startswith(".") or path == Path(self._queue, "lock")
                if not kept and path.is_file() and not path.is_symlink():
                    path.unlink()
        return None

    def _node_verify(self, arguments: list[object]) -> object:
        what, _, _ = arguments
        if not isinstance(what, dict):
            raise CallFailedError("The checks are not an object")
        try:
            return node_verify.findings(self.root, what)
        except KeyError as error:
            raise CallFailedError(f"No such check: {error}") from error

    def _set_watcher_pause(self, arguments: list[object]) -> object:
        (until,) = arguments
        path = self.root / node_files.PAUSE_FILE
        if until is None:
            path.unlink(missing_ok=True)
        elif isinstance(until, int | float):
            self._write(str(path), b"%d\n" % int(until), _PAUSE_MODE)
        else:
            raise CallFailedError("Duration must be numeric")
        return None

    def _node_activate_master_ip(self, arguments: list[object]) -> object:
        parameters, _ = arguments
        if not isinstance(parameters, dict) or "ip" not in parameters:
            raise CallFailedError("Invalid master network parameters")
        path = self.root / RUN_DIR / MASTER_IP_FILE
        path.parent.mkdir(parents=True, exist_ok=True)
        self._write(str(path), f"{parameters['ip']}\n".encode(), _QUEUE_MODE)
        return None

    def _node_deactivate_master_ip(self, arguments: list[object]) -> object:
        (self.root / RUN_DIR / MASTER_IP_FILE).unlink(missing_ok=True)
        return None

    def _write_ssconf_files(self, arguments: list[object]) -> object:
        (values,) = arguments
        if not isinstance(values, dict):
            raise TypeError("ssconf values are not an object")
        for key, value in values.items():
            if _SSCONF_KEY.fullmatch(key) is None:
                raise ValueError(f"Invalid key requested from SSConf: '{key}'")
            text = "\n".join(value) if isinstance(value, list) else value
            if text and not text.endswith("\n"):
                text += "\n"
            path = self.root / DATA_DIR / f"ssconf_{key}"
            self._write(str(path), text.encode(), _SSCONF_MODE)
        return None

    def _upload(self, arguments: object) -> object:
        if not isinstance(arguments, list):
            raise TypeError("file details are not a list")
        name, content, mode, owner, group, _, _ = arguments
        path = self._local(name)
        if os.path.relpath(path, self.root) not in UPLOADS:
            raise CallFailedError(
                f"Filename passed to UploadFile not in allowed upload targets: '{path}'"
            )
        if not isinstance(owner, str) or not isinstance(group, str):
            raise CallFailedError("Invalid username/groupname type")
        data = decompress(content, bytes_max=FILE_BYTES_MAX)
        self._write(path, data, 0o600 if mode is None else mode)
        return None

    def _node_info(self, arguments: list[object]) -> object:
        units, hypervisors = msgspec.convert(arguments, _NODE_INFO)
        try:
            storage = [node_storage.unit(self.root, *each) for each in units or ()]
        except node_notes.RefusedError as error:
            raise CallFailedError(str(error)) from error
        told = [node_facts.hypervisor(self.root) for _ in hypervisors or ()]
        return [
            node_facts.boot_id(self.root),
            None if units is None else storage,
            None if hypervisors is None else told,
        ]

    def _iallocator_runner(self, arguments: list[object]) -> object:
        name, text, options = msgspec.convert(arguments, _ALLOCATOR)
        try:
            return allocator_script.run(self.root, name, text, options)
        except allocator_script.ScriptError as error:
            raise CallFailedError(str(error)) from error

    def _hooks_runner(self, arguments: list[object]) -> object:
        path, phase, _ = msgspec.convert(arguments, _HOOKS_RUNNER)
        return node_facts.run_hooks(self.root, f"{path}-{phase}.d")

    # --- files ----------------------------------------------------------------------------------

    def _local(self, name: object) -> str:
        if not isinstance(name, str):
            raise TypeError("a file name is not text")
        return str(self._paths.local(name))

    def _queue_file(self, name: object) -> str:
        path = self._local(name)
        if not path.startswith(self._queue):
            raise CallFailedError(
                f"Passed job queue file '{path}' does not belong to the queue directory"
                f" '{self._queue[:-1]}'"
            )
        return path

    def _write(self, path: str, content: bytes, mode: int) -> None:
        self._serial += 1
        directory, base = path.rsplit("/", 1)
        new = f"{directory}/.{base}.{self._serial}.new"
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
        try:
            os.fchmod(descriptor, mode)
            view = memoryview(content)
            while view:
                view = view[os.write(descriptor, view) :]
            if self._sync:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.rename(new, path)  # noqa: PTH104 - a Path would cost as much as the call


def _overwrite(path: str, content: bytes) -> None:
    """Write a queue file in place: replacing one by renaming makes ext4 write it out at once."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, _QUEUE_MODE)
    try:
        written = 0
        while written < len(content):
            written += os.write(descriptor, content[written:] if written else content)
        if os.fstat(descriptor).st_size > written:
            os.ftruncate(descriptor, written)
    finally:
        os.close(descriptor)


def _pairs(value: object) -> list[tuple[object, object]]:
    if not isinstance(value, list):
        raise TypeError("the renames are not a list")
    return [(old, new) for old, new in value]
