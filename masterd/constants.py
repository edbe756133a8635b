"""Facts of the Ganeti release whose wire and disk forms are spoken.

Source: Ganeti 3.0.2 constants, as built in Debian 12.
"""

from typing import Final

#: Release told to clients and written to ssconf; clients compare it with their own.
RELEASE_VERSION: Final = "3.0.2"
VCS_VERSION: Final = "(ganeti) version 3.0.2-3"

#: Releases that are spoken; see `masterd.dialect` for what each says.
RELEASES: Final = ("3.0", "3.1")

#: Versions of forms: major * 1,000,000 + minor * 10,000 + revision.
CONFIG_VERSION: Final = 3_000_000
#: Of all releases that are spoken; see `masterd.dialect`.
CONFIG_VERSIONS: Final = (CONFIG_VERSION, 3_010_000)
PROTOCOL_VERSION: Final = 3_000_000
OS_API_VERSION: Final = 20
EXPORT_VERSION: Final = 0
