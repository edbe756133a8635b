"""Whether `config.data` is what this daemon wrote, and what it says otherwise."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from masterd.config import document
from masterd.config.kinds import CLUSTER, KINDS
from masterd.config.objects import write
from masterd.config.render import render
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ConfigurationError
from masterd.wconf.repository import ConfigRepository
from migrations.legacy import config_data
from migrations.legacy.config_data import ConfigDataRefusedError


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigStanding:
    """The file beside the store.

    Attributes:
        serials: Serial numbers of the whole and of the cluster object in the store.
        file_serials: Those of the file; None where it is ours, or not there, or cannot be read.
        refused: Why a file that is not ours cannot be read, one sentence each.
        other_cluster: Whether the file is of another cluster.
        is_ours: Whether the file is what was last written, or not there.
    """

    serials: tuple[int, int]
    file_serials: tuple[int, int] | None = None
    refused: tuple[str, ...] = ()
    other_cluster: bool = False
    is_ours: bool = True


def look(config: ConfigRepository, path: Path) -> ConfigStanding:
    """Compare the file with the store. Blocks.

    Raises:
        OSError: the file cannot be read.
    """
    snapshot = config.snapshot()
    serials = (snapshot.serial_no, snapshot.cluster.serial_no)
    try:
        digest = hashlib.sha256(config_data.content_of(path)).hexdigest()
        record = config.file_record()
        if record is not None and digest in (record.written, record.previous):
            return ConfigStanding(serials=serials)
        found = read(path, snapshot.version)
    except FileNotFoundError:
        return ConfigStanding(serials=serials)
    except ConfigDataRefusedError as error:
        return ConfigStanding(serials=serials, refused=tuple(error.reasons), is_ours=False)
    except ConfigurationError as error:
        return ConfigStanding(serials=serials, refused=(error.message,), is_ours=False)
    return ConfigStanding(
        serials=serials,
        file_serials=(found.serial_no, found.cluster.serial_no),
        other_cluster=found.cluster.uuid != snapshot.cluster.uuid,
        # Others may order or space the same content differently.
        is_ours=render(found) == render(snapshot),
    )


def read(path: Path, version: int) -> ConfigSnapshot:
    """Read a `config.data` of any release that is taken over, in the form of a version.

    Raises:
        ConfigDataRefusedError, ConfigurationError: it cannot be taken over.
        OSError: it cannot be read.
    """
    return document.split(config_data.read(path, wanted=version).document)


def differences(store: ConfigSnapshot, file: ConfigSnapshot) -> Iterator[str]:
    """Yield what differs between two configurations, an object each."""
    for key in ("serial_no", "mtime"):
        ours, theirs = getattr(store, key), getattr(file, key)
        if ours != theirs:
            yield f"{key} is {ours} in the store, {theirs} in the file"
    changed = _changed_keys(write(store.cluster), write(file.cluster))
    if changed:
        yield f"{CLUSTER.name} {store.cluster.cluster_name}: {changed} differs"
    for kind in KINDS:
        ours, theirs = store.objects(kind), file.objects(kind)
        for uuid in sorted({*ours, *theirs}):
            mine, other = ours.get(uuid), theirs.get(uuid)
            named = getattr(mine or other, "name", None) or uuid
            if mine is None or other is None:
                yield f"{kind.name} {named}: only in the {'file' if mine is None else 'store'}"
            elif mine != other:
                yield f"{kind.name} {named}: {_changed_keys(write(mine), write(other))} differs"


def _changed_keys(ours: dict[str, object], theirs: dict[str, object]) -> str:
    keys = {*ours, *theirs}
    return ", ".join(sorted(key for key in keys if ours.get(key) != theirs.get(key)))
