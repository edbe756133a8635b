"""Strategies for whole `config.data` documents of the 3.0 form.

Every optional key is now there, now missing; values need make no sense together (an instance's node
need not exist), because only their form is read.
"""

from typing import Any

from hypothesis import strategies as st

from masterd.config.disk import LOGICAL_IDS
from masterd.config.objects import HYPERVISORS

Document = dict[str, Any]

HYPERVISOR = st.sampled_from(HYPERVISORS)
TEMPLATE = st.sampled_from(
    ["blockdev", "diskless", "drbd", "ext", "file", "gluster", "plain", "rbd", "sharedfile"]
)
TEXT = st.sampled_from(["", "a", "b c", "d/e", "\u00e4\u20ac\U0001f600", '"\\', "\n\x7f", "7"])
COUNT = st.integers(0, 2**31)
TIME = st.floats(0, 4e9) | st.just(0)
BOOL = st.booleans()
UUID = st.integers(0, 2**32 - 1).map("{:08x}-0000-4000-8000-000000000000".format)
TAGS = st.lists(st.sampled_from(["a", "b:c", "d@e", "f-g", "\u00e4"]), unique=True, max_size=3)
SCALAR = BOOL | COUNT | TEXT | st.floats(allow_nan=False, allow_infinity=False)


def maps(keys: st.SearchStrategy[str], values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.dictionaries(keys, values, max_size=2)


FREE = maps(TEXT, SCALAR | st.lists(SCALAR, max_size=2) | st.none())
HV_PARAMS = maps(HYPERVISOR, FREE)
TEXTS = st.lists(TEXT, max_size=3)

BE = {
    "minmem": COUNT, "maxmem": COUNT, "vcpus": COUNT, "auto_balance": BOOL,
    "always_failover": BOOL, "spindle_use": COUNT,
}  # fmt: skip
ND = {
    "oob_program": TEXT, "spindle_count": COUNT, "exclusive_storage": BOOL, "ovs": BOOL,
    "ovs_name": TEXT, "ovs_link": TEXT, "ssh_port": COUNT, "cpu_speed": st.floats(0, 100),
}  # fmt: skip
NIC = {"mode": st.sampled_from(["bridged", "openvswitch", "pool", "routed"]), "link": TEXT,
       "vlan": TEXT}  # fmt: skip
SPEC_KEYS = ("memory-size", "disk-size", "disk-count", "cpu-count", "nic-count", "spindle-use")
SPEC = dict.fromkeys(SPEC_KEYS, COUNT)
RANGES = st.lists(
    st.fixed_dictionaries({"min": st.fixed_dictionaries(SPEC), "max": st.fixed_dictionaries(SPEC)}),
    max_size=2,
)
POLICY = {
    "minmax": RANGES,
    "spindle-ratio": st.floats(0, 100),
    "vcpu-ratio": st.floats(0, 100),
    "disk-templates": st.lists(TEMPLATE, max_size=3),
}


def partial(fields: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries({}, optional=fields)


STAMPS = {"ctime": TIME, "mtime": TIME, "uuid": UUID, "serial_no": COUNT}

CLUSTER = st.fixed_dictionaries(
    {
        "rsahostkeypub": TEXT, "highest_used_port": COUNT, "mac_prefix": TEXT,
        "tcpudp_port_pool": st.lists(COUNT, max_size=3, unique=True), "reserved_lvs": TEXTS,
        "master_node": UUID, "master_ip": TEXT, "master_netdev": TEXT, "master_netmask": COUNT,
        "use_external_mip_script": BOOL, "cluster_name": TEXT, "file_storage_dir": TEXT,
        "shared_file_storage_dir": TEXT, "gluster_storage_dir": TEXT,
        "enabled_hypervisors": st.lists(HYPERVISOR, max_size=3), "hvparams": HV_PARAMS,
        "os_hvp": maps(TEXT, HV_PARAMS), "beparams": maps(TEXT, st.fixed_dictionaries(BE)),
        "osparams": maps(TEXT, maps(TEXT, TEXT)),
        "osparams_private_cluster": maps(TEXT, maps(TEXT, TEXT)),
        "nicparams": maps(TEXT, st.fixed_dictionaries(NIC)),
        "ndparams": st.fixed_dictionaries(ND), "diskparams": maps(TEMPLATE, FREE),
        "candidate_pool_size": COUNT, "modify_etc_hosts": BOOL, "modify_ssh_setup": BOOL,
        "maintain_node_health": BOOL,
        "uid_pool": st.lists(st.tuples(COUNT, COUNT).map(list), max_size=2),
        "default_iallocator": TEXT, "default_iallocator_params": FREE, "hidden_os": TEXTS,
        "blacklisted_os": TEXTS, "primary_ip_family": st.sampled_from([2, 10]),
        "prealloc_wipe_disks": BOOL,
        "ipolicy": st.fixed_dictionaries(POLICY | {"std": st.fixed_dictionaries(SPEC)}),
        "hv_state_static": maps(HYPERVISOR, FREE), "disk_state_static": maps(TEMPLATE, FREE),
        "enabled_disk_templates": st.lists(TEMPLATE, max_size=3),
        "candidate_certs": maps(UUID, TEXT), "max_running_jobs": COUNT, "max_tracked_jobs": COUNT,
        "install_image": TEXT, "instance_communication_network": TEXT, "zeroing_image": TEXT,
        "compression_tools": TEXTS, "enabled_user_shutdown": BOOL,
        "data_collectors": maps(TEXT, st.fixed_dictionaries({"active": BOOL, "interval": COUNT})),
        "ssh_key_type": st.sampled_from(["dsa", "ecdsa", "rsa"]), "ssh_key_bits": COUNT,
        "tags": TAGS, **STAMPS,
    },
    optional={"dsahostkeypub": TEXT, "volume_group_name": TEXT, "drbd_usermode_helper": TEXT},
)  # fmt: skip

STATE = {
    "hv_state_static": st.dictionaries(HYPERVISOR, FREE, min_size=1, max_size=2),
    "disk_state_static": st.dictionaries(TEMPLATE, FREE, min_size=1, max_size=2),
}

NODE = st.fixed_dictionaries(
    {
        "name": UUID, "primary_ip": TEXT, "secondary_ip": TEXT, "master_candidate": BOOL,
        "offline": BOOL, "drained": BOOL, "group": UUID, "master_capable": BOOL,
        "vm_capable": BOOL, "ndparams": partial(ND), "powered": BOOL, "tags": TAGS, **STAMPS,
    },
    optional=STATE,
)  # fmt: skip

GROUP = st.fixed_dictionaries(
    {
        "name": UUID, "members": st.lists(UUID, max_size=2), "ndparams": partial(ND),
        "alloc_policy": st.sampled_from(["last_resort", "preferred", "unallocable"]),
        "ipolicy": partial(POLICY | {"std": partial(SPEC)}), "diskparams": maps(TEMPLATE, FREE),
        "networks": maps(UUID, partial(NIC)), "tags": TAGS, **STAMPS,
    },
    optional=STATE,
)  # fmt: skip

NICS = st.lists(
    st.fixed_dictionaries(
        {"mac": TEXT, "nicparams": partial(NIC), "uuid": UUID},
        optional={"ip": TEXT, "network": UUID, "name": TEXT},
    ),
    max_size=2,
)
INSTANCE_FIELDS = {
    "name": UUID, "primary_node": UUID, "os": TEXT, "hypervisor": HYPERVISOR,
    "admin_state": st.sampled_from(["down", "offline", "up"]),
    "admin_state_source": st.sampled_from(["admin", "user"]), "disks_active": BOOL,
}  # fmt: skip
INSTANCE_DEFAULTED = {
    "hvparams": FREE, "beparams": partial(BE), "osparams": maps(TEXT, TEXT),
    "osparams_private": maps(TEXT, TEXT), "nics": NICS, "disks": st.lists(UUID, max_size=2),
    "tags": TAGS, **STAMPS,
}  # fmt: skip
INSTANCE = st.fixed_dictionaries(
    INSTANCE_FIELDS | INSTANCE_DEFAULTED, optional={"network_port": COUNT}
) | st.fixed_dictionaries(
    INSTANCE_DEFAULTED | {"forthcoming": st.just(True)},
    optional=INSTANCE_FIELDS | {"network_port": COUNT},
)

NETWORK = st.fixed_dictionaries(
    {"name": UUID, "network": st.sampled_from(["192.0.2.0/24", "10.0.0.0/8"]), "tags": TAGS,
     **STAMPS},
    optional={
        "mac_prefix": TEXT, "network6": TEXT, "gateway": st.just("192.0.2.1"), "gateway6": TEXT,
        "reservations": st.text("01", max_size=16), "ext_reservations": st.text("01", max_size=16),
    },
)  # fmt: skip


def _disk_fields(children: st.SearchStrategy[Any]) -> dict[str, st.SearchStrategy[Any]]:
    return {
        "children": children, "nodes": st.lists(UUID, max_size=2),
        "iv_name": TEXT, "mode": st.sampled_from(["ro", "rw"]), **STAMPS,
    }  # fmt: skip


DISK_OPTIONAL = {"name": TEXT, "spindles": COUNT, "params": FREE}


def _disks_of(template: str, children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    parts = [TEXT if wanted is str else COUNT for _, wanted in LOGICAL_IDS[template]]
    return st.fixed_dictionaries(
        _disk_fields(children)
        | {
            "logical_id": st.tuples(*parts).map(list),
            "dev_type": st.just(template),
            "size": COUNT,
        },
        optional=DISK_OPTIONAL,
    )


CHILDREN = st.lists(_disks_of("plain", st.just([])), max_size=2)
DISK = st.one_of([_disks_of(template, CHILDREN) for template in LOGICAL_IDS])
FORTHCOMING_DISK = st.fixed_dictionaries(
    _disk_fields(CHILDREN) | {"forthcoming": st.just(True)},
    optional=DISK_OPTIONAL | {"dev_type": TEMPLATE, "size": COUNT},
)

FILTER = st.fixed_dictionaries(
    {
        "watermark": COUNT, "priority": COUNT, "uuid": UUID,
        "predicates": st.lists(
            st.just(["jobid", [">", "id", "watermark"]])
            | st.just(["opcode", ["=", "OP_ID", "OP_TEST_DELAY"]]), max_size=2
        ),
        "action": st.sampled_from(["ACCEPT", "PAUSE", "REJECT", "CONTINUE"])
        | st.tuples(st.just("RATE_LIMIT"), st.integers(1, 99)).map(list),
        "reason_trail": st.lists(st.tuples(TEXT, TEXT, COUNT).map(list), max_size=2),
    }
)  # fmt: skip


def _by_uuid(objects: list[Document]) -> Document:
    """Return the section; an object that has another's name is left out."""
    by_name = {value.get("name", value["uuid"]): value for value in objects}
    return {value["uuid"]: value for value in by_name.values()}


def section(objects: st.SearchStrategy[Any]) -> st.SearchStrategy[Document]:
    return st.lists(objects, max_size=2).map(_by_uuid)


@st.composite
def configs(draw: st.DrawFn) -> Document:
    """Draw a whole document."""
    return {
        "version": 3000000, "cluster": draw(CLUSTER), "nodes": draw(section(NODE)),
        "nodegroups": draw(section(GROUP)), "instances": draw(section(INSTANCE)),
        "networks": draw(section(NETWORK)), "disks": draw(section(DISK | FORTHCOMING_DISK)),
        "filters": draw(section(FILTER)), "ctime": draw(TIME), "mtime": draw(TIME),
        "serial_no": draw(COUNT),
    }  # fmt: skip
