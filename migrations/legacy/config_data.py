"""Read the `config.data` of a cluster that another master daemon has run until now.

What the file says is checked here only as far as it decides whether it can be taken over at all:
that it is one JSON object, that no key stands twice, and that its version is one this release takes
over. The forms of the objects are checked where they are used.

Source: Ganeti 3.0.2 (version = major * 1,000,000 + minor * 10,000 + revision).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

#: Versions whose documents are taken over as they are.
VERSIONS: Final = frozenset({3_000_000})

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
    """A configuration as found.

    Attributes:
        path: Where it was read.
        digest: Hex SHA-256 of the file.
        document: The parsed document.
    """

    path: Path
    digest: str
    document: Mapping[str, object]

    @property
    def serial_no(self) -> int:
        """Serial number of the whole."""
        serial_no = self.document["serial_no"]
        assert isinstance(serial_no, int), "checked when the file was read"
        return serial_no


def read(path: Path) -> LegacyConfig:
    """Read a `config.data`.

    Raises:
        ConfigDataRefusedError: it cannot be taken over.
        OSError: it cannot be read.
    """
    if path.stat().st_size > FILE_BYTES_MAX:
        raise ConfigDataRefusedError(path, [f"it is larger than {FILE_BYTES_MAX} bytes"])
    content = path.read_bytes()
    try:
        document = json.loads(
            content, object_pairs_hook=_unique_keys, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError) as error:
        raise ConfigDataRefusedError(path, [f"it is not JSON: {error}"]) from error
    reasons = _reasons_against(document)
    if reasons:
        raise ConfigDataRefusedError(path, reasons)
    return LegacyConfig(path, hashlib.sha256(content).hexdigest(), document)


def version_text(version: int) -> str:
    """Return a version as people write it: 2160000 is "2.16"."""
    return f"{version // 1_000_000}.{version % 1_000_000 // 10_000}"


def _reasons_against(document: object) -> list[str]:
    if not isinstance(document, dict):
        return [f"it holds a {type(document).__name__}, not an object"]
    reasons = []
    version = document.get("version")
    if type(version) is not int:
        reasons.append("it names no version")
    elif version not in VERSIONS:
        taken = ", ".join(version_text(known) for known in sorted(VERSIONS))
        reasons.append(
            f"it has the form of Ganeti {version_text(version)} ({version}), "
            f"and only that of {taken} is taken over"
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
