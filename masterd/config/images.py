"""Images that are written onto disks: files of a node, or what is fetched from a URL. Pure.

Source: Ganeti 3.0.2 lib/cmdlib/common.py (CheckImageValidity), lib/objects.py (GetOSImage).
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from masterd.errors import OpPrereqError

#: The parameter of an operating system that names an image. Source: objects.GetOSImage.
_PARAMETER: Final = "os-image"
_URL: Final = re.compile(r"(https?|ftps?)://")


def is_url(image: str) -> bool:
    """Tell whether an image is fetched rather than read from a node's own file."""
    return _URL.match(image) is not None


def is_one(image: str) -> bool:
    """Tell whether a text can name an image."""
    return image.startswith("/") or is_url(image)


def check(image: str | None, what: str) -> None:
    """Make sure that a text, where there is one, can name an image.

    Raises:
        OpPrereqError: it cannot.
    """
    if image is not None and not is_one(image):
        raise OpPrereqError(f"{what} image must be an absolute path or a URL")


def of_os(osparams: Mapping[Any, object] | None) -> str | None:
    """Return the image that parameters of an operating system name, None where they name none."""
    value = (osparams or {}).get(_PARAMETER)
    return None if value is None else str(value)
