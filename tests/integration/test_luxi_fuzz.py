"""Garbage on the socket: the server answers or closes, and goes on serving others."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from masterd.job.model import Peer
from masterd.luxi.framing import encode
from masterd.luxi.messages import Request, encode_request
from masterd.luxi.methods import METHODS, check
from masterd.luxi.reply import Reply
from tests.luxi_support import RawClient, serving, until

_ROUNDS = 300


def _checked(request: Request, peer: Peer, reply: Reply) -> None:
    """Answer whatever can be read."""
    reply.success(type(check(request)).__name__)


def _random_json(chance: random.Random, depth: int = 0) -> object:
    scalars: list[Callable[[], object]] = [
        lambda: None,
        lambda: chance.choice([True, False]),
        lambda: chance.randint(-(2**66), 2**66),
        lambda: chance.uniform(-1e9, 1e9),
        lambda: "".join(map(chr, chance.choices(range(1, 0x2000), k=chance.randint(0, 6)))),
        lambda: chance.choice(["job", "id", "&", "|", "=", "=~", "(", "ACCEPT", "5", "status"]),
    ]
    if depth > 4 or chance.random() < 0.5:
        return chance.choice(scalars)()
    items = [_random_json(chance, depth + 1) for _ in range(chance.randint(0, 5))]
    if chance.random() < 0.75:
        return items
    return {str(number): item for number, item in enumerate(items)}


def _bytes(chance: random.Random) -> bytes:
    return chance.randbytes(chance.randint(0, 300)) + b"\x03"


def _json(chance: random.Random) -> bytes:
    method = chance.choice([*METHODS, "NoSuch"])
    return encode(encode_request(method, _random_json(chance), None))


def _damaged(chance: random.Random) -> bytes:
    message = bytearray(_json(chance))
    for _ in range(chance.randint(1, 4)):
        message[chance.randrange(len(message))] = chance.randrange(256)
    return bytes(message) + b"\x03"


@pytest.mark.parametrize("make", [_bytes, _json, _damaged])
def test_garbage_is_answered_or_ends_the_connection(
    tmp_path: Path, make: Callable[[random.Random], bytes]
) -> None:
    chance = random.Random(20100401)
    with serving(tmp_path, _checked) as (server, path), RawClient(path) as witness:
        for _ in range(_ROUNDS):
            with RawClient(path) as client:
                client.send_bytes(make(chance))
                success, result = client.answer()
                assert success or str(result).startswith("Failed to parse request: ")
        witness.send("QueryClusterInfo")
        assert witness.answer() == (True, "QueryClusterInfo")
        assert server.stats.held_bytes == 0
        assert server.stats.unsent_bytes == 0


def test_clients_that_vanish_at_any_point_leave_nothing_behind(tmp_path: Path) -> None:
    chance = random.Random(20100402)
    with serving(tmp_path, _checked) as (server, path), RawClient(path) as witness:
        for _ in range(_ROUNDS):
            with RawClient(path) as client:
                message = _json(chance) * chance.randint(1, 20)
                client.send_bytes(message[: chance.randrange(len(message))])
        witness.send("QueryClusterInfo")
        assert witness.answer() == (True, "QueryClusterInfo")
        until(lambda: server.stats.connections == 1)
        assert server.stats.held_bytes == 0
        assert server.stats.unsent_bytes == 0
