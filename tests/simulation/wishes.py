"""What clients ask for: random jobs and filter rules."""

from collections.abc import Sequence
from random import Random
from typing import Any, Final

from masterd.config.snapshot import ConfigSnapshot

Document = dict[str, Any]

#: Tags that come and go; each other tag is set once, by one job.
COMMON_TAGS: Final = ("red", "green", "blue")
#: Seconds of delays.
DELAYS_S: Final = (0.001, 0.05, 0.3, 1.5)
PRIORITIES: Final = (-10, 0, 0, 0, 10)
END_STATUSES: Final[tuple[list[str], ...]] = (
    [],
    ["success"],
    ["success", "error"],
    ["error", "canceled"],
)
_NEW_GROUPS: Final = ("north", "south")
_NEW_NETWORKS: Final = ("inside", "outside")
_QUERIES: Final = (("node", "name"), ("instance", "status"), ("job", "id"), ("lock", "name"))


class Wishes:
    """Draws jobs of one configuration."""

    def __init__(self, chance: Random, config: ConfigSnapshot) -> None:
        self._chance = chance
        self._nodes = sorted(node.name for node in config.nodes.values())
        self._instances = sorted(each.name for each in config.instances.values() if each.name)
        self._groups = sorted(group.name for group in config.nodegroups.values())
        self._tags = 0

    def submission(self, known: Sequence[int]) -> list[list[Document]]:
        """Return jobs of one submission; they may depend on each other, and on `known` ones."""
        count = self._chance.choice((1, 1, 1, 2, 4))
        return [self.job(known) for _ in range(count)]

    def job(self, known: Sequence[int]) -> list[Document]:
        """Return one job."""
        chance = self._chance
        ops = [self.op() for _ in range(chance.choice((1, 1, 1, 2, 3)))]
        priority = chance.choice(PRIORITIES)
        for op in ops:
            op["priority"] = priority if chance.random() < 0.8 else chance.choice(PRIORITIES)
            if chance.random() < 0.25:
                op["depends"] = [self._dependency(known)]
            if chance.random() < 0.1:
                op["reason"] = [["client", f"rate-limit:{chance.choice((1, 2))}:some", 1]]
        return ops

    def op(self, *, may_submit: bool = True) -> Document:
        """Return one opcode."""
        draw = self._chance.choice(
            (
                *(self._delay, self._delay, self._tag, self._tag, self._dummy, self._dummy),
                *(self._untag, self._jqueue, self._query, self._search, self._verify),
                *(self._group, self._network),
            )
        )
        op: Document = {"reason": [], **draw()}
        if may_submit and op["OP_ID"] == "OP_TEST_DUMMY" and self._chance.random() < 0.4:
            op["submit_jobs"] = [[self.op(may_submit=False)] for _ in range(2)]
        if self._chance.random() < 0.03:
            op["dry_run"] = True
        return op

    def rule(self) -> Document:
        """Return the arguments of a filter rule."""
        chance = self._chance
        predicate: list[object] = chance.choice(
            [
                ["jobid", [">", "id", "watermark"]],
                ["jobid", ["=", "id", chance.randrange(1, 40)]],
                ["opcode", ["=", "OP_ID", "OP_TEST_DELAY"]],
                ["opcode", ["=", "OP_ID", "OP_TAGS_SET"]],
                ["reason", ["=", "source", "client"]],
            ]
        )
        action = chance.choice(("ACCEPT", "PAUSE", "REJECT", "CONTINUE", "RATE_LIMIT"))
        return {
            "priority": chance.randrange(3),
            "predicates": (tuple(predicate),),
            "action": action,
            "rate_limit": chance.choice((1, 2)) if action == "RATE_LIMIT" else None,
            "reason": (),
        }

    # --- opcodes --------------------------------------------------------------------------------

    def _dependency(self, known: Sequence[int]) -> list[object]:
        chance = self._chance
        on = chance.choice((-1, -1, -2))
        if known and chance.random() < 0.5:
            on = chance.choice(known)
        return [on, chance.choice(END_STATUSES)]

    def _delay(self) -> Document:
        chance = self._chance
        nodes = chance.sample(self._nodes, chance.randrange(len(self._nodes)))
        return {
            "OP_ID": "OP_TEST_DELAY",
            "duration": chance.choice(DELAYS_S),
            "on_master": chance.random() < 0.3,
            "on_nodes": nodes,
            "repeat": chance.choice((0, 0, 2)),
        }

    def _tag(self) -> Document:
        if self._chance.random() < 0.5:
            return {"OP_ID": "OP_TAGS_SET", **self._tagged(), "tags": [self._common_tag()]}
        self._tags += 1
        return {"OP_ID": "OP_TAGS_SET", **self._tagged(), "tags": [f"own-{self._tags}"]}

    def _untag(self) -> Document:
        return {"OP_ID": "OP_TAGS_DEL", **self._tagged(), "tags": [self._common_tag()]}

    def _common_tag(self) -> str:
        return self._chance.choice(COMMON_TAGS)

    def _tagged(self) -> Document:
        kind, names = self._chance.choice(
            (
                ("cluster", [None]),
                ("node", self._nodes),
                ("instance", self._instances),
                ("nodegroup", self._groups),
            )
        )
        return {"kind": kind, "name": self._chance.choice(names)}

    def _dummy(self) -> Document:
        chance = self._chance
        return {
            "OP_ID": "OP_TEST_DUMMY",
            "messages": ["one", "two"] if chance.random() < 0.5 else None,
            "fail": "as asked" if chance.random() < 0.3 else None,
        }

    def _group(self) -> Document:
        chance = self._chance
        group = chance.choice(_NEW_GROUPS)
        return chance.choice(
            (
                {"OP_ID": "OP_GROUP_ADD", "group_name": group},
                {"OP_ID": "OP_GROUP_REMOVE", "group_name": group},
                {"OP_ID": "OP_GROUP_RENAME", "group_name": group, "new_name": _NEW_GROUPS[0]},
                {
                    "OP_ID": "OP_GROUP_ASSIGN_NODES",
                    "group_name": chance.choice((group, *self._groups)),
                    "nodes": [chance.choice(self._nodes)],
                    "force": True,
                },
            )
        )

    def _network(self) -> Document:
        chance = self._chance
        network = chance.choice(_NEW_NETWORKS)
        ends = {"network_name": network, "group_name": chance.choice(self._groups)}
        return chance.choice(
            (
                {
                    "OP_ID": "OP_NETWORK_ADD",
                    "network_name": network,
                    "network": "192.0.2.0/28",
                    "conflicts_check": chance.random() < 0.5,
                },
                {
                    "OP_ID": "OP_NETWORK_CONNECT",
                    **ends,
                    "network_mode": "bridged",
                    "network_link": "br0",
                },
                {"OP_ID": "OP_NETWORK_DISCONNECT", **ends},
                {"OP_ID": "OP_NETWORK_REMOVE", "network_name": network},
            )
        )

    def _jqueue(self) -> Document:
        return {"OP_ID": "OP_TEST_JQUEUE", "fail": self._chance.random() < 0.3}

    def _query(self) -> Document:
        what, field = self._chance.choice(_QUERIES[:2])
        return {"OP_ID": "OP_QUERY", "what": what, "fields": [field], "use_locking": True}

    def _search(self) -> Document:
        return {"OP_ID": "OP_TAGS_SEARCH", "pattern": "own"}

    def _verify(self) -> Document:
        return {"OP_ID": "OP_CLUSTER_VERIFY"}
