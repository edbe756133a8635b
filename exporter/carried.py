"""What Ganeti's own daemons cannot carry in a configuration. Pure.

luxid 3.0.2 answers with the lower byte of each UTF-16 unit of a text: whatever is beyond ASCII
breaks its answers (`gnt-cluster info` ends in a traceback), and no job is carried out any more.
Control characters, quotes and backslashes do no harm.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

#: Begins the names of keys whose values are secret, and are not repeated anywhere.
_SECRET: Final = ("osparams_private", "osparams_secret")


def beyond_ascii(document: object, path: str = "") -> Iterator[str]:
    """Yield the places of texts in a configuration object that cannot be carried, and the texts.

    Texts are told as escapes, secret ones not at all.
    """
    if isinstance(document, str):
        if not document.isascii():
            yield path if _is_secret(path) else f"{path}: {document!a}"
    elif isinstance(document, Mapping):
        for key, value in document.items():
            below = f"{path}.{key}" if path else str(key)
            if not str(key).isascii():
                yield f"{path}: the key {key!a}"
            yield from beyond_ascii(value, below if below.isascii() else ascii(below)[1:-1])
    elif isinstance(document, list | tuple):
        for each in document:
            yield from beyond_ascii(each, path)


def told(place: str) -> str:
    """Return what is said of such a place."""
    return f"{place} is not ASCII, which Ganeti's own daemons cannot carry"


def uncarried(kind: str, uuid: str, row: Mapping[str, Any]) -> Iterator[str]:
    """Yield what cannot be carried of a row of table `config`, a sentence each."""
    name = row.get("name") or uuid
    subject = kind if kind == "cluster" else f"{kind} {ascii(name)[1:-1]}"
    return (f"{subject}: {told(place)}" for place in beyond_ascii(row))


def _is_secret(path: str) -> bool:
    return any(part.startswith(_SECRET) for part in path.split("."))
