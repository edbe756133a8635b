"""Nothing secret is told to scripts on nodes, whatever the configuration and the opcode hold."""

from collections.abc import Callable, Iterator
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from masterd.config import document
from masterd.instance.hook_env import (
    asked,
    cluster_env,
    instance_env,
    moved,
    network_env,
    old_secondary,
    subject,
    tags_env,
)
from masterd.opcodes.base import OpCode
from masterd.work.hook_env import after, before, common
from tests.lu_support import op
from tests.sample_config import Document, sample

SECRETS: Final = st.text("0123456789abcdef", min_size=24, max_size=40).map("secret-{}".format)


def planted(seed: int, secret: str) -> Document:
    """Return a configuration with a secret wherever it may hold one."""
    whole = sample(seed)
    cluster = whole["cluster"]
    cluster["osparams_private_cluster"] = {"noop": {"key": secret}}
    cluster["candidate_certs"] = dict.fromkeys(cluster["candidate_certs"], secret)
    for instance in whole["instances"].values():
        instance["osparams_private"] = {"key": secret}
    for disk in whole["disks"].values():
        if disk.get("dev_type") == "drbd" and disk.get("logical_id"):
            disk["logical_id"][5] = secret
    return whole


def with_secrets(secret: str) -> Iterator[OpCode]:
    """Yield opcodes that carry secrets."""
    private = {"osparams_private": {"key": secret}, "osparams_secret": {"key": secret}}
    name = {"instance_name": "inst1.example.com"}
    create = {"mode": "create", "disk_template": "plain", "nics": [], "disks": []}
    yield op("OP_INSTANCE_CREATE", **name, **create, **private)
    yield op("OP_INSTANCE_REINSTALL", **name, **private)
    own = {"osparams_private": {"key": secret}, "disk_template": "plain"}
    yield op("OP_INSTANCE_SET_PARAMS", **name, **own)
    keys = {"x509_key_name": ["name", secret, "salt"], "destination_x509_ca": secret}
    yield op("OP_BACKUP_EXPORT", **name, mode="remote", target_node=[["host", 1]], **keys)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), secret=SECRETS)
def test_scripts_are_told_nothing_secret(seed: int, secret: str) -> None:
    config = document.split(planted(seed, secret))
    told: list[dict[str, object]] = [
        cluster_env(config),
        tags_env(config, config.nodes.values()),
        *(network_env(network) for network in config.networks.values()),
    ]
    for instance in config.instances.values():
        told.append(instance_env(config, subject(config, instance)))
        told.append(moved(config, instance, config.master.name))
        told.append(old_secondary(config, instance))
    told += [asked(wanted) for wanted in with_secrets(secret)]
    ways: list[Callable[[dict[str, object]], dict[str, str]]] = [before, after]
    texts = [way(env) for env in told for way in ways]
    texts.append(common(config, "OP_TEST_DUMMY", "path", "pre", "NODE", "/var/lib/ganeti"))
    assert not [name for text in texts for name, value in text.items() if secret in value]
