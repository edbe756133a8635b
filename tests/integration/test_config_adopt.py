"""An administrator edits config.data while the daemon is stopped."""

from masterd.luxi.client import Client
from tests import system


def test_an_edited_file_counts_only_when_it_is_adopted() -> None:
    with system.simulated_cluster(nodes=1, settings="vote_pause_s = 0.1\n") as (cluster, _):
        with system.running(cluster) as daemon:
            path = daemon.paths.config_file
        original = path.read_bytes()
        edited = original.replace(b'"candidate_pool_size":10', b'"candidate_pool_size":7')
        assert edited != original

        path.write_bytes(edited)
        daemon = system.start(cluster)
        assert daemon.process.wait(system.START_S) == 1
        assert "--adopt-config" in daemon.log()
        assert path.read_bytes() == edited

        with system.running(cluster, arguments=["--adopt-config"]) as daemon:
            with daemon.client() as client:
                assert pool_size(client) == 7
            assert "adopted" in daemon.log()
        with system.running(cluster, arguments=["--adopt-config"]) as daemon:
            with daemon.client() as client:
                assert pool_size(client) == 7
            assert "nothing to adopt" in daemon.log()

        path.write_bytes(b"{}")
        daemon = system.start(cluster, arguments=["--adopt-config"])
        assert daemon.process.wait(system.START_S) != 0
        assert "cannot take over" in daemon.log()


def pool_size(client: Client) -> object:
    info = client.call("QueryClusterInfo")
    assert isinstance(info, dict)
    return info["candidate_pool_size"]
