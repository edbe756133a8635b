"""Whether two values are the same but for names that each side makes up itself.

Uuids, MAC addresses, secrets, salts, ports, minors, ids of jobs and times differ. They are
not skipped: what stands for a thing on one side must stand for the same thing on the other side
wherever it occurs, and what was there before the run must be the same.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

#: Names that are made up, as they occur in texts.
_MADE_UP: Final = re.compile(
    r"(?P<uuid>\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b)"
    r"|(?P<mac>\b[0-9a-f]{2}(?::[0-9a-f]{2}){5}\b)"
    r"|(?P<job>\bjob=[0-9]+\b)"
    r"|(?P<secret>\b[0-9a-f]{40}\b)"
    # What stands before a text that is signed, or behind it in a list.
    r"|(?P<salt>\b[0-9a-f]{16}\b)"
    # Seconds since the epoch, or nanoseconds as reason trails have them.
    r"|(?P<time>\b[12][0-9]{9}(?:[0-9]{9}|\.[0-9]+)?\b)"
)

#: A number above this counts nanoseconds, not seconds.
_NANOSECONDS: Final = 1e17

#: Times that are less apart are the same: the reference keeps them as ratios, not as they came.
_SAME_TIME_S: Final = 1e-5

#: Fields whose numbers are made up, and what they stand for.
_NUMBERS: Final = {"network_port": "port"}

#: Places of the ids of jobs: of those submitted, and of those that a job waits for.
_JOB_ID: Final = re.compile(r".*(\.jobs\[[0-9]+\]\[1\]|\.depends\[[0-9]+\]\[0\])")

#: Places of a DRBD disk's logical id.
_DRBD_ID: Final = {2: "port", 3: "minor", 4: "minor"}


@dataclass(frozen=True, slots=True)
class Difference:
    """A place where two values differ: path, and what stands there."""

    place: str
    theirs: object
    ours: object


@dataclass(frozen=True, slots=True)
class Span:
    """The time of a run: none that it tells is earlier or later. Seconds since the epoch."""

    from_s: float
    until_s: float

    def holds(self, value: object) -> bool:
        """Tell whether a time in seconds or nanoseconds is of the run."""
        number = float(str(value))
        return self.from_s <= (number / 1e9 if number > _NANOSECONDS else number) <= self.until_s


@dataclass(slots=True)
class Renaming:
    """Which made-up name of theirs is which of ours.

    Attributes:
        known: made-up names that were there before; they stay what they are.
        spans: the times of their run and of ours.
        pairs: by kind and their name, our name; and the other way round.
    """

    known: frozenset[str]
    spans: tuple[Span, Span]
    pairs: dict[tuple[str, object], object] = field(default_factory=dict)
    back: dict[tuple[str, object], object] = field(default_factory=dict)

    def agree(self, kind: str, theirs: object, ours: object) -> bool:
        """Tell whether two names can stand for the same thing, and keep that they do."""
        if kind == "time":
            near = abs(float(str(theirs)) - float(str(ours))) < _SAME_TIME_S
            return near or (self.spans[0].holds(theirs) and self.spans[1].holds(ours))
        if theirs in self.known or ours in self.known:
            return theirs == ours
        found = self.pairs.setdefault((kind, theirs), ours)
        return found == ours and self.back.setdefault((kind, ours), theirs) == theirs

    def copy(self) -> "Renaming":
        """Return one that can be tried."""
        return Renaming(self.known, self.spans, dict(self.pairs), dict(self.back))

    def take(self, tried: "Renaming") -> None:
        """Keep what a trial has found."""
        self.pairs, self.back = tried.pairs, tried.back


def made_up(value: object) -> frozenset[str]:
    """Return all names in a value that somebody has made up."""
    return frozenset(_names(value))


def _uuids(value: list[Any]) -> list[str]:
    """Return the uuids of a list of objects; nothing where it is a list of something else."""
    found = [str(each["uuid"]) for each in value if isinstance(each, dict) and "uuid" in each]
    return found if len(found) == len(value) else []


def _by_uuid(value: list[Any]) -> list[Any]:
    return sorted(value, key=lambda each: str(each["uuid"]))


def differences(
    theirs: object, ours: object, renaming: Renaming, place: str = ""
) -> list[Difference]:
    """Return where two JSON values differ; what is found to be renamed is kept in `renaming`."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        return _of_objects(theirs, ours, renaming, place)
    if isinstance(theirs, list) and isinstance(ours, list):
        if len(theirs) != len(ours):
            return [Difference(place, theirs, ours)]
        if theirs != ours and _ordered(theirs) == _ordered(ours):
            return [Difference(f"{place} (order)", theirs, ours)]
        names = _uuids(theirs), _uuids(ours)
        if names[0] != names[1] and sorted(names[0]) == sorted(names[1]):
            # The same objects in another order, which may differ in themselves besides.
            found = differences(_by_uuid(theirs), _by_uuid(ours), renaming, place)
            return [Difference(f"{place} (order)", *names), *found]
        is_drbd = place.endswith("logical_id") and len(theirs) == 6
        found = []
        for index, (their, our) in enumerate(zip(theirs, ours, strict=True)):
            kind = _DRBD_ID.get(index) if is_drbd else None
            if kind is not None and renaming.agree(kind, their, our):
                continue
            found += differences(their, our, renaming, f"{place}[{index}]")
        return found
    if isinstance(theirs, str) and isinstance(ours, str):
        values = _object(theirs), _object(ours)
        if None not in values:
            # What a script is given: the order of keys says nothing.
            return differences(*values, renaming, f"{place} {{}}")
        same = _are_same_texts(theirs, ours, renaming)
    elif isinstance(theirs, int) and isinstance(ours, int) and _JOB_ID.fullmatch(place):
        same = renaming.agree("job", f"job={theirs}", f"job={ours}")
    elif _is_time(theirs) and _is_time(ours):
        same = renaming.agree("time", theirs, ours)
    else:
        # Clients show 1.0 and true differently from 1.
        same = type(theirs) is type(ours) and theirs == ours
    return [] if same else [Difference(place, theirs, ours)]


def _of_objects(
    theirs: Mapping[str, Any], ours: Mapping[str, Any], renaming: Renaming, place: str
) -> list[Difference]:
    found: list[Difference] = []
    only_ours = [key for key in ours if key not in theirs]
    only_theirs = [key for key in theirs if key not in ours]
    for key in theirs:
        if key in ours:
            inside = f"{place}.{key}" if place else key
            kind = _NUMBERS.get(key)
            if kind is not None and theirs[key] and renaming.agree(kind, theirs[key], ours[key]):
                continue
            found += differences(theirs[key], ours[key], renaming, inside)
    for key in only_theirs:
        pair = _partner(key, theirs[key], only_ours, ours, renaming)
        if pair is None:
            found.append(Difference(f"{place}.{key}", theirs[key], None))
            continue
        only_ours.remove(pair)
        assert renaming.agree("uuid", key, pair), "a partner agrees"
        found += differences(theirs[key], ours[pair], renaming, f"{place}.{key}")
    found += [Difference(f"{place}.{key}", None, ours[key]) for key in only_ours]
    return found


def _partner(
    key: str, value: object, candidates: list[str], ours: Mapping[str, Any], renaming: Renaming
) -> str | None:
    """Return the key of ours that stands for a made-up key of theirs: where least differs."""
    best: tuple[int, str] | None = None
    for candidate in candidates:
        trial = renaming.copy()
        if not _are_same_texts(key, candidate, trial):
            continue
        count = len(differences(value, ours[candidate], trial))
        if best is None or count < best[0]:
            best = count, candidate
    return None if best is None else best[1]


def _are_same_texts(theirs: str, ours: str, renaming: Renaming) -> bool:
    if theirs == ours and _MADE_UP.search(theirs) is None:
        return True
    their_names, our_names = (list(_MADE_UP.finditer(text)) for text in (theirs, ours))
    if _MADE_UP.sub("\0", theirs) != _MADE_UP.sub("\0", ours):
        return False
    return all(
        their.lastgroup == our.lastgroup and renaming.agree(str(their.lastgroup), their[0], our[0])
        for their, our in zip(their_names, our_names, strict=True)
    )


def _object(text: str) -> Any:
    """Return the object that a text is in JSON, None if it is none."""
    if not text.startswith("{"):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


def _ordered(values: list[Any]) -> list[str]:
    return sorted(json.dumps(value, sort_keys=True) for value in values)


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and _MADE_UP.fullmatch(str(value)) is not None


def _names(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield from (found[0] for found in _MADE_UP.finditer(value))
    elif isinstance(value, dict):
        for key, inside in value.items():
            yield from _names(key)
            yield from _names(inside)
    elif isinstance(value, list):
        for inside in value:
            yield from _names(inside)
