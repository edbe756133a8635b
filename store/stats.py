"""What the store has done, in numbers."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class StoreStats:
    """Counts since the store was opened; sizes as they are now."""

    commits: int
    #: Bodies run, with those that raised.
    bodies: int
    bodies_failed: int
    #: Bodies told that their commit failed.
    bodies_refused: int
    batch_largest: int
    #: Batches by size: up to 1, 2, 4, 8, ... bodies.
    batches: tuple[int, ...]
    #: Seconds spent in LMDB's commit, which is writing and syncing.
    commit_s: float
    commit_s_max: float
    map_bytes: int
    #: High-water mark; pages that were freed are used again but still counted.
    map_bytes_used: int
    map_grown: int
    #: What was found damaged, each thing once; see the log.
    damage: tuple[str, ...]
    #: Bodies whose outcome is not known yet.
    queue_length: int
    queue_length_max: int


class Meter:
    """The writer's own counters; only its thread changes them."""

    __slots__ = ("batches", "bodies", "commit_s", "commit_s_max", "commits", "failed", "largest",
                 "refused")  # fmt: skip

    def __init__(self) -> None:
        self.commits = 0
        self.bodies = 0
        self.failed = 0
        self.refused = 0
        self.largest = 0
        self.batches = [0] * 12
        self.commit_s = 0.0
        self.commit_s_max = 0.0

    def committed(self, bodies: int, seconds: float) -> None:
        """Count one commit."""
        self.commits += 1
        self.largest = max(self.largest, bodies)
        self.batches[min((bodies - 1).bit_length(), len(self.batches) - 1)] += 1
        self.commit_s += seconds
        self.commit_s_max = max(self.commit_s_max, seconds)
