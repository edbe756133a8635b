"""Changes of an instance's network interfaces: what is asked for, what is told of them. Pure.

Source: Ganeti 3.0.2 lib/cmdlib/instance_set_params.py (_VerifyNicModification: checks, texts;
_CreateNewNic, _ApplyNicMods: rows of the result).
"""

from collections.abc import Sequence
from typing import Any, Final

from masterd.config.instance import Nic
from masterd.config.objects import write
from masterd.errors import ECode, OpPrereqError
from masterd.instance import list_changes, nics
from masterd.instance.list_changes import Change, Row
from masterd.opcodes.params import NicParameter, NicParameters

NicChange = Change[NicParameters]

KIND: Final = "NIC"
#: Parameters for whose value "none" stands where there is to be none.
_MAYBE_NONE: Final[tuple[NicParameter, ...]] = ("name", "network", "ip")


def read(given: Sequence[Sequence[Any]]) -> list[NicChange]:
    """Return the changes that an opcode asks for, in one form; see `list_changes.read`.

    Raises:
        OpPrereqError: one contradicts itself.
    """
    return [_request(change) for change in list_changes.read(KIND, given)]


def _request(change: NicChange) -> NicChange:
    list_changes.check_params(KIND, change)
    if change.action not in ("add", "modify"):
        return change
    is_new = change.action == "add"
    made = nics.given(change.params)
    for name in _MAYBE_NONE:
        if name in made:
            made[name] = nics.said(made[name])
    if made.get("network") is not None and not made.keys().isdisjoint(("mode", "link")):
        raise OpPrereqError("If network is given mode or link should not", ECode.INVAL)
    _check_address(made, is_new=is_new)
    if is_new:
        made.setdefault("mac", nics.AUTO)
    mac = made.get("mac")
    if mac is not None and mac not in (nics.AUTO, nics.GENERATE):
        nics.normal_mac(mac)
    if mac == nics.AUTO and not is_new:
        raise OpPrereqError(
            "'auto' is not a valid MAC address when modifying an existing NIC", ECode.INVAL
        )
    return Change(change.action, change.which, made)


def _check_address(made: NicParameters, *, is_new: bool) -> None:
    address = made.get("ip")
    if address is None:
        return
    if address.lower() != nics.POOL:
        nics.check_address(address)
    elif is_new and made.get("network") is None:
        raise OpPrereqError("If ip=pool, parameter network cannot be none", ECode.INVAL)


# --- what the result tells ------------------------------------------------------------------------


def added(index: int, nic: Nic, given: NicParameters) -> Row:
    """Return what is told of a new interface."""
    how = nic.nicparams
    return (
        f"nic.{index}",
        f"add:mac={nic.mac},ip={nic.ip},mode={how.mode},link={how.link},"
        f"network={given.get('network')}",
    )


def changed(index: int, old: Nic, nic: Nic, given: NicParameters) -> list[Row]:
    """Return what changed, and how the interface is connected, whether that changed or not."""
    told: dict[str, object] = {}
    if "mac" in given or nic.mac != old.mac:
        told["mac"] = nic.mac
    if "ip" in given:
        told["ip"] = nic.ip
    if "name" in given:
        told["name"] = nic.name
    if nic.network != old.network:
        told["network"] = given.get("network")
    told |= sorted(write(nic.nicparams).items())
    return [(f"nic.{name}/{index}", value) for name, value in told.items()]
