"""Which dialect is spoken: by what is installed, or by the setting `dialect`."""

import logging
from typing import Final

from masterd.dialect import DIALECT_3_0, DIALECTS, Dialect
from masterd.errors import EXIT_FAILURE, StartError
from masterd.installed import Installed

_log = logging.getLogger(__name__)

#: The setting that leaves the choice to what is installed.
AUTOMATIC: Final = "auto"


def choose(setting: str, found: Installed | None) -> Dialect:
    """Return the dialect to be spoken.

    Args:
        setting: A name in `DIALECTS`, or AUTOMATIC.
        found: What is installed.

    Raises:
        StartError: a release is installed that is not spoken, and the setting does not say more.
    """
    if found is not None and found.release_version is None:
        _log.info(
            "the files of Ganeti %s cannot be read, or do not tell which one it is", found.version
        )
    if setting != AUTOMATIC:
        dialect = DIALECTS[setting]
        if found is not None and found.version == setting:
            return dialect.as_installed(found.release_version, found.vcs_version)
        _log.warning("speaking as Ganeti %s, because the settings say so", setting)
        return dialect
    if found is None:
        _log.warning(
            "no Ganeti is found on this machine: speaking as %s", DIALECT_3_0.release_version
        )
        return DIALECT_3_0
    if found.version not in DIALECTS:
        raise StartError(
            EXIT_FAILURE,
            f"Ganeti {found.version} is installed, and only {' and '.join(DIALECTS)} are spoken;"
            " the setting 'dialect' chooses one of them",
        )
    chosen = DIALECTS[found.version].as_installed(found.release_version, found.vcs_version)
    _log.info("speaking as Ganeti %s, which is installed", chosen.release_version)
    return chosen
