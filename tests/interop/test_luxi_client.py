"""Debian's own LUXI client against our server: envelopes, errors in their class, big messages."""

import json
import os
import subprocess
from functools import partial
from pathlib import Path

import gevent
import pytest

from masterd.errors import ECode, JobQueueFull, OpPrereqError
from masterd.job.model import Peer
from masterd.luxi import calls
from masterd.luxi.messages import Request
from masterd.luxi.methods import check
from masterd.luxi.reply import Reply
from masterd.query.engine import query, query_classic, query_fields
from masterd.query.job_fields import JOB_TABLE
from store.threads import in_thread
from tests.luxi_support import serving
from tests.query_support import ListSource, job

_GANETI = Path("/usr/share/ganeti/3.0")

pytestmark = pytest.mark.skipif(
    not (_GANETI / "ganeti/luxi.py").exists(), reason="Debian's ganeti package is not installed"
)

_SCRIPT = """
import json, sys
from ganeti import errors, luxi, opcodes
client = luxi.Client(address=sys.argv[1])
seen = {}
seen["query"] = client.Query("job", ["id", "status", "nosuch"], ["=", "id", 2]).ToDict()
seen["fields"] = len(client.QueryFields("job", None).ToDict()["fields"])
seen["jobs"] = client.QueryJobs([1, 99], ["id", "summary"])
seen["wait"] = client.WaitForJobChangeOnce(1, ["status"], None, 0, timeout=1)
seen["cancel"] = client.CancelJob(1)
ops = [opcodes.OpTestDelay(duration=0.5) for _ in range(3000)]
seen["submit"] = client.SubmitJob(ops)
seen["many"] = client.SubmitManyJobs([ops[:2], ops[:1]])
for name, call in [
    ("prereq", lambda: client.QueryJobs([1], ["nosuch"])),
    ("full", lambda: client.SubmitJobToDrainedQueue(ops[:1])),
    ("text", lambda: client.CallMethod("NoSuch", ())),
]:
    try:
        call()
    except Exception as err:
        seen[name] = [type(err).__name__, [str(arg) for arg in err.args]]
client.Close()
print(json.dumps(seen))
"""


def _handle(request: Request, peer: Peer, reply: Reply) -> None:
    """Answer as a master daemon with three jobs would."""
    source = ListSource([job(1), job(2), job(3)])
    match check(request):
        case calls.Query("job", fields, wanted):
            reply.success(query(JOB_TABLE, source, fields, wanted))
        case calls.QueryFields("job", fields):
            reply.success(query_fields(JOB_TABLE, fields))
        case calls.QueryJobs(job_ids, fields):
            reply.success(query_classic(JOB_TABLE, source, job_ids, fields))
        case calls.WaitForJobChange():
            reply.success((["success"], []))
        case calls.CancelJob(job_id):
            reply.success((False, f"Job {job_id} not found in queue"))
        case calls.SubmitJob(ops):
            reply.success(len(ops))
        case calls.SubmitManyJobs(jobs):
            reply.success([(True, len(ops)) for ops in jobs])
        case calls.SubmitJobToDrainedQueue():
            raise JobQueueFull
        case other:
            raise OpPrereqError(f"unexpected {other}", ECode.FAULT)


def test_debians_client_understands_our_answers(tmp_path: Path) -> None:
    with serving(tmp_path, _handle) as (_, path), gevent.Timeout(60):
        ask = partial(
            subprocess.check_output,
            ["/usr/bin/python3", "-c", _SCRIPT, os.fspath(path)],
            env={"PYTHONPATH": os.fspath(_GANETI), "PATH": os.environ["PATH"]},
            stderr=subprocess.STDOUT,
        )
        output: str | bytes = in_thread(gevent.get_hub().threadpool, ask)
    seen = json.loads(output)
    assert seen["query"]["data"] == [[[0, 2], [0, "success"], [1, None]]]
    assert seen["fields"] == 16
    assert seen["jobs"] == [[1, ["TEST_DELAY(0.1)"]], [99, None]]
    assert seen["wait"] == [["success"], []]
    assert seen["cancel"] == [False, "Job 1 not found in queue"]
    assert seen["submit"] == 3000
    assert seen["many"] == [[True, 2], [True, 1]]
    assert seen["prereq"] == [
        "OpPrereqError",
        ["Unknown output fields selected: nosuch", "wrong_input"],
    ]
    assert seen["full"] == ["JobQueueFull", []]
    assert seen["text"][0] == "RequestError"
    assert "Invalid string value for type LuxiReq" in seen["text"][1][0]
