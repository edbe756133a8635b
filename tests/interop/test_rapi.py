"""Debian's RAPI daemon tells the same of a cluster, whether luxid is behind it or our daemon.

All resources that can be read are read, over HTTPS and with Debian's own client, on the same
generated configuration and the same queue, with the same nodes.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from masterd.lu import registry
from masterd.work.processor import unsupported
from tests.interop import debian, live, luxid, masters
from tests.interop.luxid import needs_luxid
from tests.interop.rapi import Answer, Rapi, needs_rapi, rapi
from tests.sample_config import sample

pytestmark = [needs_rapi, needs_luxid, debian.needs_ganeti]

RECORDED: Final = Path(__file__).parent.parent / "conformance/data/jobs"

MADE: Final = sample(2, nodes=6, groups=2, instances=30)
for _rule in MADE["filters"].values():
    _rule["action"] = "CONTINUE"  # Shown, but no job is held.
NODE: Final = "node2.example.com"
INSTANCE: Final = "inst1.example.com"
STOPPED: Final = "inst0.example.com"
RULE: Final = min(MADE["filters"])

#: What is not compared as it comes, and why. Everything else is equal, without exception.
JUSTIFIED: Final = {
    "/2/query/lock": "luxid asks wconfd for locks, which does not run here",
    "/2/os, /2/instances/*/info, /2/nodes/*/storage": "they are jobs, which luxid gives to "
    "programs that do not run here; see the tests below",
}

#: Methods of the client and their arguments: resources that both answer with success.
READ: Final[list[tuple[Any, ...]]] = [
    ("GetVersion",),
    ("GetFeatures",),
    ("GetInfo",),
    ("GetClusterTags",),
    ("GetInstances",),
    ("GetInstances", True),
    ("GetInstance", INSTANCE),
    ("GetInstance", "inst1"),
    ("GetInstanceTags", INSTANCE),
    ("GetInstanceConsole", INSTANCE),
    ("GetJobs",),
    ("GetJobs", True),
    ("GetJobStatus", 569),
    ("GetJobStatus", 99999),
    ("WaitForJobChange", 569, ["status", "opstatus", "end_ts"], None, None),
    ("WaitForJobChange", 566, ["status"], ["running"], 1),
    ("GetNodes",),
    ("GetNodes", True),
    ("GetNode", NODE),
    ("GetNode", "node3"),
    *(("GetNodeRole", f"node{number}.example.com") for number in range(1, 7)),
    ("GetNodeTags", NODE),
    ("GetGroups",),
    ("GetGroups", True),
    ("GetGroup", "group1"),
    ("GetGroupTags", "default"),
    ("GetNetworks",),
    ("GetNetworks", True),
    ("GetNetwork", "net1"),
    ("GetNetworkTags", "net1"),
    ("GetFilters",),
    ("GetFilters", True),
    ("GetFilter", RULE),
    ("Query", "node", ["name", "mfree", "role"]),
    ("Query", "node", ["name"], ["=", "role", "M"]),
    ("Query", "instance", ["name", "status", "tags"]),
    ("Query", "instance", ["name"], ["&", ["?", "disks_active"], [">", "be/maxmem", 200]]),
    ("Query", "group", ["name", "nosuchfield"]),
    ("Query", "network", ["name", "map"]),
    ("Query", "filter", ["uuid", "action"]),
    ("Query", "export", ["node", "export"]),
    ("Query", "job", ["id", "status", "summary", "priority"]),
    ("QueryFields", "node"),
    ("QueryFields", "instance"),
    ("QueryFields", "group"),
    ("QueryFields", "network"),
    ("QueryFields", "filter"),
    ("QueryFields", "export"),
    ("QueryFields", "lock"),
    ("QueryFields", "job"),
    ("QueryFields", "node", ["name", "nosuchfield"]),
]

#: Resources that both refuse.
REFUSED: Final[list[tuple[Any, ...]]] = [
    ("GetInstance", "nobody"),
    ("GetInstanceTags", "nobody"),
    ("GetInstanceConsole", STOPPED),
    ("GetInstanceConsole", "nobody"),
    ("WaitForJobChange", 99999, ["status"], None, None),
    ("WaitForJobChange", 569, "status", None, None),
    ("GetNode", "nobody"),
    ("GetNodeRole", "nobody"),
    ("GetNodeTags", "nobody"),
    ("GetGroup", "nobody"),
    ("GetGroupTags", "nobody"),
    ("GetNetwork", "nobody"),
    ("GetNetworkTags", "nobody"),
    ("GetFilter", "nobody"),
    ("Query", "os", ["name"]),
    ("Query", "extstorage", ["name"]),
    ("Query", "nosuchresource", ["name"]),
    ("Query", "node", ["name"], ["=", "nosuchfield", 1]),
    ("Query", "node", ["name"], ["nosuchoperator", "name", 1]),
    ("QueryFields", "os"),
    ("QueryFields", "nosuchresource"),
]

#: Paths of which the client knows nothing, or cannot ask for wrongly.
PLAIN: Final[list[tuple[str, dict[str, object]]]] = [
    ("/", {}),
    ("/2", {}),
    ("/2/nosuchresource", {}),
    (f"/2/nodes/{NODE}", {"lock": 1}),
    ("/2/nodes", {"bulk": "many"}),
    ("/2/query/node", {"fields": "name, pip"}),
    ("/2/query/node", {}),
    (f"/2/nodes/{NODE}/storage", {"storage_type": "file"}),
]

#: Resources that are one job: the call, and the opcode.
JOBS: Final[list[tuple[tuple[Any, ...], str]]] = [
    (("GetInstanceInfo", INSTANCE, True), "OP_INSTANCE_QUERY_DATA"),
    (("GetNodeStorageUnits", NODE, "file", "name,size,free"), "OP_NODE_QUERY_STORAGE"),
]

#: Tells which resources Debian's RAPI daemon lets one read.
_READABLE: Final = """
import json
from ganeti.rapi import connector
print(json.dumps([
    path if isinstance(path, str) else path.pattern
    for path, handler in connector.CONNECTOR.items()
    if hasattr(handler, "GET") or hasattr(handler, "GET_OPCODE")
]))
"""


@dataclass(frozen=True, slots=True)
class Pair:
    """ganeti-rapi in front of luxid, and in front of our daemon."""

    theirs: Rapi
    ours: Rapi

    def same(self, method: str, *arguments: object) -> Answer:
        """Ask both; they must answer the same. Returns the answer."""
        theirs, ours = (each.call(method, *arguments) for each in (self.theirs, self.ours))
        assert comparable(ours) == comparable(theirs)
        return ours


def comparable(answer: Answer) -> tuple[bool, str]:
    """Return an answer as text, in which 1 is not 1.0; parameters of opcodes in one order."""
    rows = answer.value if isinstance(answer.value, list) else [answer.value]
    for row in rows:
        if isinstance(row, dict) and row.get("ops"):
            row["ops"] = [dict(sorted(op.items())) for op in row["ops"]]
    return answer.good, json.dumps(answer.value)


def add_jobs(root: Path) -> None:
    """Put recorded jobs that have ended into a queue."""
    queue = root / "var/lib/ganeti/queue"
    for path in RECORDED.iterdir():
        job = json.loads(path.read_bytes())
        if job["end_timestamp"] is not None and not path.name.startswith("16-archived"):
            (queue / f"job-{job['id']}").write_bytes(path.read_bytes())
    (queue / "serial").write_text("583\n")
    luxid.give(queue)


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with live.roots(MADE) as roots:
        for root in (roots.theirs, roots.ours):
            add_jobs(root)
        with (
            luxid.luxid(roots.theirs, config_serial=roots.config.serial_no),
            masters.ours(roots.ours),
            rapi(roots.theirs) as reference,
            rapi(roots.ours) as ours,
        ):
            yield Pair(reference, ours)


@pytest.mark.parametrize("call", READ, ids=str)
def test_what_is_read_is_the_same(pair: Pair, call: tuple[Any, ...]) -> None:
    assert pair.same(*call).good


@pytest.mark.parametrize("call", REFUSED, ids=str)
def test_what_is_refused_is_refused_with_the_same_words(pair: Pair, call: tuple[Any, ...]) -> None:
    assert not pair.same(*call).good


@pytest.mark.parametrize(("path", "query"), PLAIN, ids=str)
def test_what_the_client_has_no_method_for_is_the_same(
    pair: Pair, path: str, query: dict[str, object]
) -> None:
    answer = pair.same("_SendRequest", "GET", path, list(query.items()), None)
    assert answer.path == path


def test_locks_are_told(pair: Pair) -> None:
    fields = ["name", "mode", "owner", "pending"]
    answer = pair.ours.value("Query", "lock", fields)
    assert [field["name"] for field in answer["fields"]] == fields
    assert answer["data"] == []


def test_operating_systems_are_asked_for_with_a_job(pair: Pair) -> None:
    before = pair.ours.value("GetJobs")
    assert pair.ours.value("GetOperatingSystems") == ["noop"]
    (job,) = [each for each in pair.ours.value("GetJobs") if each not in before]
    told = pair.ours.value("GetJobStatus", job["id"])
    assert (told["summary"], told["status"]) == (["OS_DIAGNOSE"], "success")
    assert [name for ((name, *_),) in told["opresult"]] == ["noop"]


@pytest.mark.parametrize(("call", "op_id"), JOBS, ids=str)
def test_a_resource_that_is_a_job_is_carried_out_or_clearly_refused(
    pair: Pair, call: tuple[Any, ...], op_id: str
) -> None:
    answer = pair.ours.call(*call)
    if registry.find(op_id) is None:
        assert not answer.good
        assert unsupported(op_id) in answer.value[1]
    else:
        # The objects that it names are not all there; it is carried out nevertheless.
        assert answer.good
        assert status_at_end(pair.ours, answer.value) in ("success", "error")


def test_storage_of_a_node_is_told_by_a_job(pair: Pair) -> None:
    job_id = pair.ours.value("GetNodeStorageUnits", NODE, "file", "name,type,size,node")
    assert status_at_end(pair.ours, job_id) == "success"
    ((rows,),) = [pair.ours.value("GetJobStatus", job_id)["opresult"]]
    assert [row[:2] for row in rows] == [["/srv/ganeti/file-storage", "file"]]
    assert rows[0][3] == NODE


def test_tags_are_set_with_a_job_and_read_again(pair: Pair) -> None:
    job_id = pair.ours.value("AddClusterTags", ["through:rapi"])
    assert status_at_end(pair.ours, job_id) == "success"
    assert "through:rapi" in pair.ours.value("GetClusterTags")


def test_a_filter_rule_is_added_changed_and_removed(pair: Pair) -> None:
    uuid = pair.ours.value("AddFilter", 3, [["jobid", [">", "id", "watermark"]]], "PAUSE")
    assert pair.ours.value("GetFilter", uuid)["action"] == "PAUSE"
    assert pair.ours.value("ReplaceFilter", uuid, 4, [], ["RATE_LIMIT", 2]) == uuid
    changed = pair.ours.value("GetFilter", uuid)
    assert (changed["priority"], changed["action"]) == (4, ["RATE_LIMIT", 2])
    assert pair.ours.call("DeleteFilter", uuid).good
    assert not pair.ours.call("GetFilter", uuid).good


def status_at_end(client: Rapi, job_id: int) -> str:
    """Wait for the end of a job; return its status."""
    seen: list[str] | None = None
    while True:
        news = client.value("WaitForJobChange", job_id, ["status"], seen, None)
        assert news is not None, f"job {job_id} is stuck in {seen}"
        seen = news["job_info"]
        assert seen is not None
        if seen[0] in ("success", "error", "canceled"):
            return seen[0]


def test_the_tables_miss_no_resource_that_can_be_read(pair: Pair) -> None:
    output = debian.Commands({}).ganeti_python(_READABLE).output
    patterns = [re.compile(pattern) for pattern in json.loads(output)]
    assert len(patterns) >= 30
    calls = [*READ, *REFUSED, *(call for call, _ in JOBS), ("GetOperatingSystems",)]
    paths = {pair.ours.call(*call).path for call in calls} | {path for path, _ in PLAIN}
    missing = [each.pattern for each in patterns if not any(map(each.fullmatch, paths))]
    assert missing == []
