"""What the description of an export says of the instance, and what a request leaves to it. Pure.

The description is an INI file, which the node that has the export wrote when it was finished.

Source: Ganeti 3.0.2 lib/cmdlib/instance_create.py, _ReadExportParams (which says what, order,
texts); lib/objects.py, SerializableConfigParser; lib/backend.py, FinalizeExport.
"""

import configparser
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, cast

from masterd.errors import ECode, OpPrereqError
from masterd.opcodes.instance_create import OpInstanceCreate
from masterd.opcodes.params import DiskParameters, Hypervisor, NicParameters
from masterd.opcodes.secrets import Secret

#: Version of the description. Source: constants EXPORT_VERSION.
_VERSION: Final = 0

_EXPORT: Final = "export"
_INSTANCE: Final = "instance"
_DISKLESS: Final = "diskless"
#: How many disks and NICs an instance may have. Source: constants MAX_DISKS, MAX_NICS.
_DISKS_MAX: Final = 16
_NICS_MAX: Final = 8
#: Digits of a size in MiB; more than 64 bits cannot be kept.
_DIGITS_MAX: Final = 18
#: What stands where there is nothing.
_NONE: Final = "none"
#: Options that older descriptions lack.
_MAY_LACK: Final = re.compile(r"(disk|nic)\d+_name|nic\d+_(network|vlan)")
_OWN_OF_NICS: Final = ("ip", "mac", "name")
_PARAMS_OF_NICS: Final = ("link", "mode", "vlan")
#: Of those that older descriptions have beside the name of the instance.
_BACKEND: Final = (
    "always_failover", "auto_balance", "maxmem", "minmem", "spindle_use", "vcpus",
)  # fmt: skip
#: The old name of both bounds of memory.
_MEMORY: Final = "memory"


class Description:
    """The description of an export."""

    def __init__(self, text: str) -> None:
        """Read a description.

        Raises:
            OpPrereqError: it is none, or of another version.
        """
        self._parser = configparser.ConfigParser()
        try:
            self._parser.read_string(text)
        except configparser.Error as error:
            raise _unusable(str(error)) from error
        if not self._parser.has_section(_EXPORT):
            raise _unusable("it does not say what it is")
        version = self.text(_EXPORT, "version")
        if version != str(_VERSION):
            raise OpPrereqError(
                f"Wrong export version {version} (wanted {_VERSION})", ECode.ENVIRON
            )

    @property
    def name(self) -> str:
        """What the instance was called."""
        return self.text(_INSTANCE, "name") or ""

    def image(self, index: int) -> str | None:
        """Return the name of the file with the data of a disk; None where it has none.

        Raises:
            OpPrereqError: the name leads out of the export's directory.
        """
        option = f"disk{index}_dump"
        name = self.text(_INSTANCE, option) if self._has(option) else None
        if name is not None and (name.startswith("/") or ".." in name.split("/")):
            raise _unusable(f"the file of disk {index} is not in its directory: '{name}'")
        return name

    def mac(self, index: int) -> str | None:
        """Return the MAC address that a NIC had."""
        option = f"nic{index}_mac"
        return self.text(_INSTANCE, option) if self._has(option) else None

    def text(self, section: str, option: str) -> str | None:
        """Return what is said of something; None where that is nothing.

        Raises:
            OpPrereqError: nothing is said, where that must be.
        """
        try:
            value = self._parser.get(section, option)
        except (configparser.NoOptionError, configparser.NoSectionError) as error:
            if _MAY_LACK.match(option):
                return None
            raise _unusable(f"it lacks {option} of {section}") from error
        except configparser.Error as error:
            raise _unusable(str(error)) from error
        return None if value.lower() == _NONE else value

    def _has(self, option: str) -> bool:
        return self._parser.has_option(_INSTANCE, option)

    def section(self, name: str) -> Mapping[str, str] | None:
        """Return all that a section says, as it stands there; None where there is no such."""
        if not self._parser.has_section(name):
            return None
        try:
            return dict(self._parser.items(name))
        except configparser.Error as error:
            raise _unusable(str(error)) from error

    # --- what follows for an instance -----------------------------------------------------------

    def disks(self) -> list[DiskParameters]:
        """Return the disks as a client would ask for them."""
        found = []
        for index in range(_DISKS_MAX):
            option = f"disk{index}_size"
            if not self._has(option):
                continue
            size = self.text(_INSTANCE, option) or ""
            if not (size.isascii() and size.isdigit() and len(size) <= _DIGITS_MAX):
                raise _unusable(f"{option} is '{size}'")
            disk = {"size": int(size), "name": self.text(_INSTANCE, f"disk{index}_name")}
            found.append(cast(DiskParameters, disk))
        return found

    def nics(self) -> list[NicParameters]:
        """Return the NICs as a client would ask for them.

        What one in a network has besides follows from that.
        """
        found = []
        for index in range(_NICS_MAX):
            if not self._has(f"nic{index}_mac"):
                break
            nic: dict[str, str | None] = {
                name: self.text(_INSTANCE, f"nic{index}_{name}")
                for name in _OWN_OF_NICS
                if self._has(f"nic{index}_{name}")
            }
            network = self.text(_INSTANCE, f"nic{index}_network")
            if network:
                nic["network"] = network
            else:
                for name in _PARAMS_OF_NICS:
                    nic[name] = self.text(_INSTANCE, f"nic{index}_{name}")
            found.append(cast(NicParameters, nic))
        return found

    def tags(self) -> tuple[str, ...]:
        """Return the tags."""
        return tuple((self.text(_INSTANCE, "tags") or "").split()) if self._has("tags") else ()

    def hypervisor(self) -> str | None:
        """Return the hypervisor."""
        return self.text(_INSTANCE, "hypervisor") if self._has("hypervisor") else None

    def backend(self, given: Mapping[Any, object]) -> dict[Any, object]:
        """Return backend parameters, of which those given count first."""
        section = self.section("backend")
        if section is None:
            own = {n: self.text(_INSTANCE, n) for n in _BACKEND if self._has(n)}
            return {**own, **given}
        made = {**section, **given}
        if _MEMORY in section:
            made = {"maxmem": section[_MEMORY], "minmem": section[_MEMORY], **made}
        return made


def filled(op: OpInstanceCreate, said: Description) -> OpInstanceCreate:
    """Return a request with what it leaves open as the export has it.

    The operating system is always that of the export: nobody else knows what is in its data.

    Raises:
        OpPrereqError: the export does not say what is needed.
    """
    disks = list(op.disks) or said.disks()
    if not disks and op.disk_template != _DISKLESS:
        raise OpPrereqError(
            "No disk info specified and the export is missing the disk information", ECode.INVAL
        )
    private = {name: Secret(value) for name, value in (said.section("os_private") or {}).items()}
    return replace(
        op,
        os_type=said.text(_EXPORT, "os"),
        disks=tuple(disks),
        nics=tuple(op.nics or said.nics()),
        tags=tuple(op.tags or said.tags()),
        # Whether there is such a one is looked at later.
        hypervisor=op.hypervisor or cast(Hypervisor | None, said.hypervisor()),
        hvparams={**(said.section("hypervisor") or {}), **op.hvparams},
        beparams=said.backend(op.beparams),
        osparams={**(said.section("os") or {}), **op.osparams},
        osparams_private={**private, **(op.osparams_private or {})},
    )


def _unusable(why: str) -> OpPrereqError:
    return OpPrereqError(f"The description of the export cannot be used: {why}", ECode.ENVIRON)
