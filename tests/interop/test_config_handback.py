"""A cluster of an old release, run by our daemon for a while, and then by luxid.

What the old file said and what a job changed is all there in the end.
"""

import json

import pytest

from masterd.clock import SystemClock
from masterd.config import document, verify
from masterd.luxi.client import Client
from masterd.paths import Paths
from tests import system
from tests.broken_configs import sound
from tests.interop import luxid, luxid_support, masters
from tests.interop.luxid import needs_luxid
from tests.migration.old_configs import expressible, old

pytestmark = needs_luxid

QUESTIONS: list[tuple[str, list[object]]] = [
    ("QueryTags", ["cluster", ""]),
    ("QueryInstances", [[], ["name", "tags", "ctime", "mtime", "disk.sizes"], False]),
    ("QueryGroups", [[], ["name", "tags", "ctime"], False]),
    ("QueryNetworks", [[], ["name", "tags", "ctime"], False]),
]

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


def test_what_luxid_bears_is_taken_over_as_luxid_reads_it() -> None:
    config = sound()
    for section in ("nodes", "nodegroups", "networks", "instances", "disks"):
        each = next(v for v in config[section].values() if "forthcoming" not in v)
        each.update({key: None for key in ("ctime", "mtime", "tags", "mode") if key in each})
    config["cluster"].update(ctime=None, mtime=None, tags=["b", "a", "b"])
    config.update(ctime=None, mtime=None, serial_no=float(config["serial_no"]))
    with masters.root(document.split(sound())) as root:
        paths = Paths(root, root.name)
        paths.config_file.write_text(json.dumps(config))
        luxid.give(root)
        with luxid.luxid(root, config_serial=int(config["serial_no"])) as socket:
            reference = luxid_support.Luxid(socket)
            try:
                theirs = [reference.ask(*each) for each in QUESTIONS]
            finally:
                reference.close()
        with masters.ours(root), _client(paths) as client:
            assert [client.call(method, *args) for method, args in QUESTIONS] == theirs


@pytest.mark.parametrize(
    ("text", "carried"),
    [("a\nb\x01c\x7fd", True), ('a"b\\c', True), ("b\u00fcro", False), ("a\u2022b", False)],
)
def test_texts_are_refused_exactly_where_luxid_cannot_carry_them(text: str, carried: bool) -> None:
    config = sound()
    config["cluster"]["tags"] = [text]
    snapshot = document.split(config)
    assert (verify.problems(snapshot) == []) is carried
    with masters.root(snapshot) as root:
        luxid.give(root)
        with luxid.luxid(root, config_serial=snapshot.serial_no) as socket:
            reference = luxid_support.Luxid(socket)
            try:
                if carried:
                    assert reference.ask("QueryTags", ["cluster", ""]) == [text]
                else:
                    with pytest.raises(ValueError, match=r"decode|delimiter"):
                        reference.ask("QueryTags", ["cluster", ""])
            finally:
                reference.close()


def _client(paths: Paths) -> Client:
    return Client(str(paths.query_socket), clock=SystemClock())
