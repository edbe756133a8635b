"""Write what a Debian package says of itself: whose it is, and what changed.

usage: documents.py PACKAGES REPOSITORY DIRECTORY VERSION RELEASE MAINTAINER

PACKAGES is the directory into which the wheels were unpacked; DIRECTORY gets `copyright`,
`changelog.Debian.gz` and `changelog.gz`.
"""

import gzip
import sys
from email.parser import HeaderParser
from email.utils import formatdate
from pathlib import Path


def copyright_text(packages: Path, repository: Path) -> str:
    """Return the licence of the project and of every package that is in the archive."""
    told = [
        "ganeti-masterd is under this licence:",
        (repository / "LICENSE").read_text(encoding="utf-8"),
        "Below /usr/lib/ganeti-masterd/lib are these packages too, unpacked from their wheels:",
    ]
    for metadata in sorted(packages.glob("*.dist-info/METADATA")):
        fields = HeaderParser().parsestr(metadata.read_text(encoding="utf-8"))
        if fields["Name"] == "ganeti-masterd":
            continue
        licence = fields["License-Expression"] or fields["License"] or "see below"
        told.append(f"{'-' * 78}\n{fields['Name']} {fields['Version']}: {licence}")
        told += [
            _short(path.read_text(encoding="utf-8", errors="replace"))
            for path in sorted(metadata.parent.rglob("*"))
            if path.is_file() and path.name.upper().startswith(("LICEN", "COPYING", "NOTICE"))
        ]
    return "\n\n".join(text.strip() for text in told) + "\n"


def _short(licence: str) -> str:
    """Return a licence, or where Debian has it."""
    if "Apache License" in licence and "TERMS AND CONDITIONS" in licence:
        return "The whole text is in /usr/share/common-licenses/Apache-2.0."
    return licence


def changelog_text(version: str, release: str, maintainer: str, time_s: float) -> str:
    """Return the changelog of the package; that of the program lies beside."""
    return (
        f"ganeti-masterd ({version}) {release}; urgency=medium\n\n"
        "  * Built from the sources; changelog.gz tells what is new in the program.\n\n"
        f" -- {maintainer}  {formatdate(time_s, localtime=False)}\n"
    )


def main(packages: str, repository: str, directory: str, *about: str) -> None:
    """Write the files."""
    version, release, maintainer = about
    place, source = Path(directory), Path(repository)
    changes = source / "CHANGELOG.md"
    place.joinpath("copyright").write_text(copyright_text(Path(packages), source), encoding="utf-8")
    text = changelog_text(version, release, maintainer, changes.stat().st_mtime)
    for name, content in (
        ("changelog.Debian.gz", text.encode()),
        ("changelog.gz", changes.read_bytes()),
    ):
        place.joinpath(name).write_bytes(gzip.compress(content, mtime=0))


if __name__ == "__main__":
    main(*sys.argv[1:])
