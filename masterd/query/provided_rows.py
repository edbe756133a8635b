"""Operating systems and external storage providers: what nodes have installed, put together.

Both are told by node daemons, item by item, and both hold for the cluster only where nodes agree.
Source: Ganeti 3.0.2 lib/cmdlib/operating_system.py, lib/cmdlib/misc.py (rules); rpc.json
os_diagnose, extstorage_diagnose (answers).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from masterd.config.node import Node
from masterd.config.snapshot import ConfigSnapshot
from masterd.filter.natural import natural_key

#: What one node says of one item: path, whether it is usable, why not, and more by kind.
Told = list[Any]


class AskProviders(Protocol):
    """Asks nodes what they have installed; may switch greenlets."""

    def __call__(self, call: str, nodes: Sequence[Node]) -> Mapping[str, Sequence[Sequence[Any]]]:
        """Return the answers of those that answered, by uuid: `[name, path, usable, why, ...]`."""
        ...


@dataclass(frozen=True, slots=True)
class ProvidedRow:
    """One item. `nodes` has what each node that answered says of it, by uuid; [] if nothing."""

    config: ConfigSnapshot
    name: str
    nodes: Mapping[str, list[Told]]

    @property
    def valid(self) -> bool:
        """Whether it is usable on every node that answered."""
        return all(bool(told) and bool(told[0][1]) for told in self.nodes.values())

    def common(self, part: int) -> list[Any]:
        """Return what all usable nodes list in some part of their answer, in the first's order.

        Nodes behind the first that has it not, or not usable, do not count.
        """
        found: list[Any] | None = None
        for told in self.nodes.values():
            if not told or not told[0][1]:
                break
            values = told[0][part]
            found = list(values) if found is None else [each for each in found if each in values]
        return found or []

    @property
    def trusted(self) -> bool:
        """Whether every usable node trusts it; an operating system's last part."""
        return all(told[0][6] for told in self.nodes.values() if told and told[0][1])


class Provided:
    """Where rows come from. Obeys `masterd.filter.fields.Source`; keys are names."""

    def __init__(self, config: ConfigSnapshot, ask: AskProviders, call: str) -> None:
        """Prepare; `call` is the node call that tells."""
        self._config = config
        self._ask = ask
        self._call = call

    def by_keys(self, keys: Sequence[str], needs: frozenset[str]) -> Iterable[ProvidedRow]:
        """Give the items of these names that some node has, in this order. Switches."""
        found = {row.name: row for row in self.all(needs)}
        return [found[name] for name in keys if name in found]

    def all(self, needs: frozenset[str]) -> Iterable[ProvidedRow]:
        """Give all items in natural order of names. Switches."""
        nodes = [node for node in self._config.online_nodes() if node.vm_capable]
        answers = self._ask(self._call, nodes)
        names = {told[0] for answer in answers.values() for told in answer}
        return [
            ProvidedRow(
                self._config,
                name,
                {
                    uuid: [list(told[1:]) for told in answer if told[0] == name]
                    for uuid, answer in answers.items()
                },
            )
            for name in sorted(names, key=natural_key)
        ]
