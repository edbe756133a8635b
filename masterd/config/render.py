"""The bytes of `config.data`, as the reference writes them: no spaces, no line breaks.

Numbers have the reference's form too: a whole number has no fraction, and others are written as
Haskell shows a Double (`1.7954150954302356e9`). So a configuration that was taken over and not
changed gives the same bytes again, and a file can be told from a hand-edited one by its digest.

Text beyond ASCII is written as escapes; see `exporter.ascii_json`.
"""

from decimal import Decimal
from typing import Final

import msgspec

from exporter.ascii_json import in_ascii
from masterd.config.cluster import Cluster
from masterd.config.kinds import KINDS, Configured, Kind
from masterd.config.objects import write
from masterd.config.snapshot import ConfigSnapshot, Objects

_encode_utf8: Final = msgspec.json.Encoder().encode


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
    return in_ascii(_encode_utf8(value))


class Renderer:
    """Renders snapshots; keeps the bytes of what has not changed since the last one.

    Not to be used by two threads at once.
    """

    def __init__(self) -> None:
        #: Each object and its entry `"uuid":{...}`, by kind and uuid.
        self._entries: dict[Kind[Configured], dict[str, tuple[Configured, bytes]]] = {}
        #: The objects of each kind and their section, as last rendered.
        self._sections: dict[Kind[Configured], tuple[Objects[Configured], bytes]] = {}
        #: The cluster as last rendered, and its bytes.
        self._cluster: tuple[Cluster, bytes] | None = None

    def render(self, snapshot: ConfigSnapshot) -> bytes:
        """Return the whole file."""
        if self._cluster is None or self._cluster[0] is not snapshot.cluster:
            self._cluster = snapshot.cluster, _encode(write(snapshot.cluster, number))
        pieces = [b'{"version":%d,"cluster":%b' % (snapshot.version, self._cluster[1])]
        for kind in KINDS:
            section = self._section(kind, snapshot.objects(kind))
            pieces.append(b',"%b":{%b}' % (kind.section.encode(), section))
        pieces.append(b',"ctime":' + bytes(number(snapshot.ctime)))
        pieces.append(b',"mtime":' + bytes(number(snapshot.mtime)))
        pieces.append(b',"serial_no":%d}' % snapshot.serial_no)
        return b"".join(pieces)

    def _section(self, kind: Kind[Configured], objects: Objects[Configured]) -> bytes:
        """Return the entries of a kind, encoding only the objects that are not the same."""
        last = self._sections.get(kind)
        if last is not None and last[0] is objects:
            return last[1]
        before = self._entries.get(kind, {})
        after: dict[str, tuple[Configured, bytes]] = {}
        for uuid in sorted(objects):
            value = objects[uuid]
            entry = before.get(uuid)
            if entry is None or entry[0] is not value:
                entry = (value, b"%b:%b" % (_encode(uuid), _encode(write(value, number))))
            after[uuid] = entry
        section = b",".join([entry for _, entry in after.values()])
        self._entries[kind] = after
        self._sections[kind] = (objects, section)
        return section


def render(snapshot: ConfigSnapshot) -> bytes:
    """Return the bytes of `config.data`."""
    return Renderer().render(snapshot)
