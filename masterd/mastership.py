"""Whether a serving master may go on being one. Pure.

Another node that becomes master says so in ssconf on all nodes it reaches, and asks the former one
to end. So this node steps down when its own ssconf names another node, and, where that did not
reach it (it was paused, or cut off), when more than half of all nodes name one and the same other
node. Silence is no reason: whoever cannot be asked has elected nobody, and a cluster whose network
fails for a while keeps its master.

Source: Ganeti 3.0.2 lib/bootstrap.py (what a failover does, in which order).
"""

from masterd.voting import Tally


def judge(myself: str, named: str | None, votes: Tally | None = None) -> str | None:
    """Return why this node may not go on; None while it may.

    Args:
        myself: this node's name.
        named: whom ssconf on this node names; None when that cannot be read.
        votes: the last round, if there was one.
    """
    if named is not None and named != myself:
        return f"ssconf on this node names {named} as master"
    if votes is not None and votes.top_other is not None:
        name, count = votes.top_other
        if count >= votes.needed:
            return f"{count} of {votes.voters} nodes name {name} as master"
    return None


def undecided(votes: Tally) -> bool:
    """Tell whether those who did not answer could make another node the master."""
    others = 0 if votes.top_other is None else votes.top_other[1]
    return others + len(votes.silent) >= votes.needed
