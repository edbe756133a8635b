"""The versions of `config.data` that are known.

Source: Ganeti 3.0.2 (version = major * 1,000,000 + minor * 10,000 + revision).
"""

from typing import Final

#: The form of this release.
CURRENT: Final = 3_000_000

#: That of the release after it, which is spoken too.
NEXT: Final = 3_010_000

#: Forms that are brought to the current one, besides that one.
TAKEN: Final = (
    *(2_000_000 + minor * 10_000 for minor in range(7, 18)),
    CURRENT,
    NEXT,
)

_REVISIONS: Final = 10_000


def form_of(version: object) -> int | None:
    """Return the form that a document of some version has, None if it is not taken over.

    The current form has no revisions; those of other versions never differed in form.
    """
    if type(version) is not int:
        return None
    form = version - version % _REVISIONS
    return form if form in TAKEN and (form != CURRENT or version == CURRENT) else None


def version_text(version: int) -> str:
    """Return a version as people write it: 2160000 is "2.16"."""
    return f"{version // 1_000_000}.{version % 1_000_000 // 10_000}"
