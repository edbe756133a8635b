"""A cluster of an old release, run by our daemon for a while, and then by luxid.

What the old file said and what a job changed is all there in the end.
"""

import json

import pytest

from masterd.clock import SystemClock
from masterd.config import document
from masterd.luxi.client import Client
from masterd.paths import Paths
from tests import system
from tests.interop import luxid, luxid_support, masters
from tests.interop.luxid import needs_luxid
from tests.migration.old_configs import expressible, old

pytestmark = needs_luxid

TAG_OP = {"OP_ID": "OP_TAGS_SET", "kind": "instance", "name": "inst3.example.com",
          "tags": ["told:once"], "reason": []}  # fmt: skip


@pytest.mark.parametrize("minor", [7, 12, 16])
def test_nothing_is_lost_from_an_old_release_to_luxid(minor: int) -> None:
    config = expressible(1, minor)
    with masters.root(document.split(config)) as root:
        paths = Paths(root, root.name)
        paths.config_file.write_text(json.dumps(old(config, minor)))
        with masters.ours(root), _client(paths) as client:
            job_id = client.call("SubmitJob", [TAG_OP])
            assert isinstance(job_id, int)
            assert system.wait_for_end(client, job_id) == "success"
        written = document.split(json.loads(paths.config_file.read_bytes()))
        luxid.give(root)
        with luxid.luxid(root, config_serial=written.serial_no) as socket:
            reference = luxid_support.Luxid(socket)
            try:
                fields = ["name", "pnode", "tags", "nic.macs", "disk.sizes", "be/maxmem"]
                told = reference.ask("Query", ["instance", fields, None])["data"]
            finally:
                reference.close()
    found = {row[0][1]: [value for _, value in row[1:]] for row in told}
    real = [each for each in config["instances"].values() if "forthcoming" not in each]
    assert len(real) >= 12
    for instance in real:
        pnode, tags, macs, sizes, _ = found[instance["name"]]
        assert pnode == config["nodes"][instance["primary_node"]]["name"]
        added = ["told:once"] if instance["name"] == TAG_OP["name"] else []
        assert sorted(tags) == sorted([*instance["tags"], *added])
        assert macs == [nic["mac"] for nic in instance["nics"]]
        assert sizes == [config["disks"][uid]["size"] for uid in instance["disks"]]


def _client(paths: Paths) -> Client:
    return Client(str(paths.query_socket), clock=SystemClock())
