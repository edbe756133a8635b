"""Whether another master has worked on this cluster's files since the store was last written. Pure.

The files may be older than the store: the mirror follows it, and a crash leaves it behind. What the
store does not know was done by somebody else, and either of the two has to give way. Which one is
never guessed: the start is refused, with what differs and the ways on.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from exporter.standing import QueueStanding
from masterd.limits import STANDING_IDS_TOLD_MAX
from masterd.wconf.standing import ConfigStanding


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The files of a cluster beside its store.

    Attributes:
        master: The master's name in the store.
        myself: This node's name; its ssconf files name it as master.
    """

    config: ConfigStanding
    queue: QueueStanding
    master: str
    myself: str

    @property
    def is_ours(self) -> bool:
        """Whether nobody else has written."""
        return self.config.is_ours and self.queue.is_ours and self.is_own_store

    @property
    def is_own_store(self) -> bool:
        """Whether the store is that of this node as master."""
        return self.master == self.myself

    def reasons(self) -> Iterator[str]:
        """Yield what another master has done, a sentence each."""
        if not self.is_own_store:
            yield f"the store has {self.master} as master, the ssconf files name {self.myself}"
        yield from _config_reasons(self.config)
        yield from _queue_reasons(self.queue)

    def numbers(self) -> Iterator[str]:
        """Yield both sides' serial numbers and job ids, a line each."""
        config, queue = self.config, self.queue
        whole, cluster = config.serials
        file = "what was written last" if config.is_ours else "not known"
        if config.file_serials is not None:
            file = "{} (cluster: {})".format(*config.file_serials)
        yield f"serial number of the store: {whole} (cluster: {cluster}), of config.data: {file}"
        yield f"last job of the store: {queue.last_id}, of the queue's files: {queue.last_file_id}"


#: Begins the list of options that a refused start can be repeated with.
WAYS_ON: Final = (
    "Ways on, as an option of ganeti-masterd; or, where it stands in luxid's place, of"
    " /usr/lib/ganeti/daemon-util start ganeti-luxid:"
)


def is_continued(standing: Standing, missing: Sequence[int]) -> bool:
    """Tell whether the files hold all that the store holds, and go on from there.

    Args:
        missing: Jobs of the store that the files do not hold.
    """
    config = standing.config
    if config.refused or config.other_cluster or missing:
        return False
    return config.file_serials is None or config.file_serials[0] >= config.serials[0]


def refusal(standing: Standing, store: Path) -> str:
    """Return what is told when the start is refused."""
    lines = [
        f"another master has worked here since {store} was last written:",
        *(f"  {line}" for line in standing.numbers()),
        *(f"  - {reason}" for reason in standing.reasons()),
        f"nothing was changed, nothing was sent to any node. {WAYS_ON}",
        "  --adopt-files: take configuration and jobs over from the files; the store is put aside",
    ]
    if standing.is_own_store:
        lines.append(
            "  --keep-store: go on from the store; these files are put aside, and what only they"
            " say is lost"
        )
    if standing.queue.is_ours and standing.is_own_store:
        lines.append(
            "  --adopt-config: take only the configuration from its file, if it was edited by hand"
        )
    lines.append("or look first: ganeti-masterd-check shows what differs")
    return "\n".join(lines)


def kept(standing: Standing, aside: Path) -> str:
    """Return what is told when the store is kept."""
    return "\n".join(
        [
            f"the store is kept. Put aside in {aside} is what another master did:",
            *(f"  {line}" for line in standing.numbers()),
            *(f"  - {reason}" for reason in standing.reasons()),
        ]
    )


def _config_reasons(config: ConfigStanding) -> Iterator[str]:
    if config.is_ours:
        return
    if config.refused:
        yield "config.data is not what was last written, and cannot be read: " + config.refused[0]
        return
    assert config.file_serials is not None, "a file that was read has serial numbers"
    if config.other_cluster:
        yield "config.data is of another cluster"
    older = config.file_serials[0] < config.serials[0]
    yield "config.data is not what was last written" + (", although older" if older else "")


def _queue_reasons(queue: QueueStanding) -> Iterator[str]:
    if queue.serial is not None and queue.serial > queue.last_id:
        yield f"the queue's serial file says that job {queue.serial} was the last"
    for ids, told in (
        (queue.unknown, "files of jobs that the store does not know"),
        (queue.further, "jobs that were changed, or replaced by others of the same id"),
        (queue.archived, "jobs that were archived"),
    ):
        if ids:
            yield f"{told}: {_named(ids)}"


def _named(ids: Sequence[int]) -> str:
    told = ", ".join(map(str, ids[:STANDING_IDS_TOLD_MAX]))
    more = len(ids) - STANDING_IDS_TOLD_MAX
    return told if more <= 0 else f"{told} and {more} more"
