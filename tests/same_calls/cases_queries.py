"""What jobs find out: queries, verification of the configuration, storage, instances."""

from typing import Final

from tests.same_calls.case import Case, case, op

STORAGE: Final = {"storage_type": "lvm-vg", "output_fields": ["node", "name", "size", "used"]}

#: What nodes tell of operating systems: one has another version, one lacks something.
OSES: Final = {
    "os_diagnose": [["noop", "/srv/noop", True, "", ["default"], [], [20, 15], True]],
    "os_diagnose@node2.example.com": [
        ["noop", "/srv/noop", True, "", ["default", "other"], [["size", "of it"]], [20], False],
        ["broken", "/srv/broken", False, "no create script", [], [], [], False],
    ],
}
EXPORTS: Final = {"export_list": ["inst1.example.com", "inst2.example.com"]}

#: What nodes tell of a running instance and of its disks.
DISKS: Final = {
    "instance_info": {"memory": 128, "state": 0, "vcpus": 1, "time": 1.5},
    "blockdev_find": {
        "dev_path": "/dev/drbd0",
        "major": 147,
        "minor": 0,
        "sync_percent": 99.5,
        "estimated_time": 12,
        "is_degraded": True,
        "ldisk_status": 0,
    },
}


def _query(
    name: str, what: str, *fields: str, condition: object = None, **settings: object
) -> Case:
    """Return a case of a resource of which no job of the reference tells: its daemon does."""
    return case(
        name,
        op("OP_QUERY", what=what, fields=list(fields), qfilter=condition),
        instead=("Query", [what, list(fields), condition]),
        **settings,
    )


CASES: Final = (
    case("of a job", op("OP_QUERY", what="group", fields=["name"], use_locking=False)),
    _query("groups", "group", "name", "uuid", "node_list", "tags"),
    _query("nodes that answer", "node", "name", "mfree", "dtotal", "bootid"),
    _query("some nodes", "node", "name", "mfree", condition=["=~", "name", "^node[24]"]),
    _query("instances", "instance", "name", "pnode", "status", "oper_ram"),
    _query("networks", "network", "name", "group_list", "free_count"),
    case("operating systems", op("OP_QUERY", what="os", fields=["name", "valid"]), answers=OSES),
    _query("exports", "export", "node", "export", answers=EXPORTS),
    case("no such resource", op("OP_QUERY", what="nothing", fields=["name"])),
    _query("no such field", "node", "nothing"),
    case("of a job", op("OP_QUERY_FIELDS", what="node", fields=["name", "mfree"])),
    case(
        "fields of nodes",
        op("OP_QUERY_FIELDS", what="node", fields=["name", "mfree"]),
        instead=("QueryFields", ["node", ["name", "mfree"]]),
    ),
    case("of a job", op("OP_CLUSTER_QUERY")),
    case("cluster", op("OP_CLUSTER_QUERY"), mended=True),
    case("values", op("OP_CLUSTER_CONFIG_QUERY", output_fields=["cluster_name", "master_node"])),
    case("configuration", op("OP_CLUSTER_VERIFY_CONFIG")),
    case("no instances' data", op("OP_INSTANCE_QUERY_DATA", instances=[], static=True)),
    case(
        "an instance",
        op("OP_INSTANCE_QUERY_DATA", instances=["inst1.example.com"], static=True),
    ),
    case(
        "on a node",
        op("OP_INSTANCE_QUERY_DATA", instances=["inst0.example.com"]),
        answers=DISKS,
        at_once=["blockdev_find"],
    ),
    case(
        "on two nodes",
        op("OP_INSTANCE_QUERY_DATA", instances=["inst19.example.com"]),
        answers=DISKS,
        failing=False,
        at_once=["blockdev_find"],
    ),
    case("an unknown instance", op("OP_INSTANCE_QUERY_DATA", instances=["nobody"], static=True)),
    case("volume groups", op("OP_NODE_QUERY_STORAGE", nodes=[], **STORAGE)),
    case("of one node", op("OP_NODE_QUERY_STORAGE", nodes=["node2.example.com"], **STORAGE)),
    case("of an unknown node", op("OP_NODE_QUERY_STORAGE", nodes=["nobody"], **STORAGE)),
    case(
        "operating systems",
        op("OP_OS_DIAGNOSE", output_fields=["name", "valid", "variants"], names=[]),
        answers=OSES,
    ),
    case(
        "storage providers",
        op("OP_EXT_STORAGE_DIAGNOSE", output_fields=["name"], names=[]),
        answers={"extstorage_diagnose": []},
    ),
)
