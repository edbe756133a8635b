"""Ask nodes what an allocator must know, and have it answer.

The script is run by the node daemon of the master, in a process of its own, with the cluster's
options for allocators. Its input may be long (some hundred bytes for each instance): it is made on
a native thread, so that clients are served meanwhile.

Source: Ganeti 3.0.2 lib/masterd/iallocator.py (calls, their order, errors).
"""

import logging
from collections.abc import Callable
from typing import Protocol, TypeVar

import msgspec

from masterd.config.snapshot import ConfigSnapshot
from masterd.iallocator import cluster
from masterd.iallocator.cluster import Told
from masterd.iallocator.request import Request
from masterd.iallocator.result import Answer, read
from masterd.node import hooks, instances, storage
from masterd.node.target import Nodes

R = TypeVar("R")

_LOG = logging.getLogger(__name__)


class InThread(Protocol):
    """Does work on a native thread."""

    def __call__(self, work: Callable[[], R]) -> R:
        """Return what `work` returns, or raise what it raises. Switches."""
        ...


class Allocators:
    """Puts requests to allocators."""

    def __init__(self, nodes: Nodes, in_thread: InThread) -> None:
        self._nodes = nodes
        self._in_thread = in_thread

    def input(self, config: ConfigSnapshot, request: Request) -> str:
        """Return the text that a script gets for a request: a JSON object. Switches.

        Raises:
            OpPrereqError: it cannot be asked for in this configuration.
            OpExecError: a node did not tell what is needed.
        """
        wanted = request.whole_document(config)
        measured = request.measured(config)
        told = self._ask(config, request)

        def write() -> str:
            whole = {**cluster.document(config, measured, told), "request": wanted}
            return msgspec.json.encode(whole).decode() + "\n"

        return self._in_thread(write)

    def print(self, config: ConfigSnapshot, name: str, request: Request) -> object:
        """Return what the script `name` prints for a request, unchecked. Switches.

        Raises:
            OpPrereqError, OpExecError: as `input`; also when the script fails.
        """
        text = self.input(config, request)
        _LOG.debug("Allocator %s is asked: %s", name, text)
        options = {**config.cluster.default_iallocator_params, **request.script_options()}
        master = config.master
        answer = hooks.allocate(self._nodes, master, name, text, options)
        answer.raise_(f"Allocator {name} did not run")
        return answer.payload

    def run(self, config: ConfigSnapshot, name: str, request: Request) -> Answer:
        """Return the checked answer of the script `name` to a request. Switches.

        Raises:
            OpPrereqError, OpExecError: as `print`; also when it prints no answer.
            ResultValidationError: the result has not the form it must have.
        """
        return read(self.print(config, name, request), request, config)

    def _ask(self, config: ConfigSnapshot, request: Request) -> Told:
        nodes, measured = cluster.asked(config), request.measured(config)
        params, name = config.cluster.hvparams, measured.hypervisor
        units = {
            node.uuid: cluster.storage_units(config, node, measured.template) for node in nodes
        }
        specs = [(name, params.get(name, {}))]
        kinds = config.cluster.enabled_hypervisors
        return Told(
            storage.info(self._nodes, nodes, units, specs),
            instances.all_info(self._nodes, nodes, kinds, params),
        )
