"""Read the `config.data` of a cluster that another master daemon has run until now.

What the file says is checked here only as far as it decides whether it can be taken over at all:
that it is one JSON object, that no key stands twice, and that its version is one this release takes
over. A document of another version than that which is spoken, 3.0 or 3.1, is brought to its form
(`config_upgrade`). The forms of the objects are checked where they are used.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

from migrations.legacy.config_borne import mended
from migrations.legacy.config_upgrade import random_uuid, upgrade
from migrations.legacy.config_versions import CURRENT, TAKEN, form_of, version_text
from migrations.legacy.config_work import ConfigFormError, NewUuid

#: Bytes of the largest file that is read. A cluster of 10,000 instances has about 20 MiB.
FILE_BYTES_MAX: Final = 512 * 1024 * 1024


class ConfigDataRefusedError(Exception):
    """The file cannot be taken over. `reasons` says why; nothing was changed."""

    def __init__(self, path: Path, reasons: list[str]) -> None:
        super().__init__(f"{path} cannot be taken over: " + "; ".join(reasons))
        self.path = path
        self.reasons = reasons


@dataclass(frozen=True, slots=True)
class LegacyConfig:
    """A configuration as found, in the form that is wanted.

    Attributes:
        path: Where it was read.
        digest: Hex SHA-256 of the file.
        document: The document in that form.
        found_version: The version that the file has.
        notes: What had to be left out or mended, each with its path.
        version: That of the form which is wanted.
    """

    path: Path
    digest: str
    document: Mapping[str, object]
    found_version: int = CURRENT
    notes: tuple[str, ...] = ()
    version: int = CURRENT

    @property
    def is_converted(self) -> bool:
        """Whether the file has another form than the document."""
        return self.found_version != self.version

    @property
    def serial_no(self) -> int:
        """Serial number of the whole."""
        serial_no = self.document["serial_no"]
        assert isinstance(serial_no, int), "checked when the file was read"
        return serial_no


def read(path: Path, *, wanted: int = CURRENT, new_uuid: NewUuid = random_uuid) -> LegacyConfig:
    """Read a `config.data`, of 3.0 or another version that is taken over.

    Args:
        wanted: Version of the form that it is brought to, that of 3.0 or 3.1.
        new_uuid: Names objects that older versions had no uuids for.

    Raises:
        ConfigDataRefusedError: it cannot be taken over.
        OSError: it cannot be read.
    """
    content = content_of(path)
    found = parsed(path, content)
    try:
        made = upgrade(found, wanted=wanted, new_uuid=new_uuid)
    except ConfigFormError as error:
        raise ConfigDataRefusedError(path, error.reasons) from error
    digest = hashlib.sha256(content).hexdigest()
    return LegacyConfig(path, digest, made.document, found["version"], made.notes, wanted)


def content_of(path: Path) -> bytes:
    """Return the bytes of a `config.data`.

    Raises:
        ConfigDataRefusedError: there are too many.
        OSError: it cannot be read.
    """
    if path.stat().st_size > FILE_BYTES_MAX:
        raise ConfigDataRefusedError(path, [f"it is larger than {FILE_BYTES_MAX} bytes"])
    return path.read_bytes()


def parsed(path: Path, content: bytes) -> dict[str, Any]:
    """Return the document of a `config.data` as it stands there, but for what is only borne.

    Raises:
        ConfigDataRefusedError: it is none, or of a version that is not taken over.
    """
    try:
        document = json.loads(
            content, object_pairs_hook=_unique_keys, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError) as error:
        raise ConfigDataRefusedError(path, [f"it is not JSON: {error}"]) from error
    if not isinstance(document, dict):
        told = f"it holds a {type(document).__name__}, not an object"
        raise ConfigDataRefusedError(path, [told])
    document = mended(document)
    reasons = _reasons_against(document)
    if reasons:
        raise ConfigDataRefusedError(path, reasons)
    return document


def _reasons_against(document: Mapping[str, object]) -> list[str]:
    reasons = []
    version = document.get("version")
    if type(version) is not int:
        reasons.append("it names no version")
    elif form_of(version) is None:
        taken = ", ".join(version_text(known) for known in TAKEN)
        reasons.append(
            f"it has the form of Ganeti {version_text(version)} ({version}), "
            f"and only those of {taken} are taken over"
            + ("; the cfgupgrade of one of these converts it" if version < TAKEN[0] else "")
        )
    if type(document.get("serial_no")) is not int:
        reasons.append("it has no serial number")
    return reasons


def _unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]  # add returns None
        raise ValueError(f"the key '{twice}' stands twice in one object")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")
