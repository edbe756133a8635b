"""Whole configurations that make sense, of any size, from a seed.

Groups, networks, nodes in every role, instances of every disk template and hypervisor, forthcoming
ones, tags, policies, filter rules: what the reference can load and what a busy cluster may have.
"""

import json
import random
import uuid
from pathlib import Path
from typing import Any, Final

Document = dict[str, Any]

CONFIG_DATA: Final = Path(__file__).parent / "conformance" / "data" / "config.data"

#: The host name under which the master of a sample runs.
HOST: Final = "master"

_NOW_S: Final = 1_795_456_800.0
_TEMPLATES: Final = ("plain", "drbd", "file", "sharedfile", "gluster", "blockdev", "rbd", "ext",
                     "diskless")  # fmt: skip
_TAGS: Final = ("production", "web:frontend", "owner:alice", "backup", "rack@7")


def sample(seed: int, *, nodes: int = 6, groups: int = 2, instances: int = 12) -> Document:
    """Return the content of `config.data`; the first node is the master, on 127.0.0.1."""
    return _Sample(seed, nodes, groups, instances).document()


class _Sample:
    def __init__(self, seed: int, nodes: int, groups: int, instances: int) -> None:
        self.chance = random.Random(seed)
        self.base: Document = json.loads(CONFIG_DATA.read_bytes())
        self.minor = 0
        self.port = 11_000
        self.group_uuids = [self.uuid() for _ in range(groups)]
        self.network_uuids = [self.uuid() for _ in range(3)]
        self.node_uuids = [self.uuid() for _ in range(nodes)]
        self.node_groups = [
            self.group_uuids[index % groups if index else 0] for index in range(nodes)
        ]
        self.disks: Document = {}
        self.instances = {
            each["uuid"]: each for each in (self.instance(index) for index in range(instances))
        }

    def document(self) -> Document:
        return {
            **self.base,
            "cluster": self.cluster(),
            "nodes": {uid: self.node(index, uid) for index, uid in enumerate(self.node_uuids)},
            "nodegroups": {u: self.group(index, u) for index, u in enumerate(self.group_uuids)},
            "networks": {u: self.network(index, u) for index, u in enumerate(self.network_uuids)},
            "instances": self.instances,
            "disks": self.disks,
            "filters": {each["uuid"]: each for each in (self.rule(n) for n in range(4))},
            "serial_no": 77,
        }

    # --- small things -----------------------------------------------------------------------

    def uuid(self) -> str:
        return str(uuid.UUID(int=self.chance.getrandbits(128), version=4))

    def next_port(self) -> int:
        self.port += 1
        return self.port

    def maybe(self, share: float = 0.5) -> bool:
        return self.chance.random() < share

    def common(self, own: str) -> Document:
        return {
            "uuid": own,
            "serial_no": self.chance.randint(1, 9),
            "ctime": _NOW_S - self.chance.randint(1000, 10_000_000) / 8,
            "mtime": _NOW_S - self.chance.randint(0, 1000) / 8,
            "tags": sorted(self.chance.sample(_TAGS, self.chance.randint(0, 3))),
        }

    def some(self, choices: dict[str, Any], share: float = 0.3) -> Document:
        return {key: value for key, value in choices.items() if self.maybe(share)}

    # --- objects ----------------------------------------------------------------------------

    def cluster(self) -> Document:
        cluster: Document = self.base["cluster"]
        return {
            **cluster,
            "master_node": self.node_uuids[0],
            "master_ip": "127.0.0.1",
            "master_netdev": "lo",
            "cluster_name": "cluster.example.com",
            "volume_group_name": "xenvg",
            "highest_used_port": self.port,
            "enabled_hypervisors": ["kvm", "fake", "xen-pvm"],
            "os_hvp": {"noop": {"kvm": {"acpi": False, "kernel_args": "ro quiet"}, "fake": {}}},
            "osparams": {"noop": {"size": "big", "where": "here"}},
            "candidate_certs": dict.fromkeys(self.node_uuids[:1], "0" * 40),
            "tags": ["c:d", "a"],
            "nicparams": {"default": {"mode": "bridged", "link": "br0", "vlan": ""}},
            "enabled_user_shutdown": self.maybe(),
        }

    def node(self, index: int, own: str) -> Document:
        kind = "master" if index == 0 else self.chance.choice(["candidate", "regular", "drained",
                                                               "offline", "regular"])  # fmt: skip
        return {
            "name": HOST if index == 0 else f"node{index + 1}.example.com",
            "primary_ip": _address(99, index),
            "secondary_ip": _address(98, index),
            "master_candidate": kind in ("master", "candidate"),
            "offline": kind == "offline",
            "drained": kind == "drained",
            "group": self.node_groups[index],
            "master_capable": kind == "master" or self.maybe(0.8),
            "vm_capable": self.maybe(0.8),
            "ndparams": self.some(
                {"oob_program": "/bin/oob", "spindle_count": 3, "ssh_port": 2222, "cpu_speed": 1.5,
                 "ovs": True, "ovs_name": "switch1", "ovs_link": "eth1"}
            ),
            "powered": self.maybe(0.9),
            **self.common(own),
        }  # fmt: skip

    def group(self, index: int, own: str) -> Document:
        return {
            "name": "default" if index == 0 else f"group{index}",
            "members": [],
            "ndparams": self.some(
                {"oob_program": "/bin/group-oob", "spindle_count": 2, "cpu_speed": 0.75,
                 "exclusive_storage": False}
            ),
            "alloc_policy": self.chance.choice(["last_resort", "preferred", "unallocable"]),
            "ipolicy": self.some(
                {"vcpu-ratio": 2.5, "spindle-ratio": 8.0, "disk-templates": ["plain", "drbd"],
                 "std": self.base["cluster"]["ipolicy"]["std"],
                 "minmax": self.base["cluster"]["ipolicy"]["minmax"]}
            ),
            "diskparams": self.some({"plain": {"stripes": 2}, "drbd": {"metavg": "metavg"}}),
            "networks": {
                uid: {"mode": "bridged", "link": f"br{number}", "vlan": ""}
                for number, uid in enumerate(self.network_uuids)
                if self.maybe()
            },
            **self.common(own),
        }  # fmt: skip

    def network(self, index: int, own: str) -> Document:
        size = 2 ** (32 - (28 - index))
        pool = "".join(self.chance.choice("0001") for _ in range(size))
        taken = "1" + "".join(self.chance.choice("00001") for _ in range(size - 2)) + "1"
        return {
            "name": f"net{index}",
            "network": f"203.0.113.0/{28 - index}" if index < 2 else "10.9.0.0/26",
            "reservations": pool,
            "ext_reservations": taken,
            **self.some({"mac_prefix": "aa:00:1", "gateway": "203.0.113.1" if index < 2 else
                         "10.9.0.1", "network6": "2001:db8::/64", "gateway6": "2001:db8::1"}),
            **self.common(own),
        }  # fmt: skip

    def instance(self, index: int) -> Document:
        own = self.uuid()
        if index % 11 == 10:
            planned = {
                "name": f"planned{index}.example.com",
                "os": "noop",
                "hypervisor": "kvm",
            }
            return {
                **self.some(planned, 0.7),
                # Without one, luxid never answers a query for the state of all instances.
                "primary_node": self.chance.choice(self.node_uuids),
                "hvparams": {}, "beparams": {"maxmem": 512}, "osparams": {}, "osparams_private": {},
                "nics": [], "disks": [], "forthcoming": True, **self.common(own),
            }  # fmt: skip
        primary = self.chance.randrange(len(self.node_uuids))
        template = _TEMPLATES[index % len(_TEMPLATES)]
        name = f"inst{index}.example.com"
        state = self.chance.choice(["up", "up", "down", "offline"])
        return {
            "name": name,
            "primary_node": self.node_uuids[primary],
            "os": self.chance.choice(["noop", "debootstrap+default"]),
            "hypervisor": self.chance.choice(["kvm", "fake", "xen-pvm"]),
            "hvparams": self.some({"kernel_path": "/boot/vmlinuz", "kernel_args": "single"}),
            "beparams": self.some({"maxmem": 2048, "minmem": 1024, "vcpus": 3, "auto_balance":
                                   False, "spindle_use": 2, "always_failover": True}),
            "osparams": self.some({"size": "small", "extra": "yes"}),
            "osparams_private": {},
            "admin_state": state,
            "admin_state_source": self.chance.choice(["admin", "user"]),
            "nics": [self.nic(index, number) for number in range(self.chance.randint(0, 3))],
            "disks": [self.disk(template, number, primary) for number in range(
                0 if template == "diskless" else self.chance.randint(1, 3))],
            "disks_active": state == "up",
            **({"network_port": self.next_port()} if self.maybe(0.3) else {}),
            **self.common(own),
        }  # fmt: skip

    def nic(self, index: int, number: int) -> Document:
        connected = self.maybe()
        return {
            "mac": f"aa:00:00:{index // 256:02x}:{index % 256:02x}:{number:02x}",
            "nicparams": self.some({"mode": self.chance.choice(["bridged", "routed",
                                    "openvswitch"]), "link": f"br{number + 1}", "vlan": ".7"}),
            "uuid": self.uuid(),
            **({"network": self.chance.choice(self.network_uuids)} if connected else {}),
            **self.some({"ip": f"203.0.113.{2 + index % 12}", "name": f"nic-{index}-{number}"}),
        }  # fmt: skip

    def disk(self, template: str, number: int, primary: int) -> str:
        own = self.uuid()
        first = self.node_uuids[primary]
        nodes = [first]
        children: list[Document] = []
        size = self.chance.choice([128, 1024, 10_240])
        logical_id: list[Any]
        if template == "plain":
            logical_id = ["xenvg", f"{own}.disk{number}"]
        elif template == "drbd":
            second = self.node_uuids[(primary + 1) % len(self.node_uuids)]
            nodes = [first, second]
            self.minor += 1
            logical_id = [first, second, self.next_port(), self.minor, self.minor, "secret"]
            children = [
                self.volume(f"{own}.{part}", length, nodes)
                for part, length in (("data", size), ("meta", 128))
            ]
        elif template in ("file", "sharedfile", "gluster"):
            logical_id = ["loop", f"/srv/ganeti/{template}/{own}"]
            nodes = [first] if template == "file" else []
        elif template == "blockdev":
            logical_id, nodes = ["manual", f"/dev/disk/by-id/{own}"], []
        elif template == "rbd":
            logical_id, nodes = ["rbd", f"{own}.rbd"], []
        else:
            logical_id, nodes = ["provider", f"{own}.ext"], []
        self.disks[own] = {
            "logical_id": logical_id, "dev_type": template, "children": children, "nodes": nodes,
            "iv_name": f"disk/{number}", "size": size,
            "mode": self.chance.choice(["rw", "rw", "ro"]),
            **self.some({"name": f"disk-{number}", "spindles": 2}),
            "params": {},
            "uuid": own, "serial_no": 1, "ctime": _NOW_S, "mtime": _NOW_S,
        }  # fmt: skip
        return own

    def volume(self, name: str, size: int, nodes: list[str]) -> Document:
        return {
            "logical_id": ["xenvg", name], "dev_type": "plain", "children": [], "nodes": nodes,
            "iv_name": "", "size": size, "mode": "rw", "params": {}, "uuid": self.uuid(),
            "serial_no": 1, "ctime": _NOW_S, "mtime": _NOW_S,
        }  # fmt: skip

    def rule(self, number: int) -> Document:
        return {
            "watermark": number * 3,
            "priority": self.chance.randint(0, 9),
            "predicates": [["jobid", [">", "id", "watermark"]]] if number % 2 else [],
            "action": self.chance.choice(["ACCEPT", "PAUSE", "CONTINUE", ["RATE_LIMIT", 3]]),
            "reason_trail": [["gnt:user", "because", 1_795_456_800_000_000_000 + number]],
            "uuid": self.uuid(),
        }


def _address(network: int, index: int) -> str:
    """Return a node's address; nobody listens on those of the others."""
    return "127.0.0.1" if index == 0 else f"127.{network}.{index // 200}.{index % 200 + 10}"
