"""Which operating systems a simulated node has, and what their scripts do.

An operating system is a directory below one of those where Ganeti looks for them, in the node's own
root; `noop` is on every node, though it has no files. Scripts are not run: one fails when its
last line is `exit N`, N not 0, and otherwise does well. What would have been run is logged below
`var/log/ganeti/os`, a file for each run.

Source: Ganeti 3.0.2 lib/backend.py, DiagnoseOS, _TryOSFromDisk, ValidateOS, InstanceOsAdd,
RunRenameInstance, ExportOS; constants OS_*.
"""

import io
import re
import stat
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from masterd.testing import node_disks
from masterd.testing.node_devices import found, opened
from masterd.testing.node_notes import RefusedError, local
from masterd.testing.told_objects import Instance

#: Where operating systems are looked for, in this order. Source: pathutils.OS_SEARCH_PATH.
SEARCH_PATH: Final = (
    "/srv/ganeti/os", "/usr/local/lib/ganeti/os", "/usr/lib/ganeti/os", "/usr/share/ganeti/os",
)  # fmt: skip
_LOG_DIR: Final = "/var/log/ganeti/os"

_API_FILE: Final = "ganeti_api_version"
_API_VERSIONS: Final = frozenset({10, 15, 20})
_WITH_VARIANTS, _WITH_PARAMETERS = 15, 20
_SCRIPTS: Final = ("create", "create_untrusted", "export", "import", "rename", "verify")
_EITHER: Final = ("create", "create_untrusted")
_CHECKS: Final = frozenset({"parameters"})

_EXIT: Final = re.compile(r"\bexit ([1-9][0-9]*)\s*\Z")

_ADD: Final = tuple[Instance, bool, int]
_RENAME: Final = tuple[Instance, str, int]
_EXPORT: Final = tuple[Instance, dict[str, str]]
#: Whether it must be there, name, checks, parameters, whether any variant does.
_VALIDATE: Final = tuple[bool, str, list[str], dict[str, Any], bool]


class System(msgspec.Struct, frozen=True, kw_only=True):
    """An operating system.

    Attributes:
        name: without a variant.
        path: of its directory.
        variants: those that it comes in.
        parameters: name and explanation of each.
        versions: of the interface.
        trusted: whether its create script runs on the node itself.
        scripts: text by name.
    """

    name: str
    path: str
    variants: list[str] = []
    parameters: list[list[str]] = []
    versions: list[int]
    trusted: bool = True
    scripts: dict[str, str] = {}


#: What is on every node, as Debian has it; it is never asked about its parameters.
_NOOP: Final = System(name="noop", path=f"{SEARCH_PATH[-1]}/noop", versions=[5, 10])


def diagnose(root: Path, _arguments: list[object]) -> list[list[object]]:
    """Tell of all that may be operating systems, and what is wrong with those that are none."""
    rows: list[list[object]] = []
    for directory, name in _directories(root):
        path = str(directory / name)
        try:
            system = _read(root, name, directory)
        except RefusedError as error:
            rows.append([name, path, False, str(error), [], [], [], True])
            continue
        rows.append(_row(system))
    if not any(row[0] == _NOOP.name for row in rows):
        rows.append(_row(_NOOP))
    return rows


def _row(system: System) -> list[object]:
    told = (system.variants, system.parameters, system.versions, system.trusted)
    return [system.name, system.path, True, "", *told]


def _directories(root: Path) -> Iterator[tuple[Path, str]]:
    for place in SEARCH_PATH:
        directory = local(root, place)
        names = sorted(path.name for path in directory.iterdir()) if directory.is_dir() else ()
        yield from ((directory, name) for name in names if not name.startswith("."))


def find(root: Path, name: str) -> System:
    """Return an operating system by its name, with a variant or without.

    Raises:
        RefusedError: it is not there, or not whole.
    """
    plain = name.partition("+")[0]
    for place in SEARCH_PATH:
        directory = local(root, place)
        if plain and (directory / plain).is_dir():
            return _read(root, plain, directory)
    if plain == _NOOP.name:
        return _NOOP
    raise RefusedError(f"Directory for OS {plain} not found in search path")


def _read(_root: Path, name: str, parent: Path) -> System:
    directory = parent / name
    if not directory.is_dir():
        raise RefusedError(f"Directory for OS {name} not found in search path")
    versions = _versions(directory)
    scripts = {}
    for script in _SCRIPTS:
        if script == "verify" and max(versions) < _WITH_PARAMETERS:
            continue
        text = needed_file(directory, script, is_needed=script not in _EITHER, is_script=True)
        if text is not None:
            scripts[script] = text
    variants = parameters = None
    if max(versions) >= _WITH_VARIANTS:
        variants = needed_file(directory, "variants.list", is_needed=False)
    if max(versions) >= _WITH_PARAMETERS:
        parameters = needed_file(directory, "parameters.list", is_needed=True)
    if not scripts.keys() & set(_EITHER):
        raise RefusedError(
            f"A create script (trusted or untrusted) under path '{directory}' must exist"
        )
    lines = [line.strip() for line in (variants or "").splitlines()]
    return System(
        name=name,
        path=str(directory),
        variants=[line for line in lines if line and not line.startswith("#")],
        parameters=[line.split(None, 1) for line in (parameters or "").splitlines()],
        versions=versions,
        trusted="create_untrusted" not in scripts,
        scripts=scripts,
    )


def _versions(directory: Path) -> list[int]:
    path = directory / _API_FILE
    if not path.exists():
        raise RefusedError(
            f"Required file '{_API_FILE}' not found under path {directory}:"
            " No such file or directory"
        )
    if not path.is_file():
        raise RefusedError(f"File '{_API_FILE}' in {directory} is not a regular file")
    try:
        versions = [int(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except ValueError as error:
        text = f"API version(s) can't be converted to integer: {error}"
        raise RefusedError(text) from error
    if not _API_VERSIONS & set(versions):
        raise RefusedError(
            f"API version mismatch for path '{directory}': found {versions}, want {_API_VERSIONS}."
        )
    return versions


def needed_file(
    directory: Path, name: str, *, is_needed: bool, is_script: bool = False
) -> str | None:
    path = directory / name
    try:
        mode = path.stat().st_mode
    except FileNotFoundError as error:
        if not is_needed:
            return None
        raise RefusedError(
            f"File '{name}' under path '{directory}' is missing (No such file or directory)"
        ) from error
    if not stat.S_ISREG(mode):
        raise RefusedError(f"File '{name}' under path '{directory}' is not a regular file")
    if is_script and not mode & stat.S_IXUSR:
        raise RefusedError(f"File '{name}' under path '{directory}' is not executable")
    return path.read_text(encoding="utf-8")


# --- parameters and scripts ---------------------------------------------------------------------


def validate(root: Path, arguments: list[object]) -> bool:
    """Check variant and parameters; tell whether there is such an operating system."""
    is_needed, name, checks, params, any_variant = msgspec.convert(arguments, _VALIDATE)
    if not _CHECKS.issuperset(checks):
        raise RefusedError(f"Unknown checks required for OS {name}: {set(checks) - _CHECKS}")
    try:
        system = find(root, name)
    except RefusedError:
        if is_needed:
            raise
        return False
    if not any_variant:
        _check_variant(system, name)
    if max(system.versions) < _WITH_PARAMETERS or not system.scripts:
        return True
    if "parameters" in checks:
        unknown = sorted(set(params) - {parameter[0] for parameter in system.parameters})
        if unknown:
            raise RefusedError(
                f"The following parameters are not supported by the OS {system.name}:"
                f" {', '.join(unknown)}"
            )
    if (code := _exit_code(system, "verify")) is not None:
        text = system.scripts["verify"]
        raise RefusedError(
            f"OS validation script failed (exited with exit code {code}), output: {text}"
        )
    return True


def _check_variant(system: System, name: str) -> None:
    variant = name.partition("+")[2]
    if not system.variants:
        if variant and system.scripts:
            raise RefusedError(f"OS '{system.name}' does not support variants ('{variant}' passed)")
    elif not variant:
        raise RefusedError(f"OS name '{name}' must include a variant")
    elif variant not in system.variants:
        raise RefusedError(f"OS '{system.name}' does not support variant '{variant}'")


def install(root: Path, arguments: list[object]) -> None:
    """Have the create script of an instance's operating system make its disks."""
    instance, is_again, debug = msgspec.convert(arguments, _ADD)
    system = find(root, instance.os or "")
    environment = _environment(root, instance, debug)
    if is_again:
        environment["INSTANCE_REINSTALL"] = "1"
    if system.scripts and "create" not in system.scripts:
        # The real node daemon has nothing to run then, and trips over that.
        raise RefusedError(f"OS {system.name} has no create script that may run on the node")
    _run(root, system, "create", f"add-{instance.os}-{instance.name}", environment)


def rename(root: Path, arguments: list[object]) -> None:
    """Have the rename script of an instance's operating system change the name inside."""
    instance, old_name, debug = msgspec.convert(arguments, _RENAME)
    system = find(root, instance.os or "")
    environment = _environment(root, instance, debug) | {"OLD_INSTANCE_NAME": old_name}
    log = f"rename-{instance.os}-{old_name}-{instance.name}"
    _run(root, system, "rename", log, environment)


def _run(root: Path, system: System, script: str, log: str, environment: dict[str, str]) -> None:
    text = system.scripts.get(script, "")
    path = local(root, f"{_LOG_DIR}/{log}.log")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{name}={value}\n" for name, value in environment.items()) + text)
    if (code := _exit_code(system, script)) is not None:
        what = "rename" if script == "rename" else "create"
        raise RefusedError(
            f"OS {what} script failed (exited with exit code {code}),"
            f" last lines in the log file:\n{text}"
        )


def _exit_code(system: System, script: str) -> int | None:
    found_code = _EXIT.search(system.scripts.get(script, ""))
    return int(found_code[1]) if found_code else None


def _environment(root: Path, instance: Instance, debug: int) -> dict[str, str]:
    """Return what scripts are told of an instance, whose disks must be there."""
    params = instance.osparams | (instance.osparams_private or {})
    told = {"OS_NAME": (instance.os or "").partition("+")[0], "DEBUG_LEVEL": str(debug)}
    told |= {f"OSP_{name.upper().replace('-', '_')}": str(value) for name, value in params.items()}
    told |= {
        "INSTANCE_NAME": instance.name,
        "INSTANCE_OS": str(instance.os),
        "INSTANCE_UUID": str(instance.uuid),
        "INSTANCE_PRIMARY_NODE": str(instance.primary_node),
        "INSTANCE_SECONDARY_NODES": " ".join(instance.secondary_nodes),
        "HYPERVISOR": str(instance.hypervisor),
        "DISK_COUNT": str(len(instance.disks_info)),
        "NIC_COUNT": str(len(instance.nics)),
    }
    with opened(root) as devices:
        for index, disk in enumerate(instance.disks_info):
            found(devices, disk, f"Block device '{disk.words}' is not set up")
            told[f"DISK_{index}_PATH"] = node_disks.device_path(root, disk)
            told[f"DISK_{index}_SIZE"] = str(disk.size)
            told[f"DISK_{index}_UUID"] = str(disk.uuid)
    for index, nic in enumerate(instance.nics):
        told[f"NIC_{index}_MAC"] = str(nic.get("mac"))
    return told


def export(root: Path, arguments: list[object]) -> str:
    """Pack an instance's operating system and what its scripts are told; return the package."""
    instance, override = msgspec.convert(arguments, _EXPORT)
    system = find(root, instance.os or "")
    environment = _environment(root, instance, 0) | override
    package = local(root, f"/tmp/os-{instance.name}.tgz")
    package.parent.mkdir(parents=True, exist_ok=True)
    told = "".join(f"{name}={value}\n" for name, value in environment.items()).encode()
    with tarfile.open(package, "w:gz") as archive:
        for name, text in [("environment", told), *_packed(system)]:
            entry = tarfile.TarInfo(f"./{name}")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text))
    return str(package)


def _packed(system: System) -> Iterator[tuple[str, bytes]]:
    for name, text in system.scripts.items():
        yield f"os/{name}", text.encode()


#: What a node does for each call on operating systems.
CALLS: Final[dict[str, Callable[[Path, list[Any]], object]]] = {
    "instance_os_add": install,
    "instance_run_rename": rename,
    "os_diagnose": diagnose,
    "os_export": export,
    "os_validate": validate,
}
