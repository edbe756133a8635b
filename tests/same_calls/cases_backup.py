"""Instances exported: to a node of the cluster, and to another cluster."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from masterd.lu.backup import handover
from masterd.lu.backup.handover import Destination
from masterd.testing.script import FAILS
from tests.same_calls.case import case, named, op
from tests.same_calls.cases_systems import HELPED
from tests.sample_config import Document

#: Instances with disks of a template: that run, with the master as their node, that are down.
PLAIN: Final = "inst18.example.com"
RBD: Final = "inst15.example.com"
DRBD: Final = "inst19.example.com"
EXT: Final = "inst7.example.com"
NONE: Final = "inst8.example.com"
#: Nodes of the first two, and another one.
NODE: Final = "node2.example.com"
TARGET: Final = "node3.example.com"

#: What all simulated clusters have as their domain secret.
SECRET: Final = "0" * 40
SALT: Final = "a1b2c3d4e5f60718"

#: What a node tells of a daemon: it listens, it has done its work, it has not.
LISTENING: Final = {"listen_port": 40_001, "recent_output": []}
DONE: Final = {"listen_port": 40_001, "connected": True, "exit_status": 0, "recent_output": []}
FAILED: Final = {
    "listen_port": 40_001, "connected": True, "exit_status": 1, "error_message": "no space",
    "recent_output": ["one", "two"],
}  # fmt: skip
MOVING: Final = {
    "listen_port": 40_001, "connected": True, "recent_output": [], "progress_mbytes": 1536.4,
    "progress_throughput": 12.34, "progress_percent": 55.5, "progress_eta": 3700.2,
}  # fmt: skip


def _receiver(node: str, *states: Any) -> dict[str, Any]:
    """Return what a node tells of one daemon, look by look; at last, that it is done."""
    told = {f"impexp_status#{turn}@{node}": [each] for turn, each in enumerate(states, 1)}
    return {**told, f"impexp_status@{node}": [DONE]}


#: What nodes answer to an export of one disk.
CALM: Final[dict[str, Any]] = {
    "blockdev_assemble": ["/dev/x", "/run/x", None],
    "blockdev_close": None,
    "blockdev_remove": None,
    "blockdev_shutdown": None,
    "blockdev_snapshot": ["xenvg", "snap"],
    "export_list": [],
    "export_remove": None,
    "export_start": "export-disk0-1",
    "file_storage_dir_remove": None,
    "finalize_export": None,
    "impexp_abort": None,
    "impexp_cleanup": None,
    "import_start": "import-disk0-1",
    "instance_shutdown": None,
    "instance_start": None,
    **_receiver(TARGET, LISTENING),
    f"impexp_status@{NODE}": [DONE],
}


def _disks(name: str, count: int, **fields: Any) -> Callable[[Document], None]:
    """Return a change after which an instance has so many of its disks, and these fields."""

    def change(document: Document) -> None:
        instance = named(document, "instances", name)
        for uuid in instance["disks"][count:]:
            del document["disks"][uuid]
        instance["disks"] = instance["disks"][:count]
        instance.update(fields)
        for node in document["nodes"].values():
            node.update(drained=False, vm_capable=True)

    return change


def _cluster(change: Callable[[Document], None], **fields: Any) -> Callable[[Document], None]:
    def both(document: Document) -> None:
        change(document)
        document["cluster"].update(fields)

    return both


ONE: Final = _disks(PLAIN, 1)


def _export(name: str, **more: Any) -> Document:
    return op("OP_BACKUP_EXPORT", instance_name=name, **{"target_node": TARGET, **more})


def _local(
    name: str,
    instance: str = PLAIN,
    *,
    config: Callable[[Document], None] = ONE,
    answers: Mapping[str, Any] = {},
    failing: bool = False,
    mended: bool = False,
    **more: Any,
) -> Any:
    """Return a case of an export within the cluster, of one disk unless it says otherwise."""
    return case(name, _export(instance, **more), config=config, answers={**CALM, **answers},
                failing=failing, mended=mended)  # fmt: skip


def _on_master(*states: Any) -> dict[str, Any]:
    """Return what the nodes tell where the master is the source."""
    return {
        "impexp_status@node1.example.com": [DONE],
        **_receiver(TARGET, *(states or [LISTENING])),
    }


def _offline(name: str) -> Callable[[Document], None]:
    def change(document: Document) -> None:
        ONE(document)
        named(document, "nodes", name).update(offline=True, master_candidate=False)

    return change


WITHIN: Final = (
    _local("that runs", failing=True),
    _local("that runs on", shutdown=False),
    _local("of which no snapshot can be made, that runs on", RBD, config=_disks(RBD, 1),
           shutdown=False),
    _local("of which no snapshot can be made", RBD, config=_disks(RBD, 1)),
    _local("that sleeps long", RBD, config=_disks(RBD, 1), failing=True, long_sleep=True,
           compress="gzip"),
    _local("that does not start again", answers={"instance_start": FAILS}),
    _local("that sleeps long and does not start again", RBD, config=_disks(RBD, 1),
           long_sleep=True, answers={"instance_start": FAILS}),
    _local("that is down", EXT, config=_disks(EXT, 1, admin_state="down"), failing=True,
           answers={"impexp_status@node5.example.com": [DONE]}),
    _local("that is down, whose disks do not come up", EXT, config=_disks(EXT, 1),
           answers={"blockdev_assemble": FAILS}),
    _local("without a snapshot of the second disk", config=_disks(PLAIN, 3),
           answers={"blockdev_snapshot#2": FAILS}),
    _local("with a snapshot that is none", answers={"blockdev_snapshot": ["xenvg"]}),
    _local("of mirrors", DRBD, answers=_on_master(),
           config=_disks(DRBD, 1, admin_state="up", disks_active=True)),
    _local("of a provider", EXT, config=_disks(EXT, 1, admin_state="up", disks_active=True),
           answers={"impexp_status@node5.example.com": [DONE],
                    "blockdev_snapshot": ["pvdr", "snap"]}),
    _local("without disks", NONE, config=_disks(NONE, 0)),
    _local("without a system", config=_disks(PLAIN, 1, os="")),
    _local("of three disks", config=_disks(PLAIN, 3), answers={
        **{f"blockdev_snapshot#{turn}": ["xenvg", f"snap{turn}"] for turn in (1, 2, 3)},
        **{f"import_start#{turn}": f"import-disk{turn}" for turn in (1, 2, 3)},
        **{f"export_start#{turn}": f"export-disk{turn}" for turn in (1, 2, 3)},
        f"impexp_status#1@{TARGET}": [LISTENING] * 3,
        f"impexp_status#2@{TARGET}": [{**MOVING, "exit_status": 0}, MOVING, MOVING],
        f"impexp_status#3@{TARGET}": [MOVING, FAILED],
        f"impexp_status#1@{NODE}": [MOVING] * 3,
        f"impexp_status#2@{NODE}": [DONE, MOVING, DONE]}),
    _local("to its own node", target_node=NODE, answers={
        f"impexp_status#1@{NODE}": [LISTENING], f"impexp_status@{NODE}": [DONE, DONE]}),
    _local("that goes away", RBD, config=_disks(RBD, 1), failing=True, remove_instance=True),
    _local("that goes away without its disks", RBD, config=_disks(RBD, 1), remove_instance=True,
           answers={"blockdev_remove": FAILS}),
    _local("that goes away whatever comes of its disks", RBD, config=_disks(RBD, 1),
           remove_instance=True, ignore_remove_failures=True,
           answers={"blockdev_remove": FAILS}),
    _local("that is down and goes away", EXT, config=_disks(EXT, 1), shutdown=False,
           remove_instance=True, answers={"impexp_status@node5.example.com": [DONE]}),
    _local("with older exports", answers={
        "export_list@master": [PLAIN, "other.example.com"],
        f"export_list@{NODE}": [PLAIN], f"export_list@{TARGET}": [PLAIN],
        "export_list@node4.example.com": FAILS, "export_remove": FAILS}),
    _local("that takes its time", answers={
        **_receiver(TARGET, None, LISTENING, LISTENING, MOVING, MOVING),
        **_receiver(NODE, None, {"recent_output": []}, MOVING, MOVING)}),
    _local("that does not arrive", answers=_receiver(TARGET, LISTENING, FAILED)),
    _local("that is not sent", answers={
        f"impexp_status@{NODE}": [FAILED], **_receiver(TARGET, LISTENING, LISTENING, FAILED)}),
    _local("that is not sent, and nobody can be told", answers={
        f"impexp_status@{NODE}": [FAILED], "impexp_abort": FAILS,
        **_receiver(TARGET, LISTENING, LISTENING, FAILED)}),
    _local("that is not awaited", answers={"import_start": FAILS}),
    _local("that cannot be sent", answers={
        "export_start": FAILS, **_receiver(TARGET, LISTENING, FAILED)}),
    _local("whose daemons stay", answers={"impexp_cleanup": FAILS}),
    _local("that is not finished", answers={"finalize_export": FAILS}),
    _local("to a node of a short name", target_node="node3"),
    _local("forbidden", answers={"hooks_runner": [["10-no", 1, "not today"]]}),
    _local("dry run", dry_run=True),
    _local("that is not there", "nobody"),
    _local("that is planned", "planned10.example.com"),
    _local("to nobody", target_node="nobody"),
    _local("to an offline node", config=_offline(TARGET)),
    _local("to a drained node", config=_cluster(lambda document: None),
           target_node="node5.example.com"),
    _local("on an offline node", config=_offline(NODE)),
    _local("live that goes away", shutdown=False, remove_instance=True),
    _local("live that sleeps long", shutdown=False, long_sleep=True),
    _local("by a tool that is not allowed", compress="squeeze"),
    _local("with a bound for zeroing", zeroing_timeout_fixed=3),
    _local("with zeros and nothing to gain", zero_free_space=True, compress=""),
    _local("live with zeros", zero_free_space=True, shutdown=False),
    _local("with zeros that nobody can write", zero_free_space=True),
)  # fmt: skip


def _zeroed(document: Document) -> None:
    """Have what overwrites free space."""
    ONE(document)
    document["cluster"]["zeroing_image"] = "/srv/zeros"
    document["cluster"]["hvparams"]["kvm"].update(user_shutdown=True, boot_order="disk")


def _with_zeros(name: str, *, config: Callable[[Document], None] = _zeroed, **more: Any) -> Any:
    answers = {
        **HELPED, "blockdev_create": None, "blockdev_snapshot": ["xenvg", "snap"],
        **more.pop("answers", {}),
    }  # fmt: skip
    said = {"zero_free_space": True, "compress": "gzip", **more}
    return _local(name, config=config, answers=answers, mended=True, **said)


def _down(document: Document) -> None:
    _zeroed(document)
    named(document, "instances", PLAIN).update(admin_state="down", disks_active=False)


def _hv(**params: object) -> Callable[[Document], None]:
    def change(document: Document) -> None:
        _zeroed(document)
        named(document, "instances", PLAIN)["hvparams"].update(params)

    return change


WITH_ZEROS: Final = (
    _with_zeros("with zeros"),
    _with_zeros("that is down, with zeros", config=_down),
    _with_zeros("with zeros that come too late", zeroing_timeout_fixed=0,
                zeroing_timeout_per_mib=0.0, answers={"instance_info": {"state": 0}}),
    _with_zeros("with zeros of an image that is not there",
                answers={"get_file_info": [False, {}]}),
    _with_zeros("with zeros of which nobody would see the end",
                config=_hv(user_shutdown=False)),
    _with_zeros("with zeros that boots from elsewhere", config=_hv(boot_order="network")),
)  # fmt: skip


# --- to another cluster ---------------------------------------------------------------------------

#: Certificates of another cluster, that is good until 2045, and of one that was good in 1970. They
#: are files so that the cases are the same ones each time.
PEM: Final = (Path(__file__).parent / "other_cluster.pem").read_text()
OLD_PEM: Final = (Path(__file__).parent / "old_cluster.pem").read_text()
SIGNED: Final = handover.signed_certificate(SECRET, PEM, SALT)


def _place(index: int, host: str = "192.0.2.1", port: Any = 40_001) -> list[object]:
    return Destination(host, port, "abra").document(SECRET, index, SALT)


def _prepare(name: str, mode: str = "remote", **more: Any) -> Any:
    return case(name, op("OP_BACKUP_PREPARE", instance_name=PLAIN, mode=mode),
                answers={"x509_cert_create": ["x509-1", PEM]}, **more)  # fmt: skip


def _away(
    name: str,
    *,
    answers: Mapping[str, Any] = {},
    config: Callable[[Document], None] = ONE,
    failing: bool = False,
    **more: Any,
) -> Any:
    """Return a case of an export to another cluster."""
    said = {
        "mode": "remote",
        "target_node": [_place(0)],
        "x509_key_name": handover.key(SECRET, "x509-1", SALT),
        "destination_x509_ca": SIGNED,
        **more,
    }
    return case(name, _export(PLAIN, **said), config=config,
                answers={**CALM, **answers}, failing=failing)  # fmt: skip


TO_ANOTHER: Final = (
    _prepare("for this cluster", "local"),
    _prepare("for another cluster"),
    _away("to another cluster", failing=True),
    _away("to another cluster, removed here", remove_instance=True, compress="gzip"),
    _away("to an IPv6 address", target_node=[_place(0, "2001:db8::1")]),
    _away("to a name", target_node=[_place(0, "Node.Example.com", "4000")]),
    _away("to another cluster that does not listen", answers={f"impexp_status@{NODE}": [FAILED]}),
    _away("to another cluster without a key", x509_key_name=None),
    _away("to another cluster without its certificate", destination_x509_ca=None),
    _away("to another cluster with a place too many", target_node=[_place(0), _place(1)]),
    _away("to another cluster with a key of two parts", x509_key_name=["x509-1", "a"]),
    _away("to another cluster with a key of somebody else",
          x509_key_name=handover.key("other", "x509-1", SALT)),
    _away("to another cluster with no certificate",
          destination_x509_ca=SIGNED.replace("CERTIFICATE", "THING")),
    _away("to another cluster with a certificate of somebody else",
          destination_x509_ca=handover.signed_certificate("other", PEM, SALT)),
    _away("to another cluster with a certificate of nobody", destination_x509_ca=PEM),
    _away("to another cluster with an old certificate",
          destination_x509_ca=handover.signed_certificate(SECRET, OLD_PEM, SALT)),
    _away("to another cluster with the place of another disk", target_node=[_place(1)]),
    _away("to another cluster with a place without a port", target_node=[_place(0, port=0)]),
    _away("to another cluster with half a place", target_node=[_place(0)[:3]]),
    _away("to another cluster with a port that is none", target_node=[_place(0, port=70_000)]),
    _away("to another cluster with a host that is none", target_node=[_place(0, "a b")]),
)  # fmt: skip

CASES: Final[Sequence[Any]] = (*WITHIN, *WITH_ZEROS, *TO_ANOTHER)
