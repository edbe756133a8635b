"""What nodes are told of one configuration, made once for all of them.

Source: Ganeti 3.0.2 rpc.json upload_file_single, write_ssconf_files.
"""

import grp
import hashlib
import pwd
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

import gevent
from gevent.lock import Semaphore

from masterd.config.snapshot import ConfigSnapshot
from masterd.config.ssconf_files import ssconf_files, ssconf_values
from masterd.rpc.calls import CALLS
from masterd.rpc.encoding import FileDetails
from store.threads import in_thread

UPLOAD: Final = CALLS["upload_file_single"]
WRITE_SIMPLE: Final = CALLS["write_ssconf_files"]

#: Mode of `config.data` on candidates. Source: files.json.
FILE_MODE: Final = 0o640


@dataclass(frozen=True, slots=True)
class SimpleFiles:
    """The files every node has, ready to be sent; equal digests, equal contents."""

    digest: bytes
    body: bytes
    contents: Mapping[str, bytes]


class Editions:
    """Gives the request bodies of the newest configuration."""

    def __init__(
        self,
        newest: Callable[[], ConfigSnapshot],
        render: Callable[[ConfigSnapshot], bytes],
        *,
        file_name: str,
        owner: tuple[int, int],
        now_s: Callable[[], float],
        release_version: str,
    ) -> None:
        """Prepare; arguments as `distribute.Distributor` has them."""
        self._newest = newest
        self._render = render
        self._file_name = file_name
        self._owner = (pwd.getpwuid(owner[0]).pw_name, grp.getgrgid(owner[1]).gr_name)
        self._now_s = now_s
        self._release_version = release_version
        #: Several nodes want the same body at the same moment; one of them makes it.
        self._making = Semaphore()
        self._file: tuple[int, bytes] | None = None
        self._simple: tuple[int, SimpleFiles] | None = None

    def file(self) -> tuple[int, bytes]:
        """Return the newest serial number and the body that brings its `config.data`. Switches."""
        with self._making:
            snapshot = self._newest()
            if self._file is None or self._file[0] != snapshot.serial_no:
                body = in_thread(gevent.get_hub().threadpool, partial(self._upload_body, snapshot))
                self._file = snapshot.serial_no, body
            return self._file

    def simple(self) -> tuple[int, SimpleFiles]:
        """Return the newest serial number and its simple files; does not switch."""
        snapshot = self._newest()
        if self._simple is None or self._simple[0] != snapshot.serial_no:
            values = ssconf_values(snapshot, self._release_version)
            digest = hashlib.sha256(repr(sorted(values.items())).encode()).digest()
            if self._simple is not None and self._simple[1].digest == digest:
                files = self._simple[1]
            else:
                body = WRITE_SIMPLE.bodies(("",), (values,))[""]
                texts = ssconf_files(snapshot, self._release_version)
                files = SimpleFiles(digest, body, texts)
            self._simple = snapshot.serial_no, files
        return self._simple

    def _upload_body(self, snapshot: ConfigSnapshot) -> bytes:
        """Return the body; blocks, on a native thread."""
        now_s = self._now_s()
        content = self._render(snapshot)
        details = FileDetails(self._file_name, content, FILE_MODE, *self._owner, now_s, now_s)
        return UPLOAD.bodies(("",), details.arguments())[""]
