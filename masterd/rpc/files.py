"""Local files on their way to other nodes. Reads the disk; the files are small."""

import grp
import pwd
from pathlib import Path

from masterd.errors import OpExecError
from masterd.rpc.encoding import FileDetails
from masterd.rpc.virtual_path import VirtualPaths


def read_details(path: Path, paths: VirtualPaths) -> FileDetails:
    """Return what `upload_file` needs to make the same file elsewhere.

    Owner and group go as names, because numbers differ between nodes.

    Raises:
        OpExecError: the file cannot be read, or its owner or group has no name.
    """
    try:
        with path.open("rb") as file:
            found = path.stat()
            content = file.read()
        owner = pwd.getpwuid(found.st_uid).pw_name
        group = grp.getgrgid(found.st_gid).gr_name
    except (OSError, KeyError) as error:
        raise OpExecError(f"Can't read {path} for upload: {error}") from error
    return FileDetails(
        paths.virtual(path),
        content,
        found.st_mode,
        owner,
        group,
        found.st_atime,
        found.st_mtime,
    )
