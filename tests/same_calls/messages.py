"""Messages of jobs: their words are each daemon's own, what they are about is not.

Compared are the kind of each message, class and code of each error, and the names of nodes,
instances and the like that occur; of what a verification finds, also severity and code.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from tests.sample_config import Document

#: What the objects of the clusters compared are called.
_NAMES: Final = re.compile(r"[a-z0-9-]+\.example\.com")

#: What a verification finds: severity, and with codes, code and kind of object.
_FOUND: Final = re.compile(r"  - (ERROR|WARNING|NOTICE):?([A-Z0-9]*):?([a-z]*)")

#: Elements of an encoded error: class and arguments.
_ERROR_PARTS: Final = 2


def texts(job: Document) -> Iterator[str]:
    """Give the texts of a job's messages and errors."""
    if "refused" in job:
        yield from _texts_of(job["refused"])
    for op in job.get("ops", ()):
        yield from (str(text) for _, text in op["log"])
        if op["status"] == "error":
            yield from _texts_of(op["result"])


def worded_alike(job: Document) -> Document:
    """Return a job with what each text is about in its place."""
    if "refused" in job:
        # What does not even become a job is told by the parser, which knows no error's code.
        return {"refused": job["refused"][0]}
    return {**job, "ops": [_op(op) for op in job["ops"]]}


def _op(op: Document) -> Document:
    result = _error(op["result"]) if op["status"] == "error" else op["result"]
    log = [
        [kind, [_about(each) for each in text] if isinstance(text, list) else _about(text)]
        for kind, text in op["log"]
    ]
    if any(_FOUND.match(text) for _, text in op["log"] if isinstance(text, str)):
        # Which node or instance a verification begins with, is left to chance by the reference.
        log.sort(key=repr)
    return {**op, "log": log, "result": result}


def _error(encoded: Any) -> Any:
    """Return an encoded error with what its first text is about; the rest is codes."""
    if not isinstance(encoded, list) or len(encoded) != _ERROR_PARTS:
        return encoded
    name, arguments = encoded
    if not isinstance(arguments, list) or not arguments:
        return encoded
    return [name, [_about(arguments[0]), *arguments[1:]]]


def _about(text: object) -> object:
    if not isinstance(text, str):
        return text
    found = _FOUND.match(text)
    return [*(found.groups() if found else ()), *sorted(set(_NAMES.findall(text)))]


def _texts_of(encoded: Any) -> Iterator[str]:
    match encoded:
        case [_, [str(text), *_]]:
            yield text
