"""Questions to a simulated node, and the disks that they are about."""

import json
from typing import Any

from masterd.testing.node_calls import SimulatedNode


def ask(node: SimulatedNode, call: str, *arguments: object) -> tuple[bool, Any]:
    answer = node.answer(call, json.dumps(arguments).encode())
    assert answer is not None
    done, payload = json.loads(answer)
    return done, payload


def well(node: SimulatedNode, call: str, *arguments: object) -> Any:
    done, payload = ask(node, call, *arguments)
    assert done, payload
    return payload


def refused(node: SimulatedNode, call: str, *arguments: object) -> str:
    done, payload = ask(node, call, *arguments)
    assert not done
    return str(payload)


def plain(name: str = "one", size: int = 1024) -> dict[str, Any]:
    return {
        "dev_type": "plain", "logical_id": ["xenvg", name], "size": size, "iv_name": "disk/0",
        "uuid": f"uuid of {name}", "params": {"stripes": 1}, "dynamic_params": {},
    }  # fmt: skip


def file(path: str, size: int = 3) -> dict[str, Any]:
    return {**plain(), "dev_type": "file", "logical_id": ["loop", path], "size": size}
