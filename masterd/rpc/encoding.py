"""How the content of files travels to nodes. Pure.

Source: Ganeti 3.0.2 lib/rpc/node.py (_Compress, _PrepareFileUpload).
"""

import base64
import zlib
from dataclasses import dataclass
from typing import Final

from masterd.errors import ProgrammerError

#: Texts from this many bytes on are compressed.
COMPRESS_BYTES_MIN: Final = 512

_PLAIN: Final = 0
_ZLIB_BASE64: Final = 1
_ZLIB_LEVEL: Final = 3


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
        """Return the seven arguments of `upload_file_single`; a list of them is `upload_file`'s."""
        return [
            self.path,
            compress(self.content),
            self.mode,
            self.owner,
            self.group,
            self.atime,
            self.mtime,
        ]


def compress(value: str | bytes) -> list[object]:
    """Return `[0, text]` for a short text, else `[1, base64 of the zlib stream]`.

    Raises:
        ProgrammerError: bytes that are not UTF-8.
    """
    data = value.encode("utf-8") if isinstance(value, str) else value
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
