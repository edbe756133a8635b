"""How the console of an instance is reached. Pure.

Source: Ganeti 3.0.2 lib/hypervisor/hv_*.py and hv_kvm (GetInstanceConsole), lib/objects.py
InstanceConsole; constants CONS_*, SOCAT_*, VNC_BASE_PORT, SSH_CONSOLE_USER.
"""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from masterd.config.instance import Instance
from masterd.config.node import Node
from masterd.config.objects import write
from masterd.config.params import fill_free
from masterd.config.snapshot import ConfigSnapshot
from masterd.instance.view import InstanceView

#: What a client gets: instance, kind, and what that kind needs.
Console = dict[str, object]

_USER: Final = "root"
_TOOLS: Final = "/usr/lib/ganeti/tools"
_SOCAT: Final = "/usr/bin/socat"
#: How the terminal of whoever looks is left: `Ctrl ]` ends it.
_TERMINAL: Final = "STDIO,raw,echo=0,escape=0x1d"
#: Displays of VNC are counted from this port.
_VNC_PORT: Final = 5900


def console(config: ConfigSnapshot, instance: Instance, node: Node, run_dir: Path) -> Console:
    """Return how the console of an instance that runs on a node is reached.

    Args:
        run_dir: Where the hypervisors of nodes keep their sockets.
    """
    hv = InstanceView(config, instance).whole_hv_params
    match instance.hypervisor:
        case "kvm":
            return _of_kvm(config, instance, node, hv, run_dir)
        case "xen-pvm" | "xen-hvm":
            wrapper = f"{_TOOLS}/xen-console-wrapper"
            return _by_ssh(config, instance, node, [wrapper, str(hv["xen_cmd"]), instance.name])
        case "lxc":
            return _by_ssh(config, instance, node, ["lxc-console", "-n", instance.name])
        case "chroot":
            directory = run_dir / "chroot-hypervisor" / instance.name
            return _by_ssh(config, instance, node, ["chroot", str(directory)])
        case "fake":
            return _none(instance, "Console not available for fake hypervisor")


def _of_kvm(
    config: ConfigSnapshot,
    instance: Instance,
    node: Node,
    hv: Mapping[str, object],
    run_dir: Path,
) -> Console:
    """Return the first of serial console, VNC and SPICE that there is."""
    port = instance.network_port
    if hv["serial_console"]:
        sockets = run_dir / "kvm-hypervisor" / "ctrl"
        command = [
            f"{_TOOLS}/kvm-console-wrapper",
            _SOCAT,
            shlex.quote(instance.name),
            shlex.quote(str(sockets / f"{instance.name}.monitor")),
            _TERMINAL,
            f"UNIX-CONNECT:{sockets / instance.name}.serial",
        ]
        return _by_ssh(config, instance, node, command)
    # Without a port of its own there is nothing to connect to; the reference fails there.
    if hv["vnc_bind_address"] and port is not None and port > _VNC_PORT:
        told = {"host": hv["vnc_bind_address"], "port": port, "display": port - _VNC_PORT}
        return {"instance": instance.name, "kind": "vnc", **told}
    if hv["spice_bind"] and port is not None:
        return {"instance": instance.name, "kind": "spice", "host": hv["spice_bind"], "port": port}
    return _none(instance, f"No serial shell for instance {instance.name}")


def _by_ssh(
    config: ConfigSnapshot, instance: Instance, node: Node, command: Sequence[str]
) -> Console:
    """Return a command to be run on a node; its port is told where node or group say one."""
    group = config.nodegroups[node.group]
    params = fill_free(write(group.ndparams), write(node.ndparams))
    port = params.get("ssh_port")
    return {
        "instance": instance.name,
        "kind": "ssh",
        "host": node.name,
        **({} if port is None else {"port": port}),
        "user": _USER,
        "command": list(command),
    }


def _none(instance: Instance, why: str) -> Console:
    return {"instance": instance.name, "kind": "msg", "message": why}
