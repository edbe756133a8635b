"""Paths of real and virtual nodes."""

from pathlib import Path

import pytest

from masterd.errors import ConfigurationError
from masterd.paths import Paths


def test_without_variables_paths_are_those_of_the_real_node() -> None:
    paths = Paths.from_environment({"PATH": "/bin"})
    assert paths.virtual_hostname is None
    assert paths.environment() == {}
    assert paths.pid_file == Path("/var/run/ganeti/ganeti-masterd.pid")
    assert paths.log_file == Path("/var/log/ganeti/master-daemon.log")
    assert paths.query_socket == Path("/var/run/ganeti/socket/ganeti-query")
    assert paths.master_socket == Path("/var/run/ganeti/socket/ganeti-master")
    assert paths.queue_dir == Path("/var/lib/ganeti/queue")
    assert paths.archive_dir == Path("/var/lib/ganeti/queue/archive")
    assert paths.config_file == Path("/var/lib/ganeti/config.data")
    assert paths.server_certificate == Path("/var/lib/ganeti/server.pem")
    assert paths.client_certificate == Path("/var/lib/ganeti/client.pem")
    assert paths.watcher_pause_file == Path("/var/lib/ganeti/watcher.pause")
    assert paths.settings_file == Path("/etc/ganeti/masterd.toml")


def test_a_virtual_node_has_everything_below_its_root() -> None:
    environment = {"GANETI_ROOTDIR": "/srv/cluster//node1/", "GANETI_HOSTNAME": "node1"}
    paths = Paths.from_environment(environment)
    assert paths.root == Path("/srv/cluster/node1")
    assert paths.virtual_hostname == "node1"
    assert paths.store_dir == Path("/srv/cluster/node1/var/lib/ganeti/masterd-store")
    assert paths.backup_dir == Path("/srv/cluster/node1/var/backups")
    assert paths.environment() == {
        "GANETI_ROOTDIR": "/srv/cluster/node1",
        "GANETI_HOSTNAME": "node1",
    }


def test_empty_variables_count_as_unset() -> None:
    assert Paths.from_environment({"GANETI_ROOTDIR": "", "GANETI_HOSTNAME": ""}) == Paths()


@pytest.mark.parametrize(
    ("root", "hostname", "complaint"),
    [
        ("/srv/node1", "", "must be set together"),
        ("", "node1", "must be set together"),
        ("srv/node1", "node1", "must be an absolute path, not 'srv/node1'"),
        ("/srv/node1", "node2", "must be the host name 'node2'"),
        ("/srv/a/node1", "a/node1", "cannot name a directory"),
    ],
)
def test_a_wrong_environment_is_refused(root: str, hostname: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        Paths.from_environment({"GANETI_ROOTDIR": root, "GANETI_HOSTNAME": hostname})
