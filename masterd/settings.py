"""Optional settings of this daemon: `etc/ganeti/masterd.toml`.

The cluster's configuration stays where Ganeti keeps it; here stands only what Ganeti has no place
for. The file may be missing, and so may every key. Keys are flat, each a field of `Settings`; an
unknown key, a value of another type or one outside its range stops the start, because a mistyped
bound that is silently ignored is found out when it is too late.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from exporter.cleaning import DAY_S
from masterd import limits
from masterd.constants import RELEASES
from masterd.errors import ConfigurationError

LOW: Final = "low"
HIGH: Final = "high"
ABOUT: Final = "about"
CHOICES: Final = "choices"


def _number(default: float, low: float, high: float, about: str) -> Any:
    """Declare a setting with a range; `default`'s type is the setting's."""
    return field(default=default, metadata={LOW: low, HIGH: high, ABOUT: about})


def _flag(default: bool, about: str) -> Any:
    return field(default=default, metadata={ABOUT: about})


def _choice(default: str, choices: tuple[str, ...], about: str) -> Any:
    """Declare a setting that is one of some words."""
    return field(default=default, metadata={CHOICES: choices, ABOUT: about})


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting with its default; `describe` explains them to people."""

    jobs_live_max: int = _number(
        limits.JOBS_LIVE_MAX, 1, 1_000_000, "jobs in the queue that are not finished, at most"
    )
    wait_for_candidates: bool = _flag(
        False, "answer a submission only once the reachable master candidates hold it"
    )
    wait_for_candidates_s: float = _number(
        limits.DAEMON_CANDIDATES_WAIT_S, 0.1, 600.0, "seconds to wait for them before answering"
    )
    candidates_behind_max_s: float = _number(
        limits.DAEMON_CANDIDATES_BEHIND_S,
        0.1,
        86_400.0,
        "age of what no reachable master candidate holds, above which submissions wait",
    )
    archive_keep_days: int = _number(
        0, 0, 36_500, "days after which files of archived jobs are removed, not the jobs; 0: never"
    )
    drain_timeout_s: float = _number(
        limits.DAEMON_DRAIN_S, 0.0, 86_400.0, "seconds that running opcodes get after a SIGTERM"
    )
    vote_tries: int = _number(
        limits.DAEMON_VOTE_TRIES,
        1,
        1000,
        "rounds of votes while nodes that could decide do not answer",
    )
    vote_pause_s: float = _number(
        limits.DAEMON_VOTE_PAUSE_S, 0.0, 3600.0, "seconds between two rounds of votes"
    )
    node_port: int = _number(
        limits.DAEMON_NODE_PORT, 1, 65_535, "TCP port of the node daemons, on every node"
    )
    confd_port: int = _number(
        limits.DAEMON_CONFD_PORT, 1, 65_535, "UDP port of ganeti-confd, on every node"
    )
    luxi_connections_max: int = _number(
        limits.LUXI_CONNECTIONS_MAX, 16, 1_000_000, "clients connected at once"
    )
    luxi_message_bytes_max: int = _number(
        limits.LUXI_MESSAGE_BYTES_MAX,
        65_536,
        1 << 30,
        "bytes of one submission; other requests have at most 4 MiB",
    )
    store_map_bytes_max: int = _number(
        limits.DAEMON_STORE_MAP_BYTES_MAX, 64 << 20, 1 << 46, "bytes the store may grow to"
    )
    dialect: str = _choice(
        "auto",
        ("auto", *RELEASES),
        "release of Ganeti that is spoken; auto: the one that is installed",
    )

    def archive_kept_since_s(self, now_us: Callable[[], int]) -> Callable[[], float] | None:
        """Return what tells when files of the archive become too old; None where they never do.

        `now_us` gives microseconds since the epoch, the result seconds.
        """
        kept_s = self.archive_keep_days * DAY_S
        return (lambda: now_us() / 1_000_000 - kept_s) if kept_s else None


def parse(text: str, origin: str) -> Settings:
    """Read settings from TOML text; `origin` names it in errors.

    Raises:
        ConfigurationError: no TOML, an unknown key, a value of a wrong type or outside its range.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{origin}: {error}") from error
    known = {item.name: item for item in dataclasses.fields(Settings)}
    values: dict[str, Any] = {}
    for key, value in document.items():
        if key not in known:
            raise ConfigurationError(
                f"{origin}: unknown setting '{key}' (known: {', '.join(known)})"
            )
        values[key] = _checked(known[key], value, f"{origin}: {key}")
    return Settings(**values)


def load(path: Path) -> Settings:
    """Read the settings file; a missing one means all defaults.

    Raises:
        ConfigurationError: as `parse`, or the file cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: {error}") from error
    return parse(text, str(path))


def describe() -> list[str]:
    """Return one line per setting: name, default, meaning."""
    return [
        f"{item.name} = {_written(item.default)}  # {item.metadata[ABOUT]}"
        for item in dataclasses.fields(Settings)
    ]


def _written(value: object) -> str:
    """Return a value as TOML has it."""
    return f'"{value}"' if isinstance(value, str) else str(value).lower()


def _checked(item: dataclasses.Field[Any], value: object, where: str) -> object:
    """Return `value` in the setting's type; a whole number serves for a float."""
    wanted = type(item.default)
    if wanted is float and type(value) is int:
        value = float(value)
    if type(value) is not wanted:
        raise ConfigurationError(
            f"{where} must be {_WORDS[wanted]}, not {_WORDS.get(type(value), 'something else')}"
        )
    choices = item.metadata.get(CHOICES)
    if choices is not None and value not in choices:
        raise ConfigurationError(f"{where} must be one of {', '.join(choices)}, not {value!r}")
    if isinstance(value, int | float) and not isinstance(value, bool):
        low, high = item.metadata[LOW], item.metadata[HIGH]
        # Written so that "not a number" fails as well.
        if not low <= value <= high:
            raise ConfigurationError(f"{where} must be within {low} and {high}, not {value}")
    return value


_WORDS: Final = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "a table",
}
