"""OP_INSTANCE_REINSTALL: the operating system of an instance anew, or another one.

Parameters that the opcode gives go before those that the instance has, and are recorded; secret
ones are told to the scripts alone.

Source: Ganeti 3.0.2 lib/cmdlib/instance_operation.py (checks, order, texts); prereqs.json,
rpc_flow.json.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import msgspec

from masterd.config import images
from masterd.config.disk import Disk
from masterd.config.instance import Instance
from masterd.config.kinds import INSTANCE
from masterd.config.objects import FreeParams
from masterd.config.relations import nodes_of
from masterd.config.snapshot import ConfigSnapshot
from masterd.config.transaction import Draft
from masterd.errors import ECode, GanetiError, OpPrereqError
from masterd.instance import disks, params
from masterd.lu.disks import assembly, creation
from masterd.lu.instance import guest, host_checks
from masterd.lu.instance.guest import Guest
from masterd.node import instances
from masterd.opcodes.instance_create import OpInstanceReinstall
from masterd.work.base import Description, Locks, LogicalUnit
from masterd.work.hooks import Hooked, HookPath


@dataclass(frozen=True, slots=True, kw_only=True)
class Reinstallation:
    """What is to be installed.

    Attributes:
        system: operating system; empty where there is none.
        image: what is written onto the first disk before, None for nothing.
        own, private: parameters that are recorded.
        secret: those that are not.
        whole: filled, of every visibility.
    """

    guest: Guest
    system: str
    image: str | None
    own: Mapping[str, str]
    private: Mapping[str, str] = field(repr=False)
    secret: Mapping[str, str] = field(repr=False)
    whole: FreeParams = field(repr=False)


class LUInstanceReinstall(LogicalUnit[OpInstanceReinstall, Reinstallation]):
    """Has the scripts of an operating system fill an instance's disks again."""

    HOOKS: ClassVar[HookPath | None] = HookPath("instance-reinstall", "INSTANCE")

    def check_arguments(self) -> None:
        images.check(images.of_os(self.op.osparams), "OS")

    def needs(self, config: ConfigSnapshot) -> Locks:
        return guest.lock(config, self.op)

    def check(self, config: ConfigSnapshot) -> Reinstallation:
        op, found = self.op, guest.find(config, self.op)
        instance = found.instance
        guest.check_online(found.node)
        if not instance.disks:
            raise OpPrereqError(f"Instance '{instance.name}' has no disks", ECode.INVAL)
        guest.check_not_running(self.work, config, found, "cannot reinstall")
        system = instance.os if op.os_type is None else op.os_type
        own = params.os_changed("osparams", instance.osparams, op.osparams or {})
        given = params.revealed(op.osparams_private)
        private = params.os_changed("osparams_private", instance.osparams_private, given)
        secret = params.os_texts("osparams_secret", params.revealed(op.osparams_secret))
        whole = params.os_whole(config.cluster, system, public=own, private=private, secret=secret)
        if system:
            variant, nodes = op.force_variant, nodes_of(config, instance)
            host_checks.os_params(self.work, nodes, system, whole, force_variant=variant)
        return Reinstallation(
            guest=found,
            system=system,
            image=images.of_os(op.osparams) or images.of_os(instance.osparams),
            own=own,
            private=private,
            secret=secret,
            whole=whole,
        )

    def hooks(self, plan: Reinstallation, config: ConfigSnapshot) -> Hooked:
        return guest.hooked(config, config.instances[plan.guest.instance.uuid], self.op)

    def describe(self, plan: Reinstallation) -> Description:
        name, said = plan.guest.instance.name, []
        if self.op.os_type is not None:
            said.append(f"Record that the operating system of instance {name} is {plan.system}")
        if plan.image:
            said.append(f"Write image {plan.image} onto the first disk of instance {name}")
        if plan.system:
            said.append(f"Have {plan.system} install instance {name} on {plan.guest.node.name}")
        return said

    def execute(self, plan: Reinstallation) -> None:
        say = self.work.say
        if images.of_os(self.op.osparams) is not None:
            say(f"Using OS image '{plan.image}'")
        if self.op.os_type is not None:
            say(f"Changing OS scripts to '{plan.system}'...")
        if not plan.image and not plan.system:
            say.info(
                f"Instance {plan.guest.instance.name} has neither an operating system nor an image,"
                " and none is named: there is nothing to install"
            )
            return
        instance = self._record(plan)
        assembly.start(self.work, instance.uuid, force=False, hint=False)
        try:
            self._install(plan, guest.now(self.work.config, instance.uuid))
        except GanetiError:
            assembly.shut_down(self.work, instance.uuid)
            raise
        assembly.shut_down(self.work, instance.uuid)

    def _record(self, plan: Reinstallation) -> Instance:
        uuid = plan.guest.instance.uuid

        def change(draft: Draft) -> None:
            present = draft.require(INSTANCE, uuid)
            draft.put(
                msgspec.structs.replace(
                    present, os=plan.system, osparams=plan.own, osparams_private=plan.private
                )
            )

        self.work.config.update(change)
        return guest.now(self.work.config, uuid)

    def _install(self, plan: Reinstallation, instance: Instance) -> None:
        """Fill the disks, which are up, and tell the metadata daemon. Switches."""
        work, node = self.work, plan.guest.node
        config = work.config.snapshot()
        if plan.image:
            first = disks.of(config, instance)[0]
            assert isinstance(first, Disk), "it is up"
            creation.image(work, instance, first, plan.image)
        if plan.system:
            work.say.info("Running instance OS create scripts...")
            result = instances.install(
                work.rpc,
                config,
                node,
                instance,
                reinstall=True,
                debug=self.op.debug_level or 0,
                osparams=plan.whole,
            )
            result.raise_(
                f"Could not install OS for instance '{instance.name}' on node '{node.name}'"
            )
        guest.tell_metadata(work, instance, node, secret=plan.secret, public=plan.whole)
