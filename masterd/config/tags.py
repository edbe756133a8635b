"""What a tag may look like, and sets of them.

Source: Ganeti 3.0.2 lib/objects.py, TaggableObject (rules, texts); tags are written sorted.
"""

import re
from collections.abc import Iterable
from typing import Final

from masterd.errors import TagError
from masterd.limits import CONFIG_TAG_LENGTH_MAX, CONFIG_TAGS_MAX

_VALID: Final = re.compile(r"[\w.+*/:@-]+")


def check(tag: object) -> str:
    """Return `tag` if it may be one.

    Raises:
        TagError: it is not text, empty, too long, or has a character no tag may have.
    """
    if not isinstance(tag, str):
        raise TagError("Invalid tag type (not a string)")
    if len(tag) > CONFIG_TAG_LENGTH_MAX:
        raise TagError(f"Tag too long (>{CONFIG_TAG_LENGTH_MAX} characters)")
    if not tag:
        raise TagError("Tags cannot be empty")
    if not _VALID.fullmatch(tag):
        raise TagError("Tag contains invalid characters")
    return tag


def add(present: Iterable[str], new: Iterable[str]) -> tuple[str, ...]:
    """Return the tags of an object after `new` were added; adding one that is there is no error.

    Raises:
        TagError: one is malformed, or there would be too many.
    """
    tags = {*present, *map(check, new)}
    if len(tags) > CONFIG_TAGS_MAX:
        raise TagError("Too many tags")
    return tuple(sorted(tags))


def remove(present: Iterable[str], gone: Iterable[str]) -> tuple[str, ...]:
    """Return the tags of an object after `gone` were removed.

    Raises:
        TagError: one is malformed or not there.
    """
    tags = set(present)
    for tag in map(check, gone):
        if tag not in tags:
            raise TagError("Tag not found")
        tags.discard(tag)
    return tuple(sorted(tags))
