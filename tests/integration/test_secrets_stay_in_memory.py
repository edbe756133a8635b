"""Secret parameters of jobs are nowhere but in memory: a search for them finds nothing.

Jobs in every state are left behind with them, through a crash; then every file of every node is
searched, byte by byte, and everything that the daemon and its commands tell.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from masterd.errors import GanetiError
from masterd.luxi.client import Client
from masterd.testing.cluster import SimulatedCluster
from tests import system

#: What must not be found, and a name beside it that must be: else the search is wrong.
CANARY: Final = "canary-in-the-coal-mine"
NAME: Final = "name-of-the-secret"

REPOSITORY: Final = Path(__file__).parents[2]

FIELDS: Final = ["id", "status", "ops", "opresult", "opstatus", "oplog", "summary"]


def secret_op(**parameters: object) -> dict[str, Any]:
    return {
        "OP_ID": "OP_TEST_OS_PARAMS",
        "osparams_secret": {NAME: CANARY},
        "reason": [],
        **parameters,
    }


def holding_rule(client: Client) -> object:
    """Hold back all jobs that come from now on."""
    watermark = ["jobid", [">", "id", "watermark"]]
    return client.call("ReplaceFilter", None, 0, [watermark], "PAUSE", [])


@pytest.fixture
def cluster() -> Iterator[SimulatedCluster]:
    with system.simulated_cluster(nodes=3) as (made, _):
        yield made


def found_in_files(cluster: SimulatedCluster, text: str) -> set[str]:
    """Return the names of the files of all nodes in which a text stands."""
    return {
        path.name
        for path in cluster.base.rglob("*")
        if path.is_file() and text.encode() in path.read_bytes()
    }


def told(client: Client) -> str:
    """Return all that can be asked of the jobs there are."""
    answer = client.call("Query", "job", FIELDS, None)
    assert isinstance(answer, dict)
    return json.dumps(answer)


def dumped(cluster: SimulatedCluster, *options: str) -> str:
    """Return the text of a dump of the master's store."""
    root = ("--root", str(cluster.master_root))
    ended = subprocess.run(
        [sys.executable, REPOSITORY / "scripts/dump", *root, "--text", *options, "-"],
        capture_output=True, text=True, check=True, timeout=system.START_S,
    )  # fmt: skip
    return ended.stdout


def test_a_search_for_secrets_of_jobs_finds_nothing(cluster: SimulatedCluster) -> None:
    with system.running(cluster, arguments=["-d"]) as daemon, daemon.client() as client:
        ended = client.call("SubmitJob", [secret_op(), secret_op(osparams_secret={})])
        inside = {"OP_ID": "OP_TEST_DUMMY", "submit_jobs": [[secret_op()]], "reason": []}
        outer = client.call("SubmitJob", [inside])
        for job_id in (ended, outer):
            assert isinstance(job_id, int)
            system.wait_for_end(client, job_id)
        for wrong in (CANARY, [CANARY], {NAME: CANARY}):
            # The daemon hangs up on whom it does not understand.
            with daemon.client() as other, pytest.raises(GanetiError) as refusal:
                other.call("SubmitJob", [secret_op(osparams_secret=wrong, unknown=1)])
            assert CANARY not in str(refusal.value)
        holding_rule(client)
        held = client.call("SubmitJob", [secret_op()])
        text = told(client)
        daemon.wait_replicated()
        daemon.kill()
    assert NAME in text
    assert CANARY not in text
    assert found_in_files(cluster, CANARY) == set()
    assert f"job-{held}" in found_in_files(cluster, NAME)
    for options in ((), ("--with-secrets",)):
        text = dumped(cluster, *options)
        assert NAME in text
        assert CANARY not in text


def test_a_job_that_a_crash_left_without_its_secrets_says_so(cluster: SimulatedCluster) -> None:
    with system.running(cluster) as daemon, daemon.client() as client:
        rule = holding_rule(client)
        held = client.call("SubmitJob", [secret_op()])
        daemon.kill()
    assert isinstance(held, int)
    with system.running(cluster) as again, again.client() as client:
        client.call("DeleteFilter", rule)
        assert system.wait_for_end(client, held) == "error"
        assert "re-submit secret parameters" in told(client)
