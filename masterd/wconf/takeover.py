"""Taking in a `config.data` that this daemon did not write.

At the first start the configuration of the master before us is taken over; a file of an older form
is converted, and stays beside under the name of its version. Later a file that somebody edited
while no master ran counts only where the administrator says so (`--adopt-config`).
"""

import logging
import os
import stat
from pathlib import Path

from masterd.config import document, verify
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import EXIT_FAILURE, EXIT_NODESETUP_ERROR, StartError
from masterd.limits import CONFIG_PROBLEMS_TOLD_MAX
from masterd.wconf.repository import ConfigRepository
from migrations.legacy import config_data
from migrations.legacy.config_data import LegacyConfig
from migrations.legacy.config_versions import version_text
from store.files import replacing

_log = logging.getLogger(__name__)


def take_over(config: ConfigRepository, path: Path, *, version: int, above: int = 0) -> None:
    """Take the file into a store that has no configuration. Switches.

    Args:
        version: of the form in which it is kept and written from then on.
        above: a serial number that an earlier store has used, so that a higher one is needed.

    Raises:
        StartError: the file cannot be read, or is refused; names every reason.
        ConfigurationError: an object in it is not what it must be, or the store refused it.
    """
    legacy = _read(path, version)
    _keep_original(legacy)
    if above:
        taken = config.adopt_document(
            legacy.document, source=str(path), digest=legacy.digest, above=above
        )
    else:
        taken = config.import_document(legacy.document, source=str(path), digest=legacy.digest)
    _log.info("took the configuration over from %s", path)
    _tell_problems(taken)


def adopt(config: ConfigRepository, path: Path, *, version: int) -> None:
    """Put the file in the place of the configuration, if it is not what we wrote. Switches.

    Args:
        version: of the form in which it is kept and written from then on.

    Raises:
        StartError: the file cannot be read, or is refused.
        ConfigurationError: an object in it is not what it must be, or the store refused it.
    """
    legacy = _read(path, version)
    record = config.file_record()
    if record is not None and legacy.digest in (record.written, record.previous):
        _log.info("%s is what was last written: nothing to adopt", path)
        return
    before = config.snapshot().serial_no
    _keep_original(legacy)
    after = config.adopt_document(legacy.document, source=str(path), digest=legacy.digest)
    _log.warning("adopted %s: configuration %d follows %d", path, after.serial_no, before)
    _tell_problems(after)


def _tell_problems(config: ConfigSnapshot) -> None:
    """Log what is inconsistent: it was so before us, and hinders nothing that does not touch it."""
    problems = verify.problems(config)
    for problem in problems[:CONFIG_PROBLEMS_TOLD_MAX]:
        _log.warning("the configuration is not consistent: %s", problem)
    more = len(problems) - CONFIG_PROBLEMS_TOLD_MAX
    if more > 0:
        _log.warning("the configuration has %d more inconsistencies", more)


def _read(path: Path, version: int) -> LegacyConfig:
    try:
        legacy = config_data.read(path, wanted=version)
        problems = document.problems(legacy.document)
        if problems:
            raise config_data.ConfigDataRefusedError(path, problems)
        return legacy
    except OSError as error:
        raise StartError(EXIT_NODESETUP_ERROR, f"cannot read {path}: {error}") from error
    except config_data.ConfigDataRefusedError as error:
        told = [*error.reasons[:CONFIG_PROBLEMS_TOLD_MAX]]
        if len(error.reasons) > len(told):
            told.append(f"and {len(error.reasons) - len(told)} more")
        reasons = "\n  ".join(told)
        raise StartError(
            EXIT_FAILURE,
            f"cannot take over {path}:\n  {reasons}\nmend it there, with the master before us"
            " or by hand; nothing was changed",
        ) from error


def _keep_original(legacy: LegacyConfig) -> None:
    """Keep a copy of a file that is converted."""
    if not legacy.is_converted:
        return
    form = version_text(legacy.found_version)
    kept = legacy.path.with_name(f"{legacy.path.name}.{form}")
    try:
        if kept.exists():
            _log.info("%s is there already", kept)
        else:
            found = legacy.path.stat()
            owner = (found.st_uid, found.st_gid) if os.geteuid() == 0 else None
            with replacing(kept, stat.S_IMODE(found.st_mode), owner=owner) as file:
                file.write(legacy.path.read_bytes())
    except OSError as error:
        raise StartError(EXIT_FAILURE, f"cannot keep {legacy.path} as {kept}: {error}") from error
    _log.info("converted %s from the form of Ganeti %s; it stays as %s", legacy.path, form, kept)
    for note in legacy.notes:
        _log.warning("in the converted configuration: %s", note)
