"""IP networks and their address pools."""

from typing import Annotated

from msgspec import Meta

from masterd.config.objects import ConfigObject

#: One character per address, "1" where it is taken.
AddressPool = Annotated[str, Meta(pattern="^[01]*$")]
Ipv4Network = Annotated[str, Meta(pattern=r"^(\d{1,3}\.){3}\d{1,3}/\d{1,2}$")]
Ipv4Address = Annotated[str, Meta(pattern=r"^(\d{1,3}\.){3}\d{1,3}$")]


class Network(ConfigObject, frozen=True, kw_only=True):
    """An IP network; the pools say which of its addresses NICs or others use."""

    name: Annotated[str, Meta(min_length=1)]
    mac_prefix: str | None = None
    network: Ipv4Network
    network6: str | None = None
    gateway: Ipv4Address | None = None
    gateway6: str | None = None
    reservations: AddressPool | None = None
    ext_reservations: AddressPool | None = None
    uuid: str
    ctime: float = 0.0
    mtime: float = 0.0
    serial_no: int
    tags: tuple[str, ...] = ()
