"""File names lose the sender's root and get the receiver's."""

from pathlib import Path

import pytest

from masterd.rpc.virtual_path import VirtualPaths

NODE1 = VirtualPaths(Path("/srv/cluster/node1"))
NODE2 = VirtualPaths(Path("/srv/cluster/node2"))
REAL = VirtualPaths(None)


def test_a_path_of_one_node_becomes_the_same_path_of_another() -> None:
    name = NODE1.virtual("/srv/cluster/node1/var/lib/ganeti/queue/job-7")
    assert name == "/###-VIRTUAL-PATH-###,/var/lib/ganeti/queue/job-7"
    assert NODE2.local(name) == Path("/srv/cluster/node2/var/lib/ganeti/queue/job-7")


def test_on_a_real_cluster_nothing_changes() -> None:
    assert REAL.virtual("/var/lib/ganeti/queue/job-7") == "/var/lib/ganeti/queue/job-7"
    assert REAL.local("/var/lib/ganeti/queue/job-7") == Path("/var/lib/ganeti/queue/job-7")


def test_the_hosts_file_is_the_same_for_all() -> None:
    assert NODE1.virtual("/etc/hosts") == "/etc/hosts"
    assert NODE2.local("/etc/hosts") == Path("/etc/hosts")


def test_a_path_outside_the_root_does_not_travel() -> None:
    for path in ("/srv/cluster/node10/x", "/srv/cluster/node1/../node2/x", "/srv/cluster/node1"):
        with pytest.raises(ValueError, match="not below node root"):
            NODE1.virtual(path)


def test_a_name_without_marker_is_not_taken_for_a_local_file() -> None:
    with pytest.raises(ValueError, match="is not a virtual path"):
        NODE2.local("/var/lib/ganeti/queue/job-7")


def test_relative_paths_are_refused() -> None:
    for paths in (NODE1, REAL):
        with pytest.raises(ValueError, match="not absolute"):
            paths.virtual("queue/job-7")
    with pytest.raises(ValueError, match="not absolute"):
        REAL.local("queue/job-7")


def test_a_name_that_climbs_is_shown_as_what_it_is() -> None:
    assert NODE2.local("/###-VIRTUAL-PATH-###,/../../etc/passwd") == Path("/srv/etc/passwd")
