"""Every node call is sent as Ganeti's own library sends it, byte for byte of its JSON values.

Ganeti's runner, with its own configuration object read from the same `config.data`, works in a
process of its own. Both have their transport taken away: what would be sent is kept.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from masterd.config import document
from masterd.config.instance import Instance
from masterd.config.render import render
from masterd.config.snapshot import ConfigSnapshot
from masterd.instance import disks
from masterd.node import instances
from masterd.query.collect import Collector
from masterd.query.instance_fields import NEEDS_CONSOLE
from masterd.rpc.calls import CALLS
from masterd.rpc.runner import RpcRunner
from masterd.rpc.virtual_path import VirtualPaths
from tests.interop import debian, node_call_cases
from tests.interop.library import Library, library
from tests.interop.node_call_cases import Case
from tests.sample_config import sample

pytestmark = debian.needs_ganeti

SEEDS: Final = (1, 2)
TEMPLATES: Final = {"plain", "drbd", "file", "sharedfile", "gluster", "blockdev", "rbd", "ext",
                    "diskless"}  # fmt: skip

PROGRAM: Final = """
import grp, logging, pwd
from ganeti import config, objects, rpc_defs
from ganeti.rpc import node as rpc

# Samples break rules that do not matter here, and nobody answers.
logging.disable(logging.CRITICAL)

CALLS = {name: row for rows in rpc_defs.CALLS.values() for name, row in rows.items()}
sent = []

def keep(requests, lock_monitor_cb=None):
    for each in requests:
        each.success, each.error = False, "not sent"
        body = each.post_data
        body = body.decode("ascii") if isinstance(body, bytes) else body
        sent.append([each.host, each.path, body, each.read_timeout])

class Entities:
    def LookupUid(self, uid):
        return pwd.getpwuid(uid).pw_name
    def LookupGid(self, gid):
        return grp.getgrgid(gid).gr_name

opened = {}

def opened_for(path):
    if path not in opened:
        cfg = config.ConfigWriter(cfg_file=path, offline=True, accept_foreign=True)
        # Held from now on: it would be read and verified anew for each question.
        cfg._OpenConfig(True)
        opened[path] = cfg, rpc.RpcRunner(cfg, None, _req_process_fn=keep, _getents=Entities)
    return opened[path]

def meant(cfg, value):
    if isinstance(value, list):
        return [meant(cfg, each) for each in value]
    if not isinstance(value, dict):
        return value
    if len(value) != 1:
        return {key: meant(cfg, each) for key, each in value.items()}
    (kind, what), = value.items()
    cluster = cfg.GetClusterInfo()
    if kind == "instance":
        return cfg.GetInstanceInfo(what)
    if kind == "disk":
        return cfg.GetDiskInfo(what)
    if kind == "child":
        return cfg.GetDiskInfo(what[0]).children[what[1]]
    if kind == "nic":
        return cfg.GetInstanceInfo(what[0]).nics[what[1]]
    if kind == "plain":
        return what
    if kind == "bytes":
        return what.encode()
    if kind == "options":
        return objects.ImportExportOptions(**what)
    if kind == "master":
        return cfg.GetMasterNetworkParameters()
    if kind == "hvparams":
        return cluster.hvparams[what]
    if kind == "cluster":
        return getattr(cluster, what)
    return {kind: meant(cfg, what)}

def answer(question):
    cfg, runner = opened_for(question["path"])
    told = []
    for name, nodes, args in question["cases"]:
        del sent[:]
        try:
            runner._Call(CALLS[name], nodes, meant(cfg, args))
            told.append(list(sent))
        except Exception as error:
            told.append(repr(error))
    return told
"""


class Kept:
    """Obeys `masterd.rpc.transport.Transport`; keeps what would be sent."""

    def __init__(self) -> None:
        self.sent: list[list[Any]] = []

    def request(
        self,
        address: str,
        port: int,
        path: str,
        body: bytes,
        timeout_s: float,
        *,
        answer_bytes_max: int,
    ) -> bytes:
        self.sent.append([address, path, body.decode("ascii"), timeout_s])
        return b"[true, null]"

    def close(self) -> None:
        self.sent.clear()


@pytest.fixture(scope="module")
def reference() -> Iterator[Library]:
    with library(PROGRAM) as found:
        yield found


@pytest.fixture(scope="module", params=SEEDS)
def config(request: pytest.FixtureRequest) -> ConfigSnapshot:
    whole = sample(request.param, nodes=5, groups=2, instances=10)
    for number, each in enumerate(whole["instances"].values()):
        each["osparams_private"] = {"key": "hidden"} if number % 2 else {}
    for number, each in enumerate(whole["disks"].values()):
        if each["dev_type"] == "plain" and number % 2:
            each["params"] = {"stripes": 7}
    whole["cluster"]["osparams"]["debootstrap+default"] = {"size": "of the variant"}
    return document.split(whole)


@pytest.fixture(scope="module")
def path(config: ConfigSnapshot, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cluster") / "config.data"
    path.write_bytes(render(config))
    return path


@pytest.fixture(scope="module")
def uploaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("uploaded") / "file"
    path.write_text("content " * 100)
    return path


def cases(config: ConfigSnapshot, uploaded: Path) -> list[Case]:
    """Return all cases of a configuration."""
    os.utime(uploaded, (1e9, 1e9))
    found = list(node_call_cases.of_cluster(config, uploaded, VirtualPaths(None)))
    # It was read; the reference must find it as it was.
    os.utime(uploaded, (1e9, 1e9))
    for instance in config.instances.sorted():
        if not isinstance(instance, Instance):
            continue
        uuids = {instance.primary_node}
        for disk in disks.of(config, instance):
            uuids.update(disks.node_uuids(disk, instance.primary_node))
        elsewhere = next(uuid for uuid in config.nodes if uuid not in uuids)
        for uuid in (*sorted(uuids), elsewhere):
            node = config.nodes[uuid]
            found += node_call_cases.of_instance(config, instance, node)
            found += node_call_cases.of_disks(config, instance, node)
            for number in range(len(instance.disks)):
                found += node_call_cases.of_disk(config, instance, node, number)
    return found


def told(sent: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """Return what was sent, in an order of its own, each body as text that equal JSON shares."""
    return sorted(
        [address, way, json.dumps(_own(json.loads(body)), sort_keys=True), timeout]
        for address, way, body, timeout in sent
    )


def _own(value: Any) -> Any:
    """Put in order what the reference keeps in sets."""
    if isinstance(value, list):
        return [_own(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: sorted(each) if key in ("tags", "secondary_nodes") else _own(each)
        for key, each in value.items()
    }


def differences(ours: Any, theirs: Any, where: str) -> Iterator[str]:
    """Yield where two values differ, and how."""
    if isinstance(ours, str) and isinstance(theirs, str) and ours[:1] in ("[", "{"):
        yield from differences(json.loads(ours), json.loads(theirs), f"{where}:")
    elif isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted(ours.keys() | theirs.keys()):
            yield from differences(ours.get(key), theirs.get(key), f"{where}.{key}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, pair in enumerate(zip(ours, theirs, strict=True)):
            yield from differences(*pair, f"{where}[{index}]")
    elif repr(ours) != repr(theirs):
        yield f"{where}: {ours!r} is not {theirs!r}"


def test_every_call_is_sent_as_the_reference_sends_it(
    reference: Library, config: ConfigSnapshot, path: Path, uploaded: Path
) -> None:
    templates = {
        disks.template(disks.of(config, each))
        for each in config.instances.values()
        if isinstance(each, Instance)
    }
    assert templates >= TEMPLATES
    compared, sent, calls = 0, 0, Counter[str]()
    transport = Kept()
    runner = RpcRunner(transport)
    all_cases = cases(config, uploaded)
    for start in range(0, len(all_cases), 200):
        some = all_cases[start : start + 200]
        question = {"path": str(path), "cases": [[c.name, c.nodes, c.args] for c in some]}
        for case, theirs in zip(some, reference.ask(question), strict=True):
            transport.sent.clear()
            case.run(runner)
            assert isinstance(theirs, list), (case.name, theirs)
            ours, wanted = told(transport.sent), told(theirs)
            assert ours == wanted, (case.name, list(differences(ours, wanted, "")))
            compared += 1
            sent += len(theirs)
            calls[case.name] += 1
    print(f"{compared} node calls, {sent} requests, {len(calls)} of {len(CALLS)} calls compared")
    # That one is luxid's alone; see below.
    assert set(CALLS) - set(calls) == {"instance_console_info"}


def test_consoles_are_asked_for_as_queries_do(config: ConfigSnapshot) -> None:
    transport = Kept()
    collector = Collector(RpcRunner(transport))
    wanted = config.instances.sorted()
    collector.instances(config, wanted, frozenset({NEEDS_CONSOLE}))
    by_query = [each for each in transport.sent if each[1] == "/instance_console_info"]
    assert by_query
    transport.sent = []
    nodes = {node.primary_ip: node for node in config.nodes.values()}
    by_node = [(nodes[address], json.loads(body)) for address, _, body, _ in by_query]
    instances.consoles(RpcRunner(transport), by_node)
    assert told(transport.sent) == told(by_query)
