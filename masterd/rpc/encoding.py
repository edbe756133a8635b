"""How arguments of node calls become JSON values.

An encoder is a pure function from the caller's value to a JSON value. Those that fill parameters
from the configuration (`inst_dict` and the disk forms) are not here: the caller of
`RpcRunner` hands them in by name, and a call that lacks one is refused.

Source: Ganeti 3.0.2 lib/rpc/node.py, _ENCODERS.
"""

import base64
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

from masterd.errors import ProgrammerError

Encoder = Callable[[object], object]

#: Texts from this many bytes on are compressed.
COMPRESS_BYTES_MIN: Final = 512

_PLAIN: Final = 0
_ZLIB_BASE64: Final = 1
_ZLIB_LEVEL: Final = 3


@runtime_checkable
class Documented(Protocol):
    """An object with a JSON form."""

    def to_dict(self) -> dict[str, object]:
        """Return the object as a JSON value."""
        ...


@dataclass(frozen=True, slots=True)
class FileDetails:
    """A file to be written on a node.

    Attributes:
        path: name as it travels, see `virtual_path`.
        content: whole content, UTF-8 text.
        mode: permission bits; None leaves them to the node.
        owner: user name.
        group: group name.
        atime: seconds since the epoch, or None.
        mtime: seconds since the epoch, or None.
    """

    path: str
    content: bytes
    mode: int | None
    owner: str
    group: str
    atime: float | None = None
    mtime: float | None = None

    def arguments(self) -> list[object]:
        """Return the seven arguments of `upload_file_single`, content not yet compressed."""
        return [
            self.path,
            self.content,
            self.mode,
            self.owner,
            self.group,
            self.atime,
            self.mtime,
        ]


def compress(value: object) -> list[object]:
    """Return `[0, text]` for a short text, else `[1, base64 of the zlib stream]`.

    Raises:
        ProgrammerError: neither text nor UTF-8 bytes.
    """
    if isinstance(value, str):
        data = value.encode("utf-8")
    elif isinstance(value, bytes):
        data = value
    else:
        raise ProgrammerError(f"Can't compress a value of type {type(value).__name__}")
    if len(data) < COMPRESS_BYTES_MIN:
        try:
            return [_PLAIN, value if isinstance(value, str) else data.decode("utf-8")]
        except UnicodeDecodeError as error:
            raise ProgrammerError(f"Content for a node is not UTF-8 text: {error}") from error
    return [_ZLIB_BASE64, base64.b64encode(zlib.compress(data, _ZLIB_LEVEL)).decode("ascii")]


def decompress(value: object, *, bytes_max: int) -> bytes:
    """Undo `compress`.

    Raises:
        ValueError: not such a pair, damaged, or longer than `bytes_max`.
    """
    match value:
        case [0, str(text)]:
            data = text.encode("utf-8")
            if len(data) > bytes_max:
                raise ValueError(f"content exceeds {bytes_max} bytes")
            return data
        case [1, str(text)]:
            stream = zlib.decompressobj()
            try:
                data = stream.decompress(base64.b64decode(text, validate=True), bytes_max + 1)
            except (zlib.error, ValueError) as error:
                raise ValueError(f"damaged content: {error}") from error
            if len(data) > bytes_max:
                raise ValueError(f"content exceeds {bytes_max} bytes")
            if not stream.eof:
                raise ValueError("damaged content: the stream is cut off")
            return data
        case _:
            raise ValueError("content is not [0, text] or [1, base64 text]")


def object_dict(value: object) -> object:
    """Return an object's JSON form; a mapping is one already."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Documented):
        return value.to_dict()
    raise ProgrammerError(f"A value of type {type(value).__name__} has no JSON form")


def object_dict_list(value: object) -> object:
    """Return the JSON forms of a sequence of objects."""
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise ProgrammerError(f"A list of objects is wanted, not a {type(value).__name__}")
    return [object_dict(entry) for entry in value]


def file_details(value: object) -> object:
    """Return `[path, compressed content, mode, owner, group, atime, mtime]`."""
    if not isinstance(value, FileDetails):
        raise ProgrammerError(f"FileDetails are wanted, not a {type(value).__name__}")
    path, content, *rest = value.arguments()
    return [path, compress(content), *rest]


#: Encoders that need nothing but the value, by the name used in the call table.
ENCODERS: Final[Mapping[str, Encoder]] = {
    "compress": compress,
    "file_details": file_details,
    "object_dict": object_dict,
    "object_dict_list": object_dict_list,
    # A disk in its form for one node (`config.node_disks`), which its caller knows.
    "single_disk_dict_dp": object_dict,
}

#: Encoders that fill in parameters from the configuration; handed to the runner by name.
CONFIGURATION_ENCODERS: Final = frozenset(
    {
        "blockdev_rename",
        "device_dict",
        "disks_dict_dp",
        "finalize_export_disks",
        "impexp_io",
        "inst_dict",
        "inst_dict_hvp_bep_dp",
        "inst_dict_osp_dp",
        "multi_disks_dict_dp",
        "nic_dict",
        "node_to_disk_dict_dp",
    }
)
