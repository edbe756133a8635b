"""The operating system of a new instance: its scripts fill the disks, anew or with given data.

Those of one that is trusted run on the node. Those of another run in a helper: its definition is
packed on the node, and the metadata daemon hands the package to the helper, with the parameters.

All functions switch.

Source: Ganeti 3.0.2 lib/cmdlib/instance_create.py (RunOsScripts, RunOsScriptsVirtualized: order).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from masterd.config import images
from masterd.config.disk import Disk
from masterd.config.instance import Instance
from masterd.errors import OpExecError
from masterd.instance.new_disks import MIRRORED_INSIDE
from masterd.lu.creation import importing
from masterd.lu.creation.importing import Source
from masterd.lu.disks import creation as disk_creation
from masterd.lu.instance import guest, helper_vm
from masterd.lu.instance.helper_vm import Helper
from masterd.node import hooks, imports, instances
from masterd.opcodes.instance_create import OpInstanceCreate
from masterd.work.work import Work

#: The parameter that names the package with a system's definition.
_PACKAGE: Final = "os-install-package"
_SCRIPT: Final = "create_untrusted"
#: What disks are called in the machines of a hypervisor, before their letter.
_PREFIXES: Final = {"kvm": "/dev/vd", "xen-hvm": "/dev/xvd", "xen-pvm": "/dev/xvd"}


def install(
    work: Work,
    op: OpInstanceCreate,
    instance: Instance,
    made: Sequence[Disk],
    secret: Mapping[str, str],
    source: Source | None,
) -> Instance:
    """Have the operating system's scripts fill the disks, where there is something to fill.

    It returns the instance as nodes are to be told of it then.

    Args:
        made: the disks that are filled.
        secret: parameters of the operating system that nobody keeps.
        source: where the data for the disks come from; None has it installed.

    Raises:
        OpExecError: the node has it not, or a script failed.
    """
    node = work.config.snapshot().nodes[instance.primary_node]
    result = hooks.operating_systems(work.rpc, (node,))[node.uuid]
    result.raise_(f"Failed to get OS '{instance.os}'")
    told: Any = result.payload
    name = instance.os.partition("+")[0]
    trusted = next((each[7] for each in told if each[0] == name), None)
    if trusted is None:
        raise OpExecError(f"OS '{instance.os}' is not available in node '{node.name}'")
    if source is not None and not trusted:
        raise OpExecError(
            f"OS '{instance.os}' is not trusted: a helper installs it, but nothing brings the data"
            " of another instance"
        )
    if source is not None and made:
        importing.fill(work, op, source, instance, made)
        return instance
    if not made or op.no_install or images.of_os(op.osparams) is not None:
        return instance
    if trusted:
        _on_the_node(work, op, instance, made, secret)
        return instance
    _in_a_helper(work, op, instance, made, secret)
    return guest.now(work.config, instance.uuid)


def _on_the_node(
    work: Work,
    op: OpInstanceCreate,
    instance: Instance,
    made: Sequence[Disk],
    secret: Mapping[str, str],
) -> None:
    config = work.config.snapshot()
    node = config.nodes[instance.primary_node]
    paused = not op.wait_for_sync and any(disk.dev_type in MIRRORED_INSIDE for disk in made)
    if paused:
        work.say("* pausing disk sync to install instance OS")
        disk_creation.set_paused(work, instance, made, pause=True)
    work.say("* running the instance OS create scripts...")
    result = instances.install(
        work.rpc,
        config,
        node,
        instance,
        reinstall=False,
        debug=op.debug_level or 0,
        osparams=secret,
    )
    if paused:
        work.say("* resuming disk sync")
        disk_creation.set_paused(work, instance, made, pause=False)
    result.raise_(f"Could not add os for instance {instance.name} on node {node.name}")


def _in_a_helper(
    work: Work,
    op: OpInstanceCreate,
    instance: Instance,
    made: Sequence[Disk],
    secret: Mapping[str, str],
) -> None:
    config = work.config.snapshot()
    node = config.nodes[instance.primary_node]
    image = config.cluster.install_image
    if not image:
        raise OpExecError(
            f"OS '{instance.os}' is not trusted: its scripts run in a helper, for which the cluster"
            " has no install image"
        )
    environment = _environment(instance, len(made))
    package = instance.osparams.get(_PACKAGE)
    if package is None:
        result = imports.export_os(work.rpc, config, node, instance, environment)
        result.raise_(f"Could not export OS '{instance.os}'")
        package = str(result.payload)
        work.say(f"Created OS install package '{package}'")
    else:
        work.say(f"Using OS install package '{package}'")
    told = msgspec.structs.replace(instance, osparams={**instance.osparams, _PACKAGE: package})
    guest.tell_metadata(work, told, node, secret=secret)
    helper = Helper(
        image=image,
        about="Running OS create script",
        startup_s=_seconds(op.helper_startup_timeout, helper_vm.STARTUP_S),
        work_s=_seconds(op.helper_shutdown_timeout, helper_vm.WORK_S),
        reason=op.reason,
    )
    helper_vm.run(work, told, helper)


def _environment(instance: Instance, count: int) -> dict[str, str]:
    """Return what the scripts are told: which of them runs, and the disks behind the helper's own.

    Raises:
        OpExecError: nobody knows how they are called there.
    """
    prefix = _PREFIXES.get(instance.hypervisor)
    if prefix is None:
        raise OpExecError(
            f"OS '{instance.os}' is not trusted, and hypervisor '{instance.hypervisor}' runs no"
            " helper"
        )
    paths = {f"DISK_{n}_PATH": f"{prefix}{chr(ord('b') + n)}" for n in range(count)}
    return {"OS_SCRIPT": _SCRIPT, **paths}


def _seconds(given: int | None, default: float) -> float:
    return default if given is None else given
