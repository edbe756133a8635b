"""Which certificates call nodes after a renewal. More in the comparison with the reference."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from masterd.certificates import digest
from masterd.config.transaction import Draft
from masterd.errors import OpPrereqError
from masterd.limits import LU_CERTIFICATE_TRIES
from masterd.testing.faults import Fault, FaultKind
from tests.lu_support import Run, World, make_world, op
from tests.scenario.arrange import ARRANGEMENTS

RENEW = op("OP_CLUSTER_RENEW_CRYPTO", node_certificates=True)
CALL = "node_crypto_tokens"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A cluster whose nodes have new certificates; former ones are still let in."""
    made = make_world(tmp_path)
    ARRANGEMENTS["certificate"](made, "")
    ARRANGEMENTS["pool"](made, "3 node2 node3")

    def change(draft: Draft) -> None:
        former = {"bootstrap": "11:11", uuid_of(made, "node4"): "44:44"}
        draft.put(msgspec.structs.replace(draft.cluster, candidate_certs=former))

    made.config.update(change)
    yield made
    made.close()


def uuid_of(world: World, name: str) -> str:
    node = world.config.snapshot().nodes.expand(name)
    assert node is not None
    return node.uuid


def let_in(world: World) -> set[str]:
    return set(world.config.snapshot().cluster.candidate_certs)


def asked(world: World) -> list[str]:
    return sorted(node for node, call, _ in world.asked if call == CALL)


def test_candidates_are_let_in_and_nobody_else(world: World) -> None:
    world.run(RENEW)
    assert let_in(world) == {uuid_of(world, name) for name in ("node1", "node2", "node3")}


def test_the_master_is_known_by_the_certificate_that_it_has(world: World) -> None:
    world.run(RENEW)
    pem = world.context.paths.client_certificate.read_bytes()
    certificates = world.config.snapshot().cluster.candidate_certs
    assert certificates[uuid_of(world, "node1")] == digest(pem)


def test_a_node_that_is_silent_at_first_is_asked_again(world: World) -> None:
    times = LU_CERTIFICATE_TRIES - 1
    world.faults.set("node3.lab.example", Fault(FaultKind.FAIL, (CALL,), times=times))
    world.run(RENEW)
    assert asked(world) == ["node2.lab.example"] + ["node3.lab.example"] * LU_CERTIFICATE_TRIES
    assert uuid_of(world, "node3") in let_in(world)


def test_a_node_that_stays_silent_is_let_in_no_more_and_told_of_once(world: World) -> None:
    world.faults.set("node3.lab.example", Fault(FaultKind.FAIL, (CALL,)))
    run = Run()
    world.run(RENEW, run)
    assert asked(world).count("node3.lab.example") == LU_CERTIFICATE_TRIES
    assert let_in(world) == {uuid_of(world, name) for name in ("node1", "node2")}
    (_, told) = run.messages()
    assert str(told).count("Node node3.lab.example does not tell") == 1


def test_what_is_no_certificate_refuses_the_opcode_before_anything_is_changed(world: World) -> None:
    before = let_in(world)
    world.context.paths.client_certificate.chmod(0o600)
    world.context.paths.client_certificate.write_bytes(b"nothing")
    with pytest.raises(OpPrereqError, match=r"client\.pem cannot be read"):
        world.run(RENEW)
    assert (let_in(world), asked(world)) == (before, [])
