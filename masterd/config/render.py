"""The bytes of `config.data`, as the reference writes them: no spaces, no line breaks.

Numbers have the reference's form too: a whole number has no fraction, and others are written as
Haskell shows a Double (`1.7954150954302356e9`). So a configuration that was taken over and not
changed gives the same bytes again, and a file can be told from a hand-edited one by its digest.

Text beyond ASCII is written as escapes, because the reference's daemons decode the file by the
locale they happen to run in, and in that of a boot script ("C") one such letter stops them.
"""

import re
from decimal import Decimal
from typing import Final

import msgspec

from masterd.config.kinds import CLUSTER, KINDS, Configured, Kind
from masterd.config.objects import write
from masterd.config.snapshot import ConfigSnapshot

_encode_utf8: Final = msgspec.json.Encoder().encode
_BEYOND_ASCII: Final = re.compile(r"[^\x00-\x7f]")


def number(value: float) -> msgspec.Raw:
    """Return a float in the reference's form.

    Decimal notation from 0.1 up to 10,000,000, otherwise one digit, a fraction and an exponent.
    """
    if value.is_integer():
        return msgspec.Raw(b"%d" % int(value))
    if 0.1 <= abs(value) < 1e7:
        return msgspec.Raw(repr(value).encode())
    sign, digits, exponent = Decimal(repr(value)).as_tuple()
    assert isinstance(exponent, int), "JSON has no infinite numbers"
    significant = "".join(map(str, digits)).rstrip("0")
    text = f"{significant[0]}.{significant[1:] or '0'}e{len(digits) + exponent - 1}"
    return msgspec.Raw(("-" + text if sign else text).encode())


def _encode(value: object) -> bytes:
    """Return a value as JSON text in ASCII."""
    encoded = _encode_utf8(value)
    if encoded.isascii():
        return encoded
    return _BEYOND_ASCII.sub(_escaped, encoded.decode()).encode()


def _escaped(match: re.Match[str]) -> str:
    """Return a character as JSON escapes: one for each of its UTF-16 units."""
    units = match[0].encode("utf-16-be")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


class Renderer:
    """Renders snapshots; keeps the bytes of each object until the object changes.

    Not to be used by two threads at once.
    """

    def __init__(self) -> None:
        self._kept: dict[Kind[Configured], dict[str, tuple[Configured, bytes]]] = {
            kind: {} for kind in (CLUSTER, *KINDS)
        }

    def render(self, snapshot: ConfigSnapshot) -> bytes:
        """Return the whole file."""
        cluster = snapshot.cluster
        pieces = [b'{"version":%d,"cluster":' % snapshot.version]
        pieces.append(self._section(CLUSTER, {cluster.uuid: cluster})[cluster.uuid])
        for kind in KINDS:
            objects = self._section(kind, dict(snapshot.objects(kind)))
            inner = b",".join(b"%b:%b" % (_encode(uuid), objects[uuid]) for uuid in sorted(objects))
            pieces.append(b',"%b":{%b}' % (kind.section.encode(), inner))
        pieces.append(b',"ctime":' + bytes(number(snapshot.ctime)))
        pieces.append(b',"mtime":' + bytes(number(snapshot.mtime)))
        pieces.append(b',"serial_no":%d}' % snapshot.serial_no)
        return b"".join(pieces)

    def _section(self, kind: Kind[Configured], objects: dict[str, Configured]) -> dict[str, bytes]:
        """Return the bytes of each object, encoding only what is not the same as last time."""
        before = self._kept[kind]
        after: dict[str, tuple[Configured, bytes]] = {}
        for uuid, value in objects.items():
            kept = before.get(uuid)
            if kept is None or kept[0] is not value:
                kept = (value, _encode(write(value, number)))
            after[uuid] = kept
        self._kept[kind] = after
        return {uuid: kept[1] for uuid, kept in after.items()}


def render(snapshot: ConfigSnapshot) -> bytes:
    """Return the bytes of `config.data`."""
    return Renderer().render(snapshot)
