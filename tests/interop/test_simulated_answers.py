"""A simulated node answers as Debian's node daemon does, asked the same things in the same order.

Only what needs no help of the kernel: disks in files, guests of the hypervisor `fake`, exports,
certificates, directories, operating systems. Each story is told to both, each in its own root.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography import x509

from masterd.clock import SystemClock
from masterd.rpc.runner import NodeTarget, RpcRunner
from masterd.rpc.transport import TlsTransport
from masterd.testing import cluster as clusters
from masterd.testing.cluster import SimulatedCluster
from masterd.testing.node_calls import SimulatedNode
from masterd.testing.node_devices import be_strict
from tests.interop import nodes

pytestmark = pytest.mark.skipif(nodes.hindrance() is not None, reason=nodes.hindrance() or "")

#: What stands for a node's root in stories and in answers.
ROOT: Final = "ROOT"
STORAGE: Final = f"{ROOT}/srv/ganeti/file-storage"
EXPORTS: Final = f"{ROOT}/var/lib/ganeti/export"

#: What the real one puts behind the names of files that it writes beside.
_TEMPORARY: Final = re.compile(r"(?<=config\.ini)\w+\.new")

#: A question: call, arguments.
Question = tuple[str, list[Any]]


def disk(file: str = "disk0", size: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "dev_type": "file", "logical_id": ["loop", f"{STORAGE}/inst/{file}"], "size": size,
        "children": [], "nodes": ["a"], "iv_name": "disk/0", "mode": "rw", "params": {},
        "dynamic_params": {}, "uuid": f"uuid of {file}", "serial_no": 1, "ctime": 1.0, "mtime": 1.0,
        **changes,
    }  # fmt: skip


def guest(*disks: dict[str, Any], **changes: Any) -> dict[str, Any]:
    nic = {
        "mac": "aa:00:00:00:00:01", "uuid": "nic", "ip": None, "name": None, "network": None,
        "nicparams": {"mode": "bridged", "link": "br0", "vlan": ""}, "netinfo": None,
    }  # fmt: skip
    return {
        "name": "inst.example.com", "uuid": "uuid", "os": "noop", "hypervisor": "fake",
        "primary_node": "a", "secondary_nodes": [], "admin_state": "up",
        "hvparams": {"migration_mode": "live"}, "osparams": {}, "osparams_private": {},
        "beparams": {"minmem": 16, "maxmem": 16, "vcpus": 2, "always_failover": False},
        "nics": [nic], "disks": [each["uuid"] for each in disks], "disks_info": list(disks),
        "disks_active": True, "tags": ["one"], "serial_no": 1, "ctime": 1.0, "mtime": 1.0,
        **changes,
    }  # fmt: skip


def create(of: dict[str, Any]) -> Question:
    return "blockdev_create", [of, of["size"], "inst", True, "info", False]


@dataclass(frozen=True, slots=True)
class Both:
    """The real node daemon and a simulated node."""

    runner: RpcRunner
    target: NodeTarget
    real_root: Path
    simulated: SimulatedNode

    def ask(self, question: Question) -> tuple[Any, Any]:
        """Return both answers, with `ROOT` for either's root."""
        call, arguments = question
        text = json.dumps(arguments)
        told = json.loads(text.replace(ROOT, str(self.real_root)))
        if call == "blockdev_getmirrorstatus_multi":
            told = [{self.target.uuid: told[0]}]  # Of which each node gets its own.
        result = self.runner.call_one(call, self.target, told)
        real = [result.ok, result.payload if result.ok else result.error]
        own = text.replace(ROOT, str(self.simulated.root))
        answer = self.simulated.answer(call, own.encode())
        assert answer is not None, call
        return (
            json.loads(_TEMPORARY.sub("", json.dumps(real)).replace(str(self.real_root), ROOT)),
            json.loads(answer.decode().replace(str(self.simulated.root), ROOT)),
        )

    def make(self, *names: str) -> None:
        """Make directories on both."""
        for root in (self.real_root, self.simulated.root):
            for name in names:
                (root / name).mkdir(parents=True, exist_ok=True)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> SimulatedCluster:
    return clusters.build(tmp_path_factory.mktemp("noded"), nodes=2)


@pytest.fixture(scope="module")
def daemon(cluster: SimulatedCluster) -> Iterator[NodeTarget]:
    allowed = cluster.root(cluster.nodes[1]) / "etc/ganeti/file-storage-paths"
    allowed.write_text(f"{cluster.root(cluster.nodes[1])}/srv/ganeti/file-storage\n")
    with nodes.node_daemon(cluster, cluster.nodes[1]):
        yield cluster.targets()[1]


@pytest.fixture
def both(cluster: SimulatedCluster, daemon: NodeTarget, tmp_path: Path) -> Iterator[Both]:
    transport = TlsTransport(cluster.server_pem, cluster.client_pem, SystemClock())
    simulated = SimulatedNode("node2.example.com", tmp_path / "node2.example.com")
    be_strict(simulated.root)
    made = Both(
        RpcRunner(transport, port=cluster.port),
        daemon,
        cluster.root(cluster.nodes[1]),
        simulated,
    )
    made.make(
        "var/run/ganeti/instance-disks", "var/run/ganeti/instance-reason",
        "var/run/ganeti/crypto", "var/run/ganeti/import-export",
        "var/log/ganeti/os", "var/lib/ganeti/export", "srv/ganeti/file-storage",
    )  # fmt: skip
    allowed = simulated.root / "etc/ganeti/file-storage-paths"
    allowed.parent.mkdir(parents=True, exist_ok=True)
    allowed.write_text(f"{simulated.root}/srv/ganeti/file-storage\n")
    yield made
    transport.close()


OTHER: Final = disk("disk1")
NEW_ID: Final = ["loop", f"{STORAGE}/inst/renamed"]
RENAMED: Final = disk("renamed", logical_id=NEW_ID)

DISKS: Final[Sequence[Question]] = (
    create(disk()),
    ("file_storage_dir_create", [f"{STORAGE}/inst"]),
    ("file_storage_dir_create", [f"{STORAGE}/inst"]),
    create(disk()),
    create(disk()),
    create(disk(logical_id=["loop", f"{ROOT}/srv/elsewhere/disk0"])),
    ("blockdev_create", [disk("exclusive"), 1, "inst", True, "", True]),
    ("blockdev_find", [disk()]),
    ("blockdev_getdimensions", [[disk(), disk("missing")]]),
    ("blockdev_getmirrorstatus", [[disk()]]),
    ("blockdev_getmirrorstatus_multi", [[disk()]]),
    ("blockdev_setinfo", [disk(), "what it is"]),
    ("blockdev_pause_resume_sync", [[disk()], True]),
    ("blockdev_grow", [disk(), 1, True, True, False]),
    ("blockdev_grow", [disk(), 1, False, False, False]),
    ("blockdev_grow", [disk(), 1, False, True, False]),
    ("blockdev_grow", [disk(), -1, False, True, False]),
    ("blockdev_getdimensions", [[disk()]]),
    ("blockdev_wipe", [disk(), 0, 1]),
    ("blockdev_wipe", [disk(), -1, 1]),
    ("blockdev_wipe", [disk(), 0, -1]),
    ("blockdev_wipe", [disk(), 3, 0]),
    ("blockdev_wipe", [disk(), 0, 3]),
    ("blockdev_image", [disk(), "/nothing/there", 1]),
    ("blockdev_snapshot", [disk(), None, None]),
    ("blockdev_assemble", [disk(), guest(disk()), True, 0]),
    ("blockdev_assemble", [disk(), guest(disk()), False, 0]),
    ("blockdev_open", ["inst.example.com", [disk()], True]),
    ("blockdev_close", ["inst.example.com", [disk()]]),
    ("blockdev_shutdown", [disk()]),
    create(OTHER),
    ("blockdev_convert", [OTHER, disk()]),
    ("blockdev_rename", [[[OTHER, NEW_ID]]]),
    ("blockdev_find", [OTHER]),
    ("blockdev_find", [RENAMED]),
    ("blockdev_rename", [[[OTHER, NEW_ID]]]),
    ("get_file_info", [f"{STORAGE}/inst/renamed"]),
    ("get_file_info", [f"{STORAGE}/inst/disk1"]),
    ("file_storage_dir_remove", [f"{STORAGE}/inst"]),
    ("blockdev_remove", [disk()]),
    ("blockdev_remove", [disk()]),
    ("blockdev_remove", [RENAMED]),
    ("blockdev_find", [disk()]),
    ("blockdev_getmirrorstatus", [[disk()]]),
    ("blockdev_getmirrorstatus_multi", [[disk()]]),
    ("blockdev_assemble", [disk(), guest(disk()), True, 0]),
    ("blockdev_setinfo", [disk(), "what it is"]),
    ("blockdev_grow", [disk(), 1, False, True, False]),
    ("blockdev_wipe", [disk(), 0, 1]),
    ("blockdev_convert", [disk(), RENAMED]),
    ("blockdev_pause_resume_sync", [[disk()], True]),
    ("blockdev_open", ["inst.example.com", [disk()], True]),
    ("blockdev_close", ["inst.example.com", [disk()]]),
    ("file_storage_dir_create", [f"{STORAGE}/other"]),
    ("file_storage_dir_rename", [f"{STORAGE}/inst", f"{STORAGE}/other"]),
    ("file_storage_dir_remove", [f"{STORAGE}/other"]),
    ("file_storage_dir_rename", [f"{STORAGE}/inst", f"{STORAGE}/other"]),
    ("file_storage_dir_rename", [f"{STORAGE}/inst", f"{STORAGE}/other"]),
    ("file_storage_dir_rename", [f"{STORAGE}/inst", f"{STORAGE}/third"]),
    ("file_storage_dir_remove", [f"{STORAGE}/other"]),
    ("file_storage_dir_remove", [f"{STORAGE}/other"]),
    ("bdev_sizes", [["/dev/nothing", "/etc/passwd"]]),
)

GUESTS: Final[Sequence[Question]] = (
    ("instance_migratable", [guest()]),
    ("instance_reboot", [guest(), "soft", 60, []]),
    ("instance_info", ["inst.example.com", "fake", {}]),
    ("instance_start", [guest(disk("missing")), False, []]),
    ("instance_start", [guest(), False, []]),
    ("instance_start", [guest(), False, []]),
    ("instance_list", [["fake"], {"fake": {}}]),
    ("instance_info", ["inst.example.com", "fake", {}]),
    ("all_instances_info", [["fake"], {"fake": {}}]),
    ("instance_balloon_memory", [guest(), 32]),
    ("instance_info", ["inst.example.com", "fake", {}]),
    ("instance_reboot", [guest(), "soft", 60, []]),
    ("instance_reboot", [guest(), "hard", 60, []]),
    ("instance_reboot", [guest(), "full", 60, []]),
    ("instance_migratable", [guest()]),
    ("migration_info", [guest()]),
    ("accept_instance", [guest(), "", "192.0.2.1"]),
    ("instance_migrate", ["cluster", guest(), "192.0.2.1", True]),
    ("instance_get_migration_status", [guest()]),
    ("hotplug_supported", [guest()]),
    ("hotplug_device", [guest(), "hotadd", "nic", guest()["nics"][0], None, 0]),
    ("instance_finalize_migration_src", [guest(), False, True]),
    ("instance_list", [["fake"], {"fake": {}}]),
    ("instance_finalize_migration_src", [guest(), True, True]),
    ("instance_list", [["fake"], {"fake": {}}]),
    ("accept_instance", [guest(), "", "192.0.2.1"]),
    ("instance_finalize_migration_dst", [guest(), "", True]),
    ("instance_list", [["fake"], {"fake": {}}]),
    ("instance_finalize_migration_dst", [guest(), "", False]),
    ("instance_list", [["fake"], {"fake": {}}]),
    ("instance_shutdown", [guest(), 60, []]),
    ("hypervisor_validate_params", ["fake", {"migration_mode": "live"}]),
)

OWN_KEY: Final = {"key_name": "nobody", "ca_pem": "text"}

EXPORTED: Final[Sequence[Question]] = (
    ("export_info", [f"{EXPORTS}/inst.example.com"]),
    ("export_remove", ["inst.example.com"]),
    ("finalize_export", [guest(), [disk()]]),
    ("finalize_export", [guest(), [disk(), False]]),
    ("impexp_status", [["nobody"]]),
    ("impexp_abort", ["nobody"]),
    ("impexp_cleanup", ["nobody"]),
    ("import_start", [{"magic": "m"}, guest(), "disk0", ["file", [f"{ROOT}/srv/disk0"]]]),
    ("import_start", [{"key_name": "k"}, guest(), "disk0", ["file", [f"{EXPORTS}/a/b"]]]),
    ("import_start", [OWN_KEY, guest(), "disk0", ["file", [f"{EXPORTS}/a/b"]]]),
    ("import_start", [{}, guest(), "disk0", ["raw", [disk("missing")]]]),
    ("export_start", [{}, "::1", 1, guest(os="none"), "disk0", ["script", [disk(), 0]]]),
    ("x509_cert_remove", ["nobody"]),
    ("export_list", []),
    ("export_remove", ["a"]),
    ("export_list", []),
)

SYSTEMS: Final[Sequence[Question]] = (
    ("os_diagnose", []),
    ("os_validate", [True, "nothing", ["parameters"], {}, False]),
    ("os_validate", [False, "nothing", ["parameters"], {}, False]),
    ("os_validate", [True, "noop", ["parameters"], {}, False]),
    ("os_validate", [True, "noop", ["others"], {}, False]),
    ("instance_os_add", [guest(), False, 0]),
    ("instance_os_add", [guest(os="nothing"), False, 0]),
    ("instance_os_add", [guest(disk("missing")), False, 0]),
    ("instance_run_rename", [guest(), "old.example.com", 0]),
    ("extstorage_diagnose", []),
    ("get_watcher_pause", []),
    ("set_watcher_pause", [4_000_000_000]),
    ("get_watcher_pause", []),
    ("set_watcher_pause", [None]),
)


@pytest.mark.parametrize(
    "story", [DISKS, GUESTS, EXPORTED, SYSTEMS], ids=["disks", "guests", "exports", "systems"]
)
def test_both_answer_the_same(both: Both, story: Sequence[Question]) -> None:
    differing = []
    for number, question in enumerate(story):
        real, simulated = both.ask(question)
        if real != simulated:
            differing.append(f"{number} {question[0]}:\n  {real}\n  {simulated}")
    assert not differing, "\n".join(differing)


def test_both_describe_an_export_in_the_same_words(both: Both) -> None:
    both.make("var/lib/ganeti/export/inst.example.com.new")
    disks = [disk(), disk("disk1", name="second", iv_name="disk/1")]
    made = guest(*disks, osparams={"size": "big"}, hvparams={"acpi": True, "xen_cmd": "xl"})
    assert both.ask(("finalize_export", [made, disks])) == ([True, None], [True, None])
    real, simulated = both.ask(("export_info", [f"{EXPORTS}/inst.example.com"]))
    lines = [
        [line for line in told.splitlines() if not line.startswith("timestamp")]
        for _, told in (real, simulated)
    ]
    assert lines[0] == lines[1]
    for question in (("export_list", []), ("export_remove", ["inst.example.com"])):
        real, simulated = both.ask(question)
        assert real == simulated


def test_both_keep_certificates(both: Both) -> None:
    names = []
    for ok, told in both.ask(("x509_cert_create", [3600])):
        assert ok
        name, text = told
        certificate = x509.load_pem_x509_certificate(text.encode())
        assert certificate.issuer == certificate.subject
        valid = certificate.not_valid_after_utc - certificate.not_valid_before_utc
        assert valid == timedelta(hours=1)
        names.append(name)
    for root, name in zip((both.real_root, both.simulated.root), names, strict=True):
        kept = root / "var/run/ganeti/crypto" / name
        assert {path.name: path.stat().st_mode & 0o777 for path in kept.iterdir()} == {
            "key": 0o400,
            "cert": 0o400,
        }


@pytest.mark.parametrize(
    "question",
    [
        create(disk(colour="red")),
        ("blockdev_find", ["disk"]),
        ("blockdev_rename", [[[disk()]]]),
        ("file_storage_dir_create", [7]),
        ("import_start", [{"magic": "m", "colour": "red"}, guest(), "d", ["file", ["/a"]]]),
        ("x509_cert_create", ["long"]),
        ("export_start", [{}, None, None, guest(), "disk0", ["file", [f"{EXPORTS}/a/b"]]]),
    ],
    ids=lambda question: str(question[0]),
)
def test_neither_takes_arguments_of_another_form(both: Both, question: Question) -> None:
    for ok, told in both.ask(question):
        assert not ok, told
