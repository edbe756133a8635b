"""Each step that brings an old configuration nearer to 3.0, alone, on old data."""

import itertools
from typing import Any

import pytest

from migrations.legacy import config_disks as disks
from migrations.legacy import config_objects as objects
from migrations.legacy import config_params as params
from migrations.legacy.config_defaults import SIZES
from migrations.legacy.config_hypervisors import HYPERVISORS
from migrations.legacy.config_work import Document, Step, Work

NODE1 = {"name": "node1", "uuid": "n1"}
NODE2 = {"name": "node2", "uuid": "n2"}


def document(**sections: Any) -> Document:
    """Return a small document of 2.7, with some sections in the place of the empty ones."""
    empty: Document = {"version": 2_070_000, "cluster": {}, "nodes": {}, "nodegroups": {},
                       "instances": {}}  # fmt: skip
    return {**empty, **sections}


def work() -> Work:
    numbers = itertools.count(1)
    return Work(lambda: f"new{next(numbers)}")


def taken(step: Step, **sections: Any) -> Document:
    """Take a step that must find nothing to refuse."""
    beside = work()
    made = step(document(**sections), beside)
    assert beside.reasons == []
    return made


def notes_of(step: Step, **sections: Any) -> list[str]:
    beside = work()
    step(document(**sections), beside)
    return beside.notes


def reasons_of(step: Step, **sections: Any) -> list[str]:
    beside = work()
    step(document(**sections), beside)
    return beside.reasons


# --- parameters ---------------------------------------------------------------------------------


def test_one_memory_becomes_the_smallest_and_the_largest() -> None:
    made = taken(
        params.split_memory,
        cluster={"beparams": {"default": {"memory": 512, "vcpus": 2}}},
        instances={"a": {"beparams": {"memory": 64}}, "b": {"beparams": {}}, "c": {}},
    )
    assert made["cluster"]["beparams"] == {"default": {"vcpus": 2, "minmem": 512, "maxmem": 512}}
    assert made["instances"] == {
        "a": {"beparams": {"minmem": 64, "maxmem": 64}}, "b": {"beparams": {}}, "c": {},
    }  # fmt: skip


def test_sizes_become_a_range_filled_from_the_cluster_and_the_defaults() -> None:
    made = taken(
        params.size_ranges,
        cluster={"ipolicy": {"min": {"cpu-count": 2}, "max": {"nic-count": 3}, "std": {}}},
        nodegroups={"g": {"ipolicy": {"min": {"disk-count": 4}, "std": {}, "vcpu-ratio": 2.0}}},
    )
    least, most = {**SIZES["min"], "cpu-count": 2}, {**SIZES["max"], "nic-count": 3}
    assert made["cluster"]["ipolicy"] == {"minmax": [{"min": least, "max": most}], "std": {}}
    assert made["nodegroups"]["g"]["ipolicy"] == {
        "minmax": [{"min": {**least, "disk-count": 4}, "max": most}],
        "vcpu-ratio": 2.0,
    }


def test_empty_sizes_of_a_group_leave_it_to_the_cluster() -> None:
    made = taken(params.size_ranges, nodegroups={"g": {"ipolicy": {"min": {}, "max": {}}}})
    assert made["nodegroups"]["g"]["ipolicy"] == {}


def test_the_standard_size_of_a_group_is_left_out_with_a_note() -> None:
    notes = notes_of(params.size_ranges, nodegroups={"g": {"ipolicy": {"std": {"cpu-count": 2}}}})
    assert notes == ["nodegroups.g.ipolicy.std: left out; groups have none of their own"]


def test_ranges_that_are_there_stay() -> None:
    ranges = [{"min": dict(SIZES["min"]), "max": dict(SIZES["max"])}, {"min": {}, "max": {}}]
    made = taken(params.size_ranges, cluster={"ipolicy": {"minmax": ranges}})
    assert made["cluster"]["ipolicy"]["minmax"] == ranges


def test_parameters_of_the_cluster_are_filled_and_set_ones_kept() -> None:
    made = taken(
        params.fill_cluster_params,
        cluster={
            "hvparams": {"kvm": {"acpi": False, "of_old": 1}},
            "ndparams": {"oob_program": None, "spindle_count": 5},
            "diskparams": {"drbd": {"metavg": "meta"}},
            "ipolicy": {"std": {"cpu-count": 3}},
        },
    )["cluster"]
    assert made["hvparams"]["kvm"] == {**HYPERVISORS["kvm"], "acpi": False, "of_old": 1}
    assert made["hvparams"].keys() == HYPERVISORS.keys()
    assert (made["ndparams"]["oob_program"], made["ndparams"]["spindle_count"]) == ("", 5)
    assert (made["diskparams"]["drbd"]["metavg"], made["diskparams"]["drbd"]["protocol"]) == (
        "meta",
        "C",
    )
    assert made["ipolicy"]["std"] == {**SIZES["min"], "cpu-count": 3}
    assert made["ipolicy"]["vcpu-ratio"] == 4.0
    assert made["beparams"]["default"]["maxmem"] == 128


def test_the_default_bridge_becomes_the_link_of_nics() -> None:
    made = taken(params.fill_cluster_params, cluster={"default_bridge": "br7"})["cluster"]
    assert made["nicparams"] == {"default": {"mode": "bridged", "link": "br7", "vlan": ""}}
    assert "default_bridge" not in made


def test_the_result_shares_nothing_with_the_table_of_defaults() -> None:
    made = taken(params.fill_cluster_params)["cluster"]
    made["ipolicy"]["disk-templates"].clear()
    made["ipolicy"]["minmax"][0]["min"].clear()
    again = taken(params.fill_cluster_params)["cluster"]
    assert again["ipolicy"]["disk-templates"] != []
    assert again["ipolicy"]["minmax"][0]["min"] != {}


def test_parameters_that_only_the_cluster_has_are_taken_from_others_with_a_note() -> None:
    sections = {
        "nodes": {"n": {"ndparams": {"exclusive_storage": True, "spindle_count": 2}}},
        "instances": {"i": {"hvparams": {"migration_port": 1, "acpi": True}}},
    }
    made = taken(params.drop_global_params, **sections)
    assert made["nodes"]["n"]["ndparams"] == {"spindle_count": 2}
    assert made["instances"]["i"]["hvparams"] == {"acpi": True}
    assert notes_of(params.drop_global_params, **sections) == [
        "nodes.n.ndparams.exclusive_storage: left out, the cluster's counts",
        "instances.i.hvparams.migration_port: left out, the cluster's counts",
    ]


def test_templates_in_use_are_enabled_where_none_were() -> None:
    made = taken(
        params.enable_templates,
        cluster={"volume_group_name": "xenvg", "ipolicy": {"disk-templates": ["file", "plain"]}},
        instances={"a": {"disks": []}, "b": {"disks": ["d"]}},
        disks={"d": {"dev_type": "rbd"}},
    )["cluster"]
    assert made["enabled_disk_templates"] == ["diskless", "drbd", "plain", "rbd"]
    assert made["drbd_usermode_helper"] == "/bin/true"
    assert made["ipolicy"]["disk-templates"] == ["plain"]


def test_enabled_templates_stay_as_they_are() -> None:
    cluster = {"enabled_disk_templates": ["file"], "volume_group_name": "xenvg"}
    made = taken(params.enable_templates, cluster=cluster, disks={})["cluster"]
    assert made == {**cluster, "ipolicy": {}}


# --- objects ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("family", "bits"), [(None, 32), (2, 32), (10, 128)])
def test_the_master_ip_is_one_address_where_no_mask_is_set(family: int | None, bits: int) -> None:
    made = taken(objects.master_netmask, cluster={"primary_ip_family": family})
    assert made["cluster"]["master_netmask"] == bits


def test_a_mask_that_is_set_stays() -> None:
    assert taken(objects.master_netmask, cluster={"master_netmask": 24})["cluster"] == {
        "master_netmask": 24
    }


def test_keys_of_the_cluster_are_added_and_null_counts_as_missing() -> None:
    given = {"candidate_certs": {"n": "c"}, "default_iallocator_params": None}
    assert taken(objects.cluster_keys(2_110_000), cluster=given)["cluster"] == {
        "candidate_certs": {"n": "c"},
        "default_iallocator_params": {},
        "enabled_user_shutdown": False,
        "gluster_storage_dir": "",
        "max_running_jobs": 20,
    }


def test_the_default_hypervisor_becomes_the_first() -> None:
    cluster = {"default_hypervisor": "kvm", "enabled_hypervisors": ["fake", "kvm"]}
    made = taken(objects.first_hypervisor, cluster=cluster)["cluster"]
    assert made == {"enabled_hypervisors": ["kvm", "fake"]}


def test_nics_name_their_network_by_uuid_and_get_one_of_their_own() -> None:
    made = taken(
        objects.networks,
        networks={"u": {"name": "net", "uuid": "u", "family": 4, "network_type": "private"}},
        instances={"i": {"nics": [{"network": "net"}, {"network": "u", "uuid": "own"}, {}]}},
    )
    assert made["networks"] == {"u": {"name": "net", "uuid": "u"}}
    assert made["instances"]["i"]["nics"] == [
        {"network": "u", "uuid": "new1"}, {"network": "u", "uuid": "own"}, {"uuid": "new2"},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "state", "active"),
    [
        ({"admin_up": True}, "up", True),
        ({"admin_up": False}, "down", False),
        ({"admin_state": "offline"}, "offline", False),
        ({"admin_state": "up", "disks_active": False}, "up", False),
        ({}, "down", False),
    ],
)
def test_the_wanted_state_is_told_by_its_new_name(
    given: Document, state: str, active: bool
) -> None:
    made = taken(objects.instance_states, instances={"i": given})["instances"]["i"]
    assert made == {"admin_state": state, "admin_state_source": "admin", "disks_active": active}


def test_nodes_are_named_by_uuid_wherever_they_stand() -> None:
    drbd = {"dev_type": "drbd", "logical_id": ["node1", "node2", 11000, 0, 0, "secret"]}
    made = taken(
        objects.by_uuid,
        cluster={"master_node": "node1"},
        nodes={"node1": NODE1, "node2": NODE2},
        instances={"i": {"name": "i", "uuid": "u", "primary_node": "node2", "disks": [drbd]}},
    )
    assert made["cluster"]["master_node"] == "n1"
    assert made["nodes"] == {"n1": NODE1, "n2": NODE2}
    assert made["instances"].keys() == {"u"}
    assert made["instances"]["u"]["primary_node"] == "n2"
    assert made["instances"]["u"]["disks"][0]["logical_id"] == ["n1", "n2", 11000, 0, 0, "secret"]
    assert drbd["logical_id"][0] == "node1"


def test_nodes_that_do_not_exist_are_refused_with_every_path() -> None:
    drbd = {"dev_type": "drbd", "logical_id": ["gone", "n1"]}
    assert reasons_of(
        objects.by_uuid,
        cluster={"master_node": "lost"},
        nodes={"n1": NODE1},
        instances={"i": {"name": "i", "primary_node": "away", "disks": [{"dev_type": "x",
                         "children": [drbd]}]}},
    ) == [
        "instances.i.disks.0.logical_id: there is no node gone",
        "instances.i.primary_node: there is no node away",
        "cluster.master_node: there is no node lost",
    ]  # fmt: skip


def test_two_with_one_name_or_uuid_are_refused() -> None:
    reasons = reasons_of(
        objects.by_uuid,
        cluster={"master_node": "n1"},
        nodes={"a": NODE1, "b": {**NODE2, "uuid": "n1"}, "c": {"name": "node1", "uuid": "n3"}},
    )
    assert reasons == [
        "nodes.b: another has the uuid n1 too",
        "nodes.c: another has the name node1 too",
    ]


def test_a_node_without_a_group_goes_into_the_only_one() -> None:
    made = taken(objects.complete_nodes, nodegroups={"g": {}}, nodes={"n1": {}})
    assert made["nodes"]["n1"] == {
        "group": "g", "master_capable": True, "ndparams": {}, "powered": True, "vm_capable": True,
    }  # fmt: skip


def test_a_group_is_made_where_there_is_none() -> None:
    made = taken(objects.complete_nodes, nodes={"n1": {"powered": False}})
    assert made["nodegroups"] == {"new1": {"name": "default", "uuid": "new1"}}
    assert (made["nodes"]["n1"]["group"], made["nodes"]["n1"]["powered"]) == ("new1", False)


def test_a_node_without_a_group_among_several_is_refused() -> None:
    assert reasons_of(objects.complete_nodes, nodegroups={"g": {}, "h": {}}, nodes={"n": {}}) == [
        "nodes.n.group: missing, and there are 2 groups"
    ]


def test_collectors_that_are_switched_off_stay_so() -> None:
    off = {"active": False, "interval": 1}
    made = taken(objects.collectors, cluster={"data_collectors": {"lv": off}})["cluster"]
    assert made["data_collectors"]["lv"] == off
    assert made["data_collectors"]["drbd"] == {"active": True, "interval": 5_000_000}


# --- disks --------------------------------------------------------------------------------------


def test_types_of_disks_are_named_as_templates_down_to_the_children() -> None:
    children = [{"dev_type": "lvm"}, {"dev_type": "lvm"}]
    made = taken(
        disks.name_types,
        instances={"i": {"disks": [{"dev_type": "drbd8", "children": children}]}},
    )
    assert made["instances"]["i"]["disks"] == [
        {"dev_type": "drbd", "children": [{"dev_type": "plain"}, {"dev_type": "plain"}]}
    ]


def test_disks_in_shared_files_are_told_from_those_in_files() -> None:
    made = taken(
        disks.name_types,
        instances={
            "a": {"disk_template": "sharedfile", "disks": [{"dev_type": "file"}]},
            "b": {"disk_template": "file", "disks": [{"dev_type": "file"}]},
        },
    )
    kinds = [value["disks"][0]["dev_type"] for value in made["instances"].values()]
    assert kinds == ["sharedfile", "file"]


def test_disks_get_uuids_and_names_by_their_place() -> None:
    disk = {"dev_type": "plain", "iv_name": "sda", "physical_id": ["xenvg", "lv"]}
    made = taken(
        disks.identify_disks,
        instances={"i": {"disks": [{**disk, "uuid": "own"}, {**disk, "children": [disk]}]}},
    )
    assert made["instances"]["i"]["disks"] == [
        {"dev_type": "plain", "iv_name": "disk/0", "uuid": "own"},
        {"dev_type": "plain", "iv_name": "disk/1", "uuid": "new1",
         "children": [{"dev_type": "plain", "iv_name": "sda", "uuid": "new2"}]},
    ]  # fmt: skip


def test_disks_move_into_a_section_of_their_own() -> None:
    disk = {"dev_type": "plain", "uuid": "d", "size": 5}
    made = taken(disks.lift_disks, instances={"i": {"disks": [disk], "ctime": 7.5}})
    assert made["disks"] == {"d": {**disk, "serial_no": 1, "ctime": 7.5, "mtime": 7.5}}
    assert made["instances"]["i"]["disks"] == ["d"]


def test_two_disks_with_one_uuid_are_refused() -> None:
    disk = {"dev_type": "plain", "uuid": "d"}
    assert reasons_of(disks.lift_disks, instances={"i": {"disks": [disk, disk]}}) == [
        "instances.i.disks.1: another disk has the uuid d too"
    ]


def test_disks_say_on_which_nodes_they_are() -> None:
    drbd = {"uuid": "m", "dev_type": "drbd", "logical_id": ["n2", "n1", 1, 0, 0, "s"],
            "children": [{"dev_type": "plain"}]}  # fmt: skip
    made = taken(
        disks.place_disks,
        instances={
            "a": {"primary_node": "n1", "disks": ["m"]},
            "b": {"primary_node": "n2", "disks": ["p", "r", "k"]},
        },
        disks={
            "m": drbd,
            "p": {"uuid": "p", "dev_type": "plain"},
            "r": {"uuid": "r", "dev_type": "rbd"},
            "k": {"uuid": "k", "dev_type": "plain", "nodes": ["n9"]},
        },
    )["disks"]
    assert made["m"]["nodes"] == made["m"]["children"][0]["nodes"] == ["n1", "n2"]
    assert (made["p"]["nodes"], made["r"]["nodes"], made["k"]["nodes"]) == (["n2"], [], ["n9"])


def test_disks_without_spindles_are_told_of_where_storage_is_exclusive() -> None:
    sections: Document = {
        "nodegroups": {"g": {"ndparams": {"exclusive_storage": True}}},
        "instances": {"i": {"disks": [{"spindles": 1}, {}]}},
    }
    (note,) = notes_of(disks.tell_spindles, **sections)
    assert note.startswith("instances.i.disks.1.spindles: missing")
    assert notes_of(disks.tell_spindles, instances=sections["instances"]) == []
