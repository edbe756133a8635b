"""The secret that clusters share between which instances go to and fro.

Source: Ganeti 3.0.2 lib/cmdlib/instance_utils.py, GetClusterDomainSecret; lib/utils/io.py.
"""

from masterd.errors import ECode, OpPrereqError
from masterd.work.work import Work


def read(work: Work) -> str:
    """Return the domain secret. Switches.

    Raises:
        OpPrereqError: its file is not there, or has not one line.
    """
    path = work.paths.domain_secret_file
    try:
        text = work.in_thread(lambda: path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise OpPrereqError(
            f"The cluster domain secret cannot be read: {error}", ECode.ENVIRON
        ) from error
    lines = [line for line in text.splitlines() if line]
    if len(lines) != 1:
        raise OpPrereqError(
            f"The cluster domain secret {path} has {len(lines)} lines, not one", ECode.ENVIRON
        )
    return lines[0]


def salt(work: Work) -> str:
    """Return new hexadecimal digits, which nobody can guess."""
    return work.new_uuid().replace("-", "")[:16]
