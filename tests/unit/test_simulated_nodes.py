"""Simulated nodes: guests, migrations, exports, operating systems; and that no call is missing."""

from pathlib import Path
from typing import Any

import pytest

from masterd.rpc import payloads
from masterd.rpc.calls import CALLS
from masterd.testing import node_facts, node_migration, node_notes, node_transfers
from masterd.testing.node_calls import SimulatedNode
from masterd.testing.node_exports import EXPORT_DIR
from tests.simulated_support import file, plain, refused, well

GUEST: dict[str, Any] = {
    "name": "inst.example.com", "uuid": "uuid", "os": "noop", "hypervisor": "kvm",
    "primary_node": "node", "hvparams": {"acpi": True, "migration_port": 8102},
    "beparams": {"minmem": 128, "maxmem": 512, "vcpus": 2}, "osparams": {"size": "big"},
    "nics": [{"mac": "aa:00:00:00:00:01", "nicparams": {"mode": "bridged", "link": "br0"}}],
    "disks_info": [plain()], "tags": ["one", "two"],
}  # fmt: skip
NAME = GUEST["name"]


@pytest.fixture
def node(tmp_path: Path) -> SimulatedNode:
    root = tmp_path / "node1.example.com"
    (root / node_notes.RUN_DIR).mkdir(parents=True)
    return SimulatedNode(root.name, root)


def runs(node: SimulatedNode) -> bool:
    return NAME in well(node, "instance_list", ["kvm"], {})


def start(node: SimulatedNode, **changes: Any) -> None:
    well(node, "instance_start", GUEST | changes, False, [])


def test_every_call_is_answered(node: SimulatedNode) -> None:
    silent = set()
    for call in CALLS:
        answer = node.answer(call, b"[]")
        assert answer is not None, call
        if f"Call '{call}' is not simulated".encode() in answer:
            silent.add(call)
    assert not silent


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ("blockdev_find", [plain()]),
        ("blockdev_getmirrorstatus", [[plain()]]),
        ("blockdev_getmirrorstatus_multi", [[plain()]]),
        ("blockdev_pause_resume_sync", [[plain()], True]),
        ("export_list", []),
        ("extstorage_diagnose", []),
        ("get_file_info", ["/nothing"]),
        ("get_watcher_pause", []),
        ("instance_get_migration_status", [GUEST]),
        ("lv_list", [["xenvg"]]),
        ("node_volumes", []),
        ("os_diagnose", []),
        ("os_export", [GUEST, {}]),
        ("vg_list", []),
        ("x509_cert_create", [60]),
    ],
)
def test_answers_have_the_form_of_a_real_node(
    node: SimulatedNode, call: str, arguments: list[object]
) -> None:
    assert payloads.problem(call, well(node, call, *arguments)) is None


def test_a_node_that_forgets_has_what_was_written_for_it(node: SimulatedNode) -> None:
    node_facts.write_capacity(node.root, node_facts.Capacity(memory_mib=9000))
    before = well(node, "node_info", [["lvm-vg", "xenvg", [False]]], [["kvm", {}]])
    start(node)
    well(node, "blockdev_create", plain("two"), 1024, NAME, True, "", False)
    well(node, "blockdev_remove", plain())
    well(node, "x509_cert_create", 60)
    node.forget()
    assert well(node, "node_info", [["lvm-vg", "xenvg", [False]]], [["kvm", {}]]) == before
    assert before[2][0]["memory_total"] == 9000
    assert well(node, "blockdev_find", plain()) is not None
    assert [path.name for path in (node.root / node_notes.RUN_DIR).iterdir()] == [
        "simulated-capacity.json"
    ]


# --- guests -------------------------------------------------------------------------------------


def test_a_guest_begins_with_its_disks_and_with_what_is_free(node: SimulatedNode) -> None:
    node_facts.write_capacity(
        node.root, node_facts.Capacity(memory_mib=4096 + 300, memory_own_mib=4096)
    )
    start(node)
    assert well(node, "instance_info", NAME, "kvm", {})["memory"] == 300
    well(node, "instance_balloon_memory", GUEST, 200)
    assert well(node, "instance_info", NAME, "kvm", {})["memory"] == 200
    well(node, "instance_shutdown", GUEST, 120, [])
    assert not runs(node)
    well(node, "blockdev_remove", plain())
    assert "is not set up" in refused(node, "instance_start", GUEST, False, [])


def test_a_guest_is_rebooted_where_it_runs(node: SimulatedNode) -> None:
    assert "not running" in refused(node, "instance_reboot", GUEST, "hard", 120, [])
    start(node)
    for how in ("hard", "soft"):
        well(node, "instance_reboot", GUEST, how, 120, [])
        assert runs(node)
    assert "Invalid reboot_type" in refused(node, "instance_reboot", GUEST, "full", 120, [])


def test_devices_come_and_go_while_a_guest_runs(node: SimulatedNode) -> None:
    nic = {"uuid": "nic", "hvinfo": {"bus": "pci.0"}}
    assert "probably down" in refused(node, "hotplug_supported", GUEST)
    start(node)
    well(node, "hotplug_supported", GUEST)
    well(node, "hotplug_device", GUEST, "hotadd", "nic", nic, None, 0)
    assert "Duplicate" in refused(node, "hotplug_device", GUEST, "hotadd", "nic", nic, None, 0)
    gone = well(node, "hotplug_device", GUEST, "hotremove", "nic", nic, None, 0)
    assert gone == {"bus": "pci.0"}
    text = refused(node, "hotplug_device", GUEST, "hotmod", "nic", nic, None, 0)
    assert "Cannot find runtime info" in text
    xen = GUEST | {"hypervisor": "xen-pvm"}
    assert "not supported by this hypervisor" in refused(node, "hotplug_supported", xen)


def test_a_guest_moves_when_both_ends_say_so(tmp_path: Path, node: SimulatedNode) -> None:
    other = SimulatedNode("node2.example.com", tmp_path / "node2.example.com")
    assert "is not running" in refused(node, "instance_migratable", GUEST)
    start(node)
    well(node, "instance_migratable", GUEST)
    info = well(node, "migration_info", GUEST)
    well(other, "accept_instance", GUEST, info, "192.0.2.2")
    states = [{"status": "active", "transferred_ram": 1, "total_ram": 2}]
    node_migration.write_migration(node.root, states)
    well(node, "instance_migrate", "cluster", GUEST, "192.0.2.2", True)
    assert [well(node, "instance_get_migration_status", GUEST)["status"] for _ in range(3)] == [
        "active", "completed", "completed",
    ]  # fmt: skip
    assert (runs(node), runs(other)) == (True, False)
    well(node, "instance_finalize_migration_src", GUEST, True, True)
    well(other, "instance_finalize_migration_dst", GUEST, info, True)
    assert (runs(node), runs(other)) == (False, True)
    assert "already running" in refused(other, "accept_instance", GUEST, info, "192.0.2.2")


def test_a_migration_that_failed_stays_so(node: SimulatedNode) -> None:
    node_migration.write_migration(node.root, [{"status": "failed"}])
    for _ in range(2):
        assert well(node, "instance_get_migration_status", GUEST)["status"] == "failed"


# --- exports ------------------------------------------------------------------------------------


def test_an_export_is_made_of_what_arrived(node: SimulatedNode) -> None:
    text = "is not under exports directory"
    wrong = ["file", ["/srv/disk"]]
    assert text in refused(node, "import_start", {"magic": "m"}, GUEST, "disk0", wrong)
    right = ["file", [f"/{EXPORT_DIR}/{NAME}.new/uuid of one"]]
    name = well(node, "import_start", {"magic": "m"}, GUEST, "disk0", right)
    (first,) = well(node, "impexp_status", [name])
    assert first["listen_port"]
    assert "exit_status" not in first
    (second,) = well(node, "impexp_status", [name])
    assert (second["connected"], second["exit_status"]) == (True, 0)
    well(node, "impexp_cleanup", name)
    assert well(node, "impexp_status", [name]) == [None]
    assert well(node, "export_list") == [f"{NAME}.new"]
    well(node, "finalize_export", GUEST, [plain()])
    assert well(node, "export_list") == [NAME]
    described = well(node, "export_info", f"/{EXPORT_DIR}/{NAME}")
    for line in ("disk0_dump = uuid of one", "disk_count = 1", "nic0_mac = aa:00:00:00:00:01"):
        assert line in described
    assert "migration_port" not in described
    well(node, "export_remove", NAME)
    assert "Error while removing" in refused(node, "export_remove", NAME)
    text = "Export info file doesn't have the required fields"
    assert refused(node, "export_info", f"/{EXPORT_DIR}/{NAME}") == text


def test_a_daemon_takes_the_steps_that_were_said(node: SimulatedNode) -> None:
    steps: list[dict[str, object]] = [
        {"connected": True, "progress_mbytes": 1.0},
        {"exit_status": 1, "error_message": "broken", "recent_output": ["one"]},
    ]
    node_transfers.write_transfers(node.root, steps)
    end = ["raw", [plain()]]
    name = well(node, "export_start", {}, "192.0.2.2", 40001, GUEST, "disk0", end)
    assert well(node, "impexp_status", [name])[0]["progress_mbytes"] == 1
    for _ in range(2):
        (told,) = well(node, "impexp_status", [name, "nobody"])[:1]
        assert (told["exit_status"], told["error_message"]) == (1, "broken")
    assert well(node, "impexp_status", ["nobody"]) == [None]


def test_a_daemon_that_is_aborted_tells_so(node: SimulatedNode) -> None:
    name = well(node, "import_start", {}, GUEST, "disk0", ["script", [plain(), 0]])
    well(node, "impexp_abort", name)
    (told,) = well(node, "impexp_status", [name])
    assert (told["exit_status"], told["error_message"]) == (1, "Exited due to signal 15")


def test_a_certificate_is_there_until_it_is_removed(node: SimulatedNode) -> None:
    name, text = well(node, "x509_cert_create", 60)
    assert text.startswith("-----BEGIN CERTIFICATE-----")
    how = {"key_name": name, "ca_pem": text}
    end = ["raw", [plain()]]
    well(node, "import_start", how, GUEST, "disk0", end)
    well(node, "x509_cert_remove", name)
    assert "does not exist" in refused(node, "import_start", how, GUEST, "disk0", end)
    assert "Cannot remove certificate directory" in refused(node, "x509_cert_remove", name)
    text = "Cluster certificate can only be used for both key and CA"
    assert refused(node, "import_start", {"key_name": name}, GUEST, "disk0", end) == text


# --- systems and providers ----------------------------------------------------------------------


def system(node: SimulatedNode, *, create: str = "", **files: str) -> Path:
    """Give a node an operating system."""
    path = node.root / "srv/ganeti/os/mine"
    path.mkdir(parents=True)
    (path / "ganeti_api_version").write_text("20\n")
    (path / "parameters.list").write_text("size How large\n")
    (path / "variants.list").write_text("# none\nsmall\n")
    scripts = dict.fromkeys(("create", "export", "import", "rename", "verify"), "")
    for name, text in (scripts | {"create": create} | files).items():
        (path / name).write_text(text)
        (path / name).chmod(0o755)
    return path


def test_systems_are_directories_of_the_node(node: SimulatedNode) -> None:
    path = system(node)
    rows = well(node, "os_diagnose")
    assert rows[0] == [
        "mine", str(path), True, "", ["small"], [["size", "How large"]], [20], True,
    ]  # fmt: skip
    assert [row[0] for row in rows] == ["mine", "noop"]
    (path / "rename").unlink()
    (path / "import").chmod(0o644)
    _, _, valid, why, *_ = well(node, "os_diagnose")[0]
    assert not valid
    assert "'import' under path" in why or "'rename' under path" in why


@pytest.mark.parametrize(
    ("name", "params", "text"),
    [
        ("mine", {}, "OS name 'mine' must include a variant"),
        ("mine+big", {}, "OS 'mine' does not support variant 'big'"),
        ("mine+small", {"shape": "x"}, "parameters are not supported by the OS mine: shape"),
        ("other", {}, "Directory for OS other not found in search path"),
    ],
)
def test_a_system_has_its_variants_and_parameters(
    node: SimulatedNode, name: str, params: dict[str, str], text: str
) -> None:
    system(node)
    assert text in refused(node, "os_validate", True, name, ["parameters"], params, False)
    assert well(node, "os_validate", True, "mine+small", ["parameters"], {"size": "1"}, False)
    assert well(node, "os_validate", False, "other", ["parameters"], {}, False) is False


def test_a_script_that_ends_badly_fails(node: SimulatedNode) -> None:
    system(node, create="echo no room\nexit 3\n", rename="exit 0\n")
    mine = GUEST | {"os": "mine+small"}
    text = refused(node, "instance_os_add", mine, False, 0)
    assert text.startswith("OS create script failed (exited with exit code 3)")
    assert "no room" in text
    well(node, "instance_run_rename", mine, "old.example.com", 0)


def test_a_system_is_not_installed_where_disks_are_missing(node: SimulatedNode) -> None:
    well(node, "instance_os_add", GUEST, True, 0)
    (log,) = (node.root / "var/log/ganeti/os").iterdir()
    assert "INSTANCE_REINSTALL=1" in log.read_text()
    well(node, "blockdev_remove", plain())
    assert "is not set up" in refused(node, "instance_os_add", GUEST, False, 0)


def test_providers_are_directories_of_the_node(node: SimulatedNode) -> None:
    path = node.root / "srv/ganeti/extstorage/mine"
    path.mkdir(parents=True)
    for name in ("attach", "create", "detach", "grow", "remove", "setinfo", "verify"):
        (path / name).touch(0o755)
    assert "'parameters.list'" in well(node, "extstorage_diagnose")[0][3]
    (path / "parameters.list").write_text("size How large\n")
    (row,) = well(node, "extstorage_diagnose")
    assert row == ["mine", str(path), True, "", [["size", "How large"]]]


# --- the rest -----------------------------------------------------------------------------------


def test_directories_of_disks_are_renamed(node: SimulatedNode) -> None:
    for name in ("/srv/one", "/srv/two"):
        well(node, "file_storage_dir_create", name)
    assert "both locations exist" in refused(
        node, "file_storage_dir_rename", "/srv/one", "/srv/two"
    )
    well(node, "file_storage_dir_remove", "/srv/two")
    well(node, "file_storage_dir_rename", "/srv/one", "/srv/two")
    well(node, "file_storage_dir_rename", "/srv/one", "/srv/two")
    assert "is not a directory" in refused(
        node, "file_storage_dir_rename", "/srv/one", "/srv/three"
    )
    well(node, "blockdev_create", file("/srv/two/disk"), 3, "inst", True, "", False)


def test_the_pause_of_the_watcher_is_told_until_it_is_over(node: SimulatedNode) -> None:
    (node.root / "var/lib/ganeti").mkdir(parents=True)
    assert well(node, "get_watcher_pause") is None
    for until_s, told in ((4_000_000_000, 4_000_000_000), (10, None)):
        well(node, "set_watcher_pause", until_s)
        assert well(node, "get_watcher_pause") == told


def test_what_a_guest_may_ask_for_is_kept(node: SimulatedNode) -> None:
    well(node, "instance_metadata_modify", {"name": NAME, "osparams": {"a": "b"}})
    assert node_notes.read(node.root, "metadata", {})[NAME]["osparams"] == {"a": "b"}
    well(node, "node_start_master_daemons", True)
    assert node_notes.read(node.root, "master-daemons", {})["run"] is True
    well(node, "node_stop_master")
    assert node_notes.read(node.root, "master-daemons", {})["run"] is False
