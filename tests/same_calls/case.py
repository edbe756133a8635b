"""One case: a job, the cluster it comes to, and what the nodes answer."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from masterd.testing.script import Scripted
from tests.broken_configs import sound
from tests.sample_config import Document

#: Nodes of the cluster that all cases come to, the master first.
NODES: Final = 6

#: Of them, how many are master candidates; the last two are drained.
CANDIDATES: Final = 3


def standard() -> Document:
    """Return the configuration that a case finds, unless it changes it.

    Six nodes in two groups (the last two drained), three master candidates, three
    networks, and twenty instances of all disk templates, among them a planned one.
    """
    document = sound()
    cluster = document["cluster"]
    cluster["candidate_pool_size"] = CANDIDATES
    # As the reference would write it: sorted, and with what DRBD needs.
    cluster["tags"].sort()
    cluster["drbd_usermode_helper"] = "/bin/true"
    for instance in document["instances"].values():
        if "forthcoming" in instance:
            # A job of the reference that writes everything gives a planned instance a state.
            instance |= {"admin_state": "down", "admin_state_source": "admin"}
            instance["disks_active"] = False
    # Rules that hold jobs back would make no call different, but the run slow.
    document["filters"] = {}
    for number, node in enumerate(document["nodes"].values()):
        node["master_candidate"] = number < CANDIDATES
        node["master_capable"] = node["master_capable"] or number < CANDIDATES
    return document


def op(op_id: str, **parameters: object) -> Document:
    """Return an opcode as a client submits it."""
    return {"OP_ID": op_id, "reason": [], **parameters}


@dataclass(frozen=True, slots=True)
class Case:
    """A job whose run by the reference and by ours is compared.

    Attributes:
        name: what is special about it, a few words; unique among the cases of its opcode.
        ops: its opcodes; the first one names the case's opcode.
        config: changes the standard configuration in place before the job comes.
        answers: what nodes answer to a call by name, as JSON values; "call@node" is for one node,
            "call#2" for the second call of the name, "call+" changes keys of the own answer.
        failing: whether each call of the successful run fails once too, in turn.
        at_once: calls that ours makes all at once and the reference one after the other; in which
            order they arrive is not compared.
        mended: whether an accident of the reference, which makes it fail, is taken away from it;
            see `job_process`.
        instead: method and arguments with which the reference's master daemon is asked, where it
            answers what a job of it does not.
    """

    name: str
    ops: Sequence[Document]
    config: Callable[[Document], None] | None = None
    answers: Mapping[str, Any] = field(default_factory=dict)
    failing: bool = True
    at_once: Collection[str] = ()
    mended: bool = False
    instead: tuple[str, list[Any]] | None = None

    @property
    def op_id(self) -> str:
        """The opcode that the case is about."""
        return str(self.ops[0]["OP_ID"])

    @property
    def title(self) -> str:
        """What tells the case from all others."""
        return f"{self.op_id.removeprefix('OP_')} {self.name}"

    def document(self) -> Document:
        """Return the configuration that the case finds, with the standard addresses."""
        made = standard()
        if self.config is not None:
            self.config(made)
        return made

    def scripted(self) -> list[Scripted]:
        """Return the answers of the nodes."""
        scripted = []
        for key, payload in self.answers.items():
            rest, _, node = key.partition("@")
            call, _, turn = rest.partition("#")
            scripted.append(Scripted(call, payload, node or None, int(turn) if turn else None))
        return scripted


def case(name: str, *ops: Document, **settings: Any) -> Case:
    """Return a case of one job; see `Case`."""
    return Case(name, ops, **settings)


def rejecting(*op_ids: str) -> Callable[[Document], None]:
    """Return a change after which jobs of these opcodes are canceled before they begin.

    For cases whose job submits others, which would ask nodes, too, while it is looked at.
    """
    uuid = "6d5d5a0e-24d5-4f3c-a3cf-4d07b4bbd2a1"
    rule = {
        "uuid": uuid,
        "watermark": 0,
        "priority": 0,
        "predicates": [["opcode", ["|", *(["==", "OP_ID", op_id] for op_id in op_ids)]]],
        "action": "REJECT",
        "reason_trail": [],
    }

    def change(document: Document) -> None:
        document["filters"][uuid] = rule

    return change


# --- parts of a configuration, by name ----------------------------------------------------------


def named(document: Document, kind: str, name: str) -> Document:
    """Return an object of `nodes`, `nodegroups`, `networks` or `instances`."""
    found: Document = next(each for each in document[kind].values() if each.get("name") == name)
    return found
