"""Requests whose arguments lie at the edge of what fits: one good request, one part of it replaced.

Requests are JSON text, because some edges have no Python value that any encoder would write.
"""

import json
from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from masterd.lu.registry import LOGICAL_UNITS
from masterd.luxi.methods import METHODS
from masterd.opcodes.base import REGISTRY, plan_of

#: JSON texts, good and bad, that one day stand where something else is meant.
EDGES: Final = (
    "null", "true", "[]", "{}", "0", "-1", "0.5", "-0.0", "1e30", "1e400",
    *(str(sign * 2**bits + by) for bits in (31, 63, 64) for sign in (1, -1) for by in (0, -1)),
    str(10**40), str(-(10**40)), "9" * 5000,
    "NaN", '""', '"\\u0000"', '"\\ud800"', '"-1"', json.dumps("é" * 5000), '"%n%s{}/../*?[("',
    "[" * 100 + "]" * 100, "[" * 5000 + "]" * 5000, '{"a":' * 100 + "1" + "}" * 100,
    "[[1,2],[3]]", '{"":{"":""}}',
)  # fmt: skip

_DELAY: Final = {"OP_ID": "OP_TEST_DELAY", "duration": 0, "reason": [["a", "b", 1]], "priority": 0,
                 "depends": [[-1, ["success"]]], "comment": "c"}  # fmt: skip
_FILTER: Final = [
    "&",
    ["=", "name", "a"],
    ["<", "mtime", 5],
    ["=~", "name", "a"],
    ["=[]", "tags", "a"],
]

#: Good arguments of each method.
ARGUMENTS: Final[Mapping[str, list[object]]] = {
    "Query": ["node", ["name"], _FILTER],
    "QueryFields": ["node", ["name"]],
    "QueryNodes": [["a"], ["name"], False],
    "QueryGroups": [["a"], ["name"], False],
    "QueryNetworks": [["a"], ["name"], False],
    "QueryInstances": [["a"], ["name"], False],
    "QueryFilters": [["a"], ["uuid"]],
    "ReplaceFilter": [
        "a", 1, [["jobid", ["<", "id", 5]], ["opcode", ["=~", "OP_ID", "x"]]], ["RATE_LIMIT", 5],
        [["a", "b", 1]],
    ],
    "DeleteFilter": ["a"],
    "QueryJobs": [[1], ["id", "ops"]],
    "QueryExports": [["a"], False],
    "QueryConfigValues": [["cluster_name"]],
    "QueryClusterInfo": [],
    "QueryTags": ["node", "a"],
    "SubmitJob": [[_DELAY]],
    "SubmitJobToDrainedQueue": [[_DELAY]],
    "SubmitManyJobs": [[[_DELAY], [_DELAY]]],
    "WaitForJobChange": [1, ["status"], ["queued"], 3, 0],
    "PickupJob": [1],
    "ArchiveJob": [9],
    "AutoArchiveJobs": [5, 5],
    "CancelJob": [9, False],
    "ChangeJobPriority": [9, 0],
    "SetDrainFlag": [False],
    "SetWatcherPause": [5],
    "QueryLocks": [["name"], False],
}  # fmt: skip

#: Good filters, one for each resource that has other fields.
FILTERS: Final[Mapping[str, list[object]]] = {
    "job": ["|", ["=", "id", 1], ["<", "priority", 0], ["=~", "summary", "a"], ["=", "status", "a"],
            ["<", "received_ts", 4]],
    "instance": ["|", ["=", "name", "a"], ["<", "be/memory", 4], ["?", "disks_active"],
                 ["=[]", "tags", "a"], ["<", "ctime", 4]],
    "filter": ["|", ["=", "uuid", "a"], ["<", "priority", 5], ["<", "watermark", 5]],
}  # fmt: skip


def variants(value: object) -> Iterator[str]:
    """Yield the value's JSON text with each part of it, and the whole, at each edge."""
    yield from EDGES
    if isinstance(value, list):
        for place, item in enumerate(value):
            before = "".join(json.dumps(each) + "," for each in value[:place])
            after = "".join("," + json.dumps(each) for each in value[place + 1 :])
            for text in variants(item):
                yield f"[{before}{text}{after}]"
    elif isinstance(value, dict):
        for key, item in value.items():
            others = {name: each for name, each in value.items() if name != key}
            rest = json.dumps(others)[1:-1]
            for text in variants(item):
                yield f"{{{json.dumps(key)}:{text}{',' + rest if rest else ''}}}"


def requests() -> Iterator[bytes]:
    """Yield requests of every method."""
    assert ARGUMENTS.keys() == METHODS.keys()
    for method, arguments in ARGUMENTS.items():
        for text in variants(arguments):
            yield f'{{"method":"{method}","args":{text}}}'.encode()
    for resource, wanted in FILTERS.items():
        for text in variants(wanted):
            arguments_text = f'["{resource}",["{wanted[1][1]}"],{text}]'  # type: ignore[index]  # as above
            yield f'{{"method":"Query","args":{arguments_text}}}'.encode()


#: The node of the cluster that is asked.
_NODE: Final = "node1.example.com"
_SPECS: Final = {"cpu-count": 1, "disk-count": 1, "disk-size": 1, "memory-size": 1, "nic-count": 1,
                 "spindle-use": 1}  # fmt: skip
_POLICY: Final = {"vcpu-ratio": 1.0, "spindle-ratio": 1.0, "disk-templates": ["diskless"],
                  "minmax": [{"min": _SPECS, "max": _SPECS}]}  # fmt: skip

#: Good opcodes, by OP_ID, with every parameter but those in `LEFT_OUT`. For one that is not named
#: plain values are made of its parameters' types.
OPCODES: Final[Mapping[str, dict[str, object]]] = {
    "OP_BACKUP_REMOVE": {"instance_name": "a", "instance_uuid": "a"},
    "OP_CLUSTER_ACTIVATE_MASTER_IP": {},
    "OP_CLUSTER_CONFIG_QUERY": {"output_fields": ["cluster_name"]},
    "OP_CLUSTER_DESTROY": {},
    "OP_CLUSTER_POST_INIT": {},
    "OP_CLUSTER_QUERY": {},
    "OP_CLUSTER_RENAME": {"name": "cluster.example.com"},
    "OP_CLUSTER_SET_PARAMS": {
        "add_uids": [[1, 2]], "beparams": {"vcpus": 1, "maxmem": "1g", "auto_balance": True},
        "blacklisted_os": [["add", "a"]], "candidate_pool_size": 10,
        "compression_tools": ["gzip"], "data_collector_interval": {"lv": 5000000},
        "default_iallocator": "", "default_iallocator_params": {"a": "b"},
        "disk_state": {"plain": {"a": {"disk_total": 1}}}, "diskparams": {"plain": {"stripes": 1}},
        "drbd_helper": None, "enabled_data_collectors": {"lv": True},
        "enabled_disk_templates": ["diskless", "file", "plain"], "enabled_hypervisors": ["fake"],
        "enabled_user_shutdown": False, "file_storage_dir": "/a", "force": True,
        "gluster_storage_dir": "/a", "hidden_os": [["add", "a"]],
        "hv_state": {"kvm": {"mem_hv": 1}}, "hvparams": {"fake": {"migration_mode": "live"}},
        "install_image": "/a", "instance_communication_network": "",
        "ipolicy": {"std": {"cpu-count": 1}, "disk-templates": ["diskless"]},
        "mac_prefix": "aa:00:00",
        "maintain_node_health": False, "master_netdev": "lo", "master_netmask": 32,
        "max_running_jobs": 20, "max_tracked_jobs": 25, "modify_etc_hosts": False,
        "ndparams": {"ovs": False}, "nicparams": {"mode": "bridged", "link": "a"},
        "os_hvp": {"a": {"fake": {"migration_mode": "live"}}}, "osparams": {"a": {"b": "c"}},
        "osparams_private_cluster": {"a": {"d": "e"}}, "prealloc_wipe_disks": False,
        "remove_uids": [[1, 2]], "reserved_lvs": ["a"], "shared_file_storage_dir": "/a",
        "uid_pool": [[1, 2]], "use_external_mip_script": False, "vg_name": "xenvg",
        "zeroing_image": "/a",
    },
    "OP_CLUSTER_VERIFY_CONFIG": {"debug_simulate_errors": False, "error_codes": False,
                                 "ignore_errors": ["ENODELVM"], "verbose": False},
    "OP_CLUSTER_DEACTIVATE_MASTER_IP": {},
    "OP_CLUSTER_REDIST_CONF": {},
    "OP_CLUSTER_VERIFY": {"group_name": "default", "skip_checks": ["nplusone_mem"],
                          "ignore_errors": ["ENODELVM"], "verbose": False, "error_codes": False,
                          "debug_simulate_errors": False, "verify_clutter": False},
    "OP_CLUSTER_VERIFY_DISKS": {"group_name": "default"},
    "OP_CLUSTER_VERIFY_GROUP": {"group_name": "default", "skip_checks": ["nplusone_mem"],
                                "ignore_errors": ["ENODELVM"], "verbose": False,
                                "error_codes": False, "debug_simulate_errors": False,
                                "verify_clutter": False},
    "OP_EXT_STORAGE_DIAGNOSE": {"names": ["a"], "output_fields": ["name"]},
    "OP_GROUP_ADD": {"group_name": "g", "alloc_policy": "preferred", "ndparams": {"ovs": True},
                     "diskparams": {"plain": {"stripes": 1}}, "hv_state": {"kvm": {"mem_hv": 1}},
                     "disk_state": {"plain": {"a": {"disk_total": 1}}},
                     "ipolicy": _POLICY},
    "OP_GROUP_ASSIGN_NODES": {"group_name": "default", "nodes": [_NODE], "node_uuids": None,
                              "force": True},
    "OP_GROUP_EVACUATE": {"group_name": "default", "target_groups": ["g"], "iallocator": "a",
                          "early_release": False, "sequential": False, "force_failover": False},
    "OP_GROUP_REMOVE": {"group_name": "g"},
    "OP_GROUP_RENAME": {"group_name": "g", "new_name": "h"},
    "OP_GROUP_SET_PARAMS": {"group_name": "default", "alloc_policy": "preferred",
                            "ndparams": {"ovs": True}, "diskparams": {"plain": {"stripes": 1}},
                            "hv_state": {"kvm": {"mem_hv": 1}},
                            "disk_state": {"plain": {"a": {"disk_total": 1}}},
                            "ipolicy": _POLICY},
    "OP_INSTANCE_SET_PARAMS": {
        "instance_name": "inst1", "instance_uuid": None, "beparams": {"vcpus": 1, "maxmem": 128},
        "conflicts_check": True, "disk_template": None, "disks": [["modify", 0, {"name": "a"}]],
        "ext_params": {"a": "b"}, "file_driver": "loop", "file_storage_dir": "a", "force": True,
        "force_variant": True, "hotplug": False, "hotplug_if_possible": False,
        "hvparams": {"migration_mode": "live"}, "iallocator": "a", "ignore_ipolicy": True,
        "instance_communication": None,
        "nics": [["modify", 0, {"ip": "192.0.2.1", "mode": "bridged", "name": "a"}]],
        "offline": None, "os_name": "a", "osparams": {"a": "b"}, "osparams_private": {"c": "d"},
        "pnode": _NODE, "pnode_uuid": None, "remote_node": _NODE, "remote_node_uuid": None,
        "runtime_mem": 128, "wait_for_sync": False,
    },
    "OP_INSTANCE_STARTUP": {"instance_name": "a", "instance_uuid": None, "force": False,
                            "beparams": {"memory": 1, "auto_balance": True},
                            "hvparams": {"acpi": 1}, "ignore_offline_nodes": False,
                            "no_remember": False,
                            "shutdown_timeout": 1, "startup_paused": False},
    "OP_INSTANCE_MULTI_ALLOC": {
        "iallocator": None, "opportunistic_locking": False,
        "instances": [{
            "OP_ID": "OP_INSTANCE_CREATE", "instance_name": "a", "mode": "create", "nics": [{}],
            "disk_template": "file", "disks": [{"size": 1}], "pnode": _NODE, "os_type": "noop",
            "hypervisor": "fake", "beparams": {"memory": 1}, "osparams_private": {"a": "b"},
        }],
    },
    "OP_INSTANCE_QUERY_DATA": {"instances": ["a"], "static": True, "use_locking": False},
    "OP_NETWORK_ADD": {"network_name": "n", "network": "192.0.2.0/24", "gateway": "192.0.2.1",
                       "network6": "2001:db8::/64", "gateway6": "2001:db8::1", "mac_prefix": None,
                       "add_reserved_ips": ["192.0.2.5"], "tags": ["a"],
                       "conflicts_check": False},
    "OP_NETWORK_CONNECT": {"group_name": "default", "network_name": "n", "network_mode": "bridged",
                           "network_link": "br0", "network_vlan": "",
                           "conflicts_check": False},
    "OP_NETWORK_DISCONNECT": {"group_name": "default", "network_name": "n"},
    "OP_NETWORK_REMOVE": {"network_name": "n", "force": False},
    "OP_NETWORK_SET_PARAMS": {"network_name": "n", "gateway": None, "network6": "2001:db8::/64",
                              "gateway6": "2001:db8::1", "mac_prefix": "aa:00:01",
                              "add_reserved_ips": ["192.0.2.6"],
                              "remove_reserved_ips": ["192.0.2.5"]},
    "OP_NODE_ADD": {"node_name": _NODE, "group": None, "readd": True, "node_setup": True,
                    "primary_ip": None, "secondary_ip": None, "master_capable": None,
                    "vm_capable": None, "ndparams": {"ovs": True},
                    "hv_state": {"kvm": {"mem_hv": 1}},
                    "disk_state": {"plain": {"a": {"disk_total": 1}}}},
    "OP_NODE_EVACUATE": {"node_name": _NODE, "node_uuid": None, "remote_node": None,
                         "remote_node_uuid": None, "iallocator": "a", "early_release": False,
                         "ignore_soft_errors": False, "mode": "primary-only"},
    "OP_NODE_MIGRATE": {"node_name": _NODE, "node_uuid": None, "mode": "live", "live": None,
                        "target_node": None, "target_node_uuid": None, "iallocator": "a",
                        "allow_runtime_changes": True, "ignore_ipolicy": False},
    "OP_NODE_MODIFY_STORAGE": {"node_name": _NODE, "node_uuid": None, "storage_type": "lvm-pv",
                               "name": "a", "changes": {"allocatable": True}},
    "OP_NODE_POWERCYCLE": {"node_name": _NODE, "node_uuid": None, "force": True},
    "OP_NODE_QUERYVOLS": {"nodes": [_NODE], "output_fields": ["name"]},
    "OP_NODE_QUERY_STORAGE": {"nodes": [_NODE], "name": "a", "output_fields": ["name"],
                              "storage_type": "lvm-pv"},
    "OP_NODE_REMOVE": {"node_name": _NODE, "node_uuid": None},
    "OP_NODE_SET_PARAMS": {"node_name": _NODE, "node_uuid": None, "auto_promote": False,
                           "force": False, "drained": None, "offline": None, "powered": None,
                           "master_candidate": None, "master_capable": None, "vm_capable": None,
                           "secondary_ip": None, "ndparams": {"ovs": True},
                           "hv_state": {"kvm": {"mem_hv": 1}},
                           "disk_state": {"plain": {"a": {"disk_total": 1}}}},
    "OP_OOB_COMMAND": {"node_names": [_NODE], "node_uuids": None, "command": "power-status",
                       "ignore_status": False, "power_delay": 0.0, "timeout": 1},
    "OP_OS_DIAGNOSE": {"names": ["a"], "output_fields": ["name"]},
    "OP_QUERY": {"what": "node", "fields": ["name"], "qfilter": _FILTER, "use_locking": False},
    "OP_QUERY_FIELDS": {"what": "node", "fields": ["name"]},
    "OP_REPAIR_NODE_STORAGE": {"node_name": _NODE, "node_uuid": None, "storage_type": "lvm-vg",
                               "name": "a", "ignore_consistency": False},
    "OP_RESTRICTED_COMMAND": {"command": "a", "nodes": [_NODE], "node_uuids": None,
                              "use_locking": False},
    "OP_TAGS_DEL": {"kind": "node", "name": _NODE, "tags": ["a"]},
    "OP_TAGS_GET": {"kind": "node", "name": _NODE, "use_locking": False},
    "OP_TAGS_SEARCH": {"pattern": "a"},
    "OP_TAGS_SET": {"kind": "cluster", "name": "a", "tags": ["a"]},
    "OP_TEST_ALLOCATOR": {"direction": "in", "mode": "allocate", "name": "a.example.com",
                          "nics": [{"mac": "aa:00:00:00:00:01"}],
                          "disks": [{"size": 1, "mode": "rw"}],
                          "hypervisor": "kvm", "memory": 1, "vcpus": 1, "os": "a",
                          "disk_template": "plain", "count": 1, "evac_mode": "primary-only",
                          "group_name": "default", "iallocator": "a", "instances": ["a"],
                          "spindle_use": 1, "tags": ["a"], "target_groups": ["default"]},
    "OP_TEST_DELAY": {"on_nodes": [_NODE], "on_node_uuids": None, "on_master": False,
                      "no_locks": True},
    "OP_TEST_DUMMY": {"result": None, "messages": ["a"], "fail": None,
                      "submit_jobs": [[{"OP_ID": "OP_TEST_DELAY", "duration": 0}]]},
    "OP_TEST_JQUEUE": {"notify_exec": False, "notify_waitlock": False, "log_messages": ["a"],
                       "fail": False},
    "OP_TEST_OS_PARAMS": {"osparams_secret": {"a": "b"}},
}  # fmt: skip

#: With these an opcode may take longer than anybody waits.
LEFT_OUT: Final = frozenset({"duration", "repeat", "interruptible"})

#: Parameters of every opcode, and `reason`, which all calls are tried with.
_COMMON: Final = {"priority": 0, "depends": None, "comment": "c", "dry_run": False,
                  "debug_level": 0}  # fmt: skip
COMMON: Final = frozenset({*_COMMON, "reason"})


def parameters(op_id: str) -> dict[str, object]:
    """Return the parameters of a good opcode that are varied."""
    if op_id in OPCODES:
        return OPCODES[op_id]
    types = get_type_hints(REGISTRY[op_id])
    names = plan_of(op_id).parameters.keys() - COMMON - LEFT_OUT
    return {name: _plain(types[name]) for name in sorted(names)}


def _plain(kind: Any) -> object:
    """Return a value of a parameter's type that is nothing special."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return _plain(next(each for each in inner if each is not type(None)))
    if origin is Literal:
        return inner[0]
    if origin is tuple:
        return [_plain(inner[0])]
    if origin is not None:
        return {}
    return {bool: False, int: 1, float: 1.0}.get(kind, "a")


def good(op_id: str) -> dict[str, object]:
    """Return a good opcode."""
    shortest: dict[str, object] = {"duration": 0.001} if op_id == "OP_TEST_DELAY" else {}
    return {"OP_ID": op_id, "reason": [], **shortest, **parameters(op_id)}


def opcodes() -> Iterator[bytes]:
    """Yield submissions of every opcode that is carried out."""
    for op_id in LOGICAL_UNITS:
        varied = parameters(op_id).copy()
        always = {name: value for name, value in good(op_id).items() if name not in varied}
        if op_id == "OP_TEST_DUMMY":
            varied |= _COMMON
        for text in variants(varied):
            if text.startswith('{"') and not text.startswith('{"":'):
                document = f"{json.dumps(always)[:-1]},{text[1:]}"
                yield f'{{"method":"SubmitJob","args":[[{document}]]}}'.encode()
