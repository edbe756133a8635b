"""What hypervisor parameters may be: names, types and values of each hypervisor. Pure.

Only what can be told on the master is judged here; whether a file is there is the node's to say.

A parameter's rule is text: its type, `!` where it must be set, and what its value must be:
"string! path". The words are explained at `_CHECKS`; words behind "in" are the values there are.

Source: Ganeti 3.0.2 lib/hypervisor (PARAMETERS, CheckParameterSyntax, hv_kvm/validation.py);
constants HVS_PARAMETER_TYPES and HT_*; the same of 3.1.0~rc2 as built in Debian's backports for 12.
"""

import ipaddress
import os.path
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from masterd.config import images, typed

_CACHES: Final = "default none writeback writethrough"
_KVM_DISKS: Final = "ide mtd paravirtual pflash scsi scsi-block scsi-cd scsi-generic scsi-hd sd"
_KVM_NICS: Final = "e1000 i82551 i82557b i82559er ne2k_isa ne2k_pci paravirtual pcnet rtl8139"
_LOSSLESS: Final = "auto_glz auto_lz glz lz off quic"
_LOSSY: Final = "always auto never"
_REBOOT: Final = "exit reboot"
_MIGRATION: Final = "string! in live non-live"

_XEN: Final[Mapping[str, str]] = {
    "blockdev_prefix": "string",
    "cpu_mask": "string masks",
    "cpuid": "string",
    "kernel_path": "string! path",
    "migration_mode": _MIGRATION,
    "migration_port": "int! port",
    "reboot_behavior": f"string! in {_REBOOT}",
    "soundhw": "string",
    "vif_script": "string path",
    "xen_cmd": "string! in xl xm",
}

#: Rules by hypervisor and parameter. A hypervisor takes these parameters and needs each of them.
Rules = Mapping[str, Mapping[str, str]]

#: The rules of 3.0.
RULES_3_0: Final[Rules] = {
    "fake": {"migration_mode": _MIGRATION},
    "chroot": {"init_script": "string! path"},
    "lxc": {
        "cpu_mask": "string mask",
        "devices": "string",
        "drop_capabilities": "string",
        "extra_cgroups": "string",
        "extra_config": "string",
        "num_ttys": "int! count",
        "startup_timeout": "int count",
    },
    "xen-pvm": {
        **_XEN,
        "bootloader_args": "string",
        "bootloader_path": "string path",
        "cpu_cap": "int count",
        "cpu_weight": "int 1..65535",
        "initrd_path": "string path",
        "kernel_args": "string",
        "root_path": "maybe-string",
        "use_bootloader": "bool",
    },
    "xen-hvm": {
        **_XEN,
        "acpi": "bool",
        "boot_order": "string! letters",
        "cdrom_image_path": "string path",
        "cpu_cap": "int",
        "cpu_weight": "int 1..65534",
        "device_model": "string! path",
        "disk_type": "string! in ioemu paravirtual",
        "nic_type": "string! in e1000 ne2k_isa ne2k_pci paravirtual rtl8139",
        "pae": "bool",
        "pci_pass": "string",
        "use_localtime": "bool",
        "vif_type": "string in ioemu vif",
        "viridian": "bool",
        "vnc_bind_address": "string ipv4",
        "vnc_password_file": "string! path",
    },
    "kvm": {
        "acpi": "bool",
        "boot_order": "string! in cdrom disk floppy network",
        "cdrom2_image_path": "string path-or-url",
        "cdrom_disk_type": f"string in {_KVM_DISKS}",
        "cdrom_image_path": "string path-or-url",
        "cpu_cores": "int count",
        "cpu_mask": "string masks",
        "cpu_sockets": "int count",
        "cpu_threads": "int count",
        "cpu_type": "string",
        "disk_aio": "string in native threads",
        "disk_cache": f"string! in {_CACHES}",
        "disk_discard": "string in default ignore unmap",
        "disk_type": f"string! in {_KVM_DISKS}",
        "floppy_image_path": "string path",
        "initrd_path": "string path",
        "kernel_args": "string",
        "kernel_path": "string path",
        "keymap": "string",
        "kvm_extra": "string",
        "kvm_flag": "string in disabled enabled",
        "kvm_path": "string! path",
        "kvm_pci_reservations": "int 0..32",
        "machine_version": "string",
        "mem_path": "string path",
        "migration_bandwidth": "int! count",
        "migration_caps": "string",
        "migration_downtime": "int! count",
        "migration_mode": _MIGRATION,
        "migration_port": "int! port",
        "nic_type": f"string! in {_KVM_NICS}",
        "reboot_behavior": f"string! in {_REBOOT}",
        "root_path": "maybe-string",
        "scsi_controller_type": "string! in lsi megasas virtio-scsi-pci",
        "security_domain": "string",
        "security_model": "string! in none pool user",
        "serial_console": "bool",
        "serial_speed": "int",
        "soundhw": "string",
        "spice_bind": "string",
        "spice_image_compression": f"string in {_LOSSLESS}",
        "spice_ip_version": "int in 0 4 6",
        "spice_jpeg_wan_compression": f"string in {_LOSSY}",
        "spice_password_file": "string path",
        "spice_playback_compression": "bool",
        "spice_streaming_video": "string in all filter off",
        "spice_tls_ciphers": "string",
        "spice_use_tls": "bool",
        "spice_use_vdagent": "bool",
        "spice_zlib_glz_wan_compression": f"string in {_LOSSY}",
        "usb_devices": "string",
        "usb_mouse": "string in mouse tablet",
        "use_chroot": "bool",
        "use_guest_agent": "bool",
        "use_localtime": "bool",
        "user_shutdown": "bool",
        "vga": "string",
        "vhost_net": "bool",
        "virtio_net_queues": "int 1..8",
        "vnc_bind_address": "string",
        "vnc_password_file": "string path",
        "vnc_tls": "bool",
        "vnc_x509_path": "string path",
        "vnc_x509_verify": "bool",
        "vnet_hdr": "bool",
    },
}


def _without_command(rules: Mapping[str, str]) -> Mapping[str, str]:
    return {name: rule for name, rule in rules.items() if name != "xen_cmd"}


#: The rules of 3.1, which knows one command for Xen and one way more to read and write disks, and
#: wants to be told whether what is discarded there is passed on.
RULES_3_1: Final[Rules] = {
    **RULES_3_0,
    "xen-pvm": _without_command(RULES_3_0["xen-pvm"]),
    "xen-hvm": _without_command(RULES_3_0["xen-hvm"]),
    "kvm": {
        **RULES_3_0["kvm"],
        "disk_aio": "string in io_uring native threads",
        "disk_discard": "string in ignore unmap",
    },
}

#: Bits per second of a serial console.
_SERIAL_SPEEDS: Final = (
    75, 110, 300, 600, 1200, 1800, 2400, 4800, 9600, 14400, 19200, 28800, 38400, 57600, 115200,
    230400, 345600, 460800,
)  # fmt: skip

#: What has no meaning for KVM without `spice_bind`.
_NEEDS_SPICE_BIND: Final = (
    "spice_image_compression", "spice_ip_version", "spice_jpeg_wan_compression",
    "spice_password_file", "spice_streaming_video", "spice_use_tls",
    "spice_zlib_glz_wan_compression",
)  # fmt: skip

_RANGE: Final = re.compile(r"(\d+)\.\.(\d+)")
#: Of a processor's number: as many as surely fit into 64 bits.
_DIGITS_MAX: Final = 18


def problems(all_rules: Rules, hypervisor: str, params: Mapping[str, object]) -> list[str]:
    """Return what is wrong with filled parameters of a hypervisor, one text each."""
    rules = all_rules.get(hypervisor)
    if rules is None:
        return [f"there is no hypervisor '{hypervisor}'"]
    found = [f"parameter '{name}' is not supported" for name in params if name not in rules]
    found += [f"parameter '{name}' is missing" for name in rules if name not in params]
    values: dict[str, object] = {}
    for name in sorted(rules.keys() & params.keys()):
        kind, _, wanted = rules[name].partition(" ")
        try:
            values[name] = _TYPES[kind.rstrip("!")](params[name])
        except (KeyError, OverflowError, TypeError, ValueError):
            found.append(f"parameter '{name}' is not a {kind.rstrip('!')}: {params[name]!r}")
            continue
        told = _told(values[name], wanted, needed=kind.endswith("!"))
        if told is not None:
            found.append(f"parameter '{name}' {told}, not {params[name]!r}")
    if not found and hypervisor == "kvm":
        found += _of_kvm(values)
    return found


def typed_params(all_rules: Rules, params: object) -> dict[str, object]:
    """Return parameters with their values made what their types say, whosoever they are.

    Raises:
        TypeEnforcementError: no hypervisor has one of them, or a value has no meaning.
    """
    types = {
        name: _KINDS[rule.partition(" ")[0].rstrip("!")]
        for rules in all_rules.values()
        for name, rule in rules.items()
    }
    return typed.typed(params, types)


def _told(value: object, wanted: str, *, needed: bool) -> str | None:
    """Return what a value must be when it is not that."""
    if value is None or value == "":
        return "must have a value" if needed else None
    word, *words = wanted.split(" ")
    if not word:
        return None
    if word == "in":
        return None if str(value) in words else f"must be one of {', '.join(words)}"
    if limits := _RANGE.fullmatch(word):
        least, most = int(limits[1]), int(limits[2])
        return None if least <= int(str(value)) <= most else f"must lie in {least} to {most}"
    text, check = _CHECKS[word]
    return None if check(value) else text


# --- types ------------------------------------------------------------------------------------


def _bool(value: object) -> bool:
    if isinstance(value, str) and value:
        return {"true": True, "false": False}[value.lower()]
    return bool(value)


def _int(value: object) -> int:
    if isinstance(value, str | int | float):
        return int(value)
    raise TypeError


def _string(value: object) -> str:
    if value is False:
        return ""
    if isinstance(value, str):
        return value
    raise TypeError


#: What makes a value of each type; numbers and truth values may be written as text.
_TYPES: Final[Mapping[str, Callable[[object], object]]] = {
    "bool": _bool,
    "int": _int,
    "string": _string,
    "maybe-string": lambda value: None if value is None else _string(value),
}


#: The same types as clients' values have them.
_KINDS: Final = {
    "bool": typed.Type.BOOL,
    "int": typed.Type.INT,
    "string": typed.Type.TEXT,
    "maybe-string": typed.Type.MAYBE_TEXT,
}


# --- values -----------------------------------------------------------------------------------


def _is_path(value: object) -> bool:
    text = str(value)
    return text.startswith("/") and os.path.normpath(text) == text


def _is_mask(text: object) -> bool:
    """Tell whether it is processors and ranges of them: "0-2,5"."""
    for part in str(text).split(","):
        ends = [end.strip() for end in part.split("-")]
        if len(ends) > 2 or not all(end.isdecimal() and len(end) <= _DIGITS_MAX for end in ends):
            return False
        if int(ends[0]) > int(ends[-1]):
            return False
    return True


def _is_ipv4(value: object) -> bool:
    return _version_of(value) == 4


def _version_of(value: object) -> int | None:
    """Return 4 or 6 for an IP address."""
    try:
        return ipaddress.ip_address(str(value)).version
    except ValueError:
        return None


#: By the word of a rule: what is told when the value is not of it, and how that is found out.
_CHECKS: Final[Mapping[str, tuple[str, Callable[[object], bool]]]] = {
    "path": ("must be an absolute path without '..'", _is_path),
    "path-or-url": (
        "must be an absolute path without '..', or a URL",
        lambda value: _is_path(value) or images.is_url(str(value)),
    ),
    "count": ("cannot be negative", lambda value: int(str(value)) >= 0),
    "port": ("must be a TCP port", lambda value: 0 < int(str(value)) < 65535),
    "mask": ("must list processors such as 0-2,5", _is_mask),
    "masks": (
        "must list processors such as 0-2,5 for each virtual one, with colons between",
        lambda value: all(part in ("", "all") or _is_mask(part) for part in str(value).split(":")),
    ),
    "letters": (
        "must be letters out of a, c, d, n",
        lambda value: set(str(value)) <= set("acdn"),
    ),
    "ipv4": ("must be an IPv4 address", _is_ipv4),
}


# --- parameters that depend on each other -------------------------------------------------------


def _of_kvm(params: Mapping[str, object]) -> Iterator[str]:
    """Yield what is wrong between parameters of KVM that are right each by itself."""
    if params["boot_order"] == "cdrom" and not params["cdrom_image_path"]:
        yield "boot_order 'cdrom' needs a cdrom_image_path"
    if params["kernel_path"] and not params["root_path"]:
        yield "kernel_path needs a root_path"
    if params["security_model"] == "user":
        if not params["security_domain"]:
            yield "security_model 'user' needs a security_domain, the user to run as"
    elif params["security_domain"]:
        yield f"security_model '{params['security_model']}' takes no security_domain"
    if params["serial_console"] and params["serial_speed"] not in _SERIAL_SPEEDS:
        speeds = ", ".join(map(str, _SERIAL_SPEEDS))
        yield f"serial_speed must be one of {speeds}, not {params['serial_speed']!r}"
    if params["vnc_x509_verify"] and not params["vnc_x509_path"]:
        yield "vnc_x509_verify needs a vnc_x509_path"
    if params["disk_aio"] == "native" and params["disk_cache"] != "none":
        yield "disk_aio 'native' needs disk_cache 'none'"
    yield from _of_spice(params)


def _of_spice(params: Mapping[str, object]) -> Iterator[str]:
    bind, wanted = params["spice_bind"], params["spice_ip_version"]
    if not bind:
        for name in _NEEDS_SPICE_BIND:
            if params[name]:
                yield f"{name} needs a spice_bind"
    elif wanted:
        found = _version_of(bind)
        if found is not None and found != wanted:
            yield f"spice_bind {bind} is no address of IP version {wanted}"
