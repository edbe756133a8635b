"""How data of disks come and go between simulated nodes: daemons that import and export.

A daemon is a directory below `var/run/ganeti/import-export`, with the status that is told of it and
what it does. Nothing runs: each time that somebody asks for its status it takes a step. An import
listens first, and is done when it is asked again; an export is done at once. `write_transfers` says
which steps are taken before that, or instead. What an import has done is there afterwards: a file
below the exports, or a disk.

Certificates for daemons lie below `var/run/ganeti/crypto`, as the real node daemon keeps them.

Source: Ganeti 3.0.2 lib/backend.py, StartImportExportDaemon and its neighbours,
CreateX509Certificate; lib/objects.py, ImportExportStatus and ImportExportOptions.
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from masterd.clock import SystemClock
from masterd.testing import certificates, node_notes, node_systems
from masterd.testing.node_devices import found, opened
from masterd.testing.node_exports import EXPORT_DIR, below
from masterd.testing.node_notes import RefusedError
from masterd.testing.told_objects import Disk, Instance

DAEMONS_DIR: Final = "var/run/ganeti/import-export"
KEYS_DIR: Final = "var/run/ganeti/crypto"

_STEPS: Final = "transfers"
_COUNT: Final = "transfer-count"

#: Ports on which imports listen, from the first.
_PORT: Final = 40_001
_PORTS: Final = 20_000

#: Most seconds that a certificate is good. Source: backend.py, _MAX_SSL_CERT_VALIDITY.
_VALID_S: Final = 7 * 24 * 3600
_MICROSECONDS: Final = 1_000_000

#: What an import that is still awaited says.
_ABORTED: Final = {"exit_status": 1, "error_message": "Exited due to signal 15"}
_DONE: Final = {"connected": True, "progress_percent": 100.0, "exit_status": 0}


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How data travels; see `masterd.node.imports.Transfer`."""

    key_name: str | None = None
    ca_pem: str | None = None
    compress: str | None = None
    magic: str | None = None
    ipv6: bool | None = None
    connect_timeout: int | None = None


class Daemon(msgspec.Struct, kw_only=True):
    """A daemon: whether it imports, its number, the file that it fills, the steps it has taken."""

    is_import: bool
    number: int
    file: str | None = None
    steps: int = 0
    is_ended: bool = False


#: The last is the end of the way here: its kind, and what its kind needs.
_IMPORT: Final = tuple[Options, Instance, str, tuple[str, list[Any]]]
_EXPORT: Final = tuple[Options, str, int, Instance, str, tuple[str, list[Any]]]
_NAME: Final = tuple[str]
_NAMES: Final = tuple[list[str]]
_VALIDITY: Final = tuple[int]
_DISK: Final = tuple[Disk]
_DISK_OF: Final = tuple[Disk, int]


def write_transfers(root: Path, steps: Sequence[Mapping[str, object]]) -> None:
    """Say what daemons of a node tell, step by step, before they are done.

    Keys are those of a status (`connected`, `progress_mbytes`, `recent_output` …) and go before
    what was told; a step with `exit_status` ends the daemon.
    """
    node_notes.write(root, _STEPS, list(steps))


# --- beginning ----------------------------------------------------------------------------------


def start_import(root: Path, arguments: list[object]) -> str:
    """Let a daemon listen for data; return its name."""
    options, instance, component, end = msgspec.convert(arguments, _IMPORT)
    file = _check_end(root, instance, "import", *end)
    if file is not None:
        file.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    return _begin(root, options, component, is_import=True, file=file)


def start_export(root: Path, arguments: list[object]) -> str:
    """Let a daemon send data to where somebody listens; return its name."""
    options, _, _, instance, component, end = msgspec.convert(arguments, _EXPORT)
    _check_end(root, instance, "export", *end)
    return _begin(root, options, component, is_import=False, file=None)


def _check_end(
    root: Path, instance: Instance, mode: str, kind: str, told: list[Any]
) -> Path | None:
    """Look whether data can come from there, or go there; return the file, if it is one."""
    if kind == "file":
        (name,) = msgspec.convert(told, _NAME)
        path = below(root, name)
        if not path.is_relative_to(root / EXPORT_DIR) or path == root / EXPORT_DIR:
            place = root / EXPORT_DIR
            raise RefusedError(f"File '{name}' is not under exports directory '{place}': {path}")
        return path
    if kind == "raw":
        (disk,) = msgspec.convert(told, _DISK)
    elif kind == "script":
        disk, _ = msgspec.convert(told, _DISK_OF)
        node_systems.find(root, instance.os or "")
    else:
        raise RefusedError(f"Invalid {mode} I/O mode {kind!r}")
    with opened(root) as devices:
        found(devices, disk, f"Block device '{disk.words}' is not set up")
    return None


def _begin(
    root: Path, options: Options, component: str, *, is_import: bool, file: Path | None
) -> str:
    if (options.key_name is None) != (options.ca_pem is None):
        raise RefusedError("Cluster certificate can only be used for both key and CA")
    if options.key_name is not None:
        for path in _key_files(root, options.key_name):
            if not path.exists():
                raise RefusedError(f"File '{path}' does not exist")
    number = node_notes.read(root, _COUNT, 0) + 1
    node_notes.write(root, _COUNT, number)
    mode = "import" if is_import else "export"
    name = f"{mode}-{component.replace('/', '_')}-{number:06}"
    daemon = Daemon(is_import=is_import, number=number, file=None if file is None else str(file))
    path = _daemon_dir(root, name)
    path.mkdir(parents=True)
    _keep(path, daemon, {"recent_output": []})
    return name


# --- going on -----------------------------------------------------------------------------------


def status(root: Path, arguments: list[object]) -> list[dict[str, object] | None]:
    """Tell how far daemons are, each of which takes a step; nothing of those that are unknown."""
    (names,) = msgspec.convert(arguments, _NAMES)
    return [_step(root, _daemon_dir(root, name)) for name in names]


def _step(root: Path, path: Path) -> dict[str, object] | None:
    if not path.is_dir():
        return None
    daemon = msgspec.json.decode((path / "daemon").read_bytes(), type=Daemon)
    told: dict[str, object] = msgspec.json.decode((path / "status").read_bytes())
    if daemon.is_ended:
        return told
    told["mtime"] = SystemClock().now_us() / _MICROSECONDS
    steps = node_notes.read(root, _STEPS, [])
    listened = int(daemon.is_import)
    if daemon.is_import and daemon.steps == 0:
        told["listen_port"] = _PORT + daemon.number % _PORTS
    elif daemon.steps - listened < len(steps):
        told |= steps[daemon.steps - listened]
    else:
        told |= _DONE
    daemon.steps += 1
    daemon.is_ended = "exit_status" in told
    if told.get("exit_status") == 0 and daemon.file is not None:
        Path(daemon.file).write_bytes(b"data of a simulated disk\n")
    _keep(path, daemon, told)
    return told


def abort(root: Path, arguments: list[object]) -> None:
    """Stop a daemon, which tells so; one that has ended has ended."""
    (name,) = msgspec.convert(arguments, _NAME)
    path = _daemon_dir(root, name)
    if not path.is_dir():
        return
    daemon = msgspec.json.decode((path / "daemon").read_bytes(), type=Daemon)
    if not daemon.is_ended:
        daemon.is_ended = True
        told: dict[str, object] = msgspec.json.decode((path / "status").read_bytes())
        _keep(path, daemon, told | _ABORTED)


def clean_up(root: Path, arguments: list[object]) -> None:
    """Stop a daemon and remove what it left."""
    (name,) = msgspec.convert(arguments, _NAME)
    shutil.rmtree(_daemon_dir(root, name), ignore_errors=True)


def _keep(path: Path, daemon: Daemon, told: Mapping[str, object]) -> None:
    (path / "daemon").write_bytes(msgspec.json.encode(daemon))
    (path / "status").write_bytes(msgspec.json.encode(told))


def _daemon_dir(root: Path, name: str) -> Path:
    return root / DAEMONS_DIR / _plain(name)


def _plain(name: str) -> str:
    if not name or name.startswith(".") or "/" in name:
        raise ValueError(f"'{name}' is not the name of a file")
    return name


# --- certificates -------------------------------------------------------------------------------


def make_certificate(root: Path, arguments: list[object]) -> list[str]:
    """Make a key and a certificate of it; return their name, and the certificate."""
    (valid_s,) = msgspec.convert(arguments, _VALIDITY)
    now_us = SystemClock().now_us()
    pair = certificates.new_signed_by_itself(root.name, now_us, min(valid_s, _VALID_S))
    place = root / KEYS_DIR
    number = len(list(place.iterdir())) if place.is_dir() else 0
    name = f"x509-{now_us}-{number}"
    key_file, certificate_file = _key_files(root, name)
    key_file.parent.mkdir(mode=0o700, parents=True)
    key_file.write_bytes(pair.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    key_file.chmod(0o400)
    text = pair.certificate.public_bytes(Encoding.PEM)
    certificate_file.write_bytes(text)
    certificate_file.chmod(0o400)
    return [name, text.decode()]


def remove_certificate(root: Path, arguments: list[object]) -> None:
    """Remove a key and its certificate."""
    (name,) = msgspec.convert(arguments, _NAME)
    files = _key_files(root, name)
    for path in files:
        path.unlink(missing_ok=True)
    try:
        files[0].parent.rmdir()
    except OSError as error:
        text = f"Cannot remove certificate directory '{files[0].parent}': {error}"
        raise RefusedError(text) from error


def _key_files(root: Path, name: str) -> tuple[Path, Path]:
    place = root / KEYS_DIR / _plain(name)
    return place / "key", place / "cert"


#: What a node does for each call on transfers.
CALLS: Final[dict[str, Callable[[Path, list[Any]], object]]] = {
    "export_start": start_export,
    "impexp_abort": abort,
    "impexp_cleanup": clean_up,
    "impexp_status": status,
    "import_start": start_import,
    "x509_cert_create": make_certificate,
    "x509_cert_remove": remove_certificate,
}
