"""Runs `lu.txt`; UPDATE_SCENARIOS=1 writes it anew, to be read before it is kept."""

import json
import os
import re
from pathlib import Path
from typing import Final

import msgspec
import pytest

from masterd.errors import GanetiError
from masterd.opcodes.base import load
from masterd.testing.faults import Fault, FaultKind
from tests.lu_support import Run, World, make_world
from tests.scenario.test_lock_table import DASHES, TITLE

#: One parameter: its name, and JSON up to the next one.
_PARAMETER: Final = re.compile(r"(\w+)=(.*?)(?= \w+=|$)")

FILE: Final = Path(__file__).with_name("lu.txt")


def scenarios() -> dict[str, str]:
    """Return every scenario by its title; before the first comes the explanation."""
    first, *rest = FILE.read_text(encoding="utf-8").split(f"\n{TITLE}")
    found = {"": first.strip()}
    for text in rest:
        title, _, body = text.partition("\n")
        found[title] = body.strip()
    return found


def obey(world: World, line: str) -> list[str]:
    """Carry a command out; return what came of it."""
    word, _, rest = line.partition(" ")
    if word == "fail":
        world.faults.set(rest, Fault(FaultKind.FAIL))
        return []
    if word == "offline":
        node = world.config.snapshot().nodes.named(rest)
        assert node is not None
        offline = msgspec.structs.replace(node, offline=True, master_candidate=False)
        world.config.update(lambda draft: draft.put(offline))
        return []
    document = {name: json.loads(value) for name, value in _PARAMETER.findall(rest)}
    run = Run()
    held: list[str] = []
    run.at_locks_held = lambda: held.extend(sorted(str(lock) for lock in world.locks.held(1)))
    world.slept.clear()
    try:
        op = load({"OP_ID": f"OP_{word}", "reason": [], **document})
        end = f"= {json.dumps(world.run(op, run))}"
    except GanetiError as error:
        end = f"! {type(error).__name__}: {error.message}"
    return [*_told(world, run, held), end]


def _told(world: World, run: Run, held: list[str]) -> list[str]:
    names = {node.uuid: node.name for node in world.config.snapshot().nodes.values()}
    shown = [f"{level}/{names.get(name, name)}" for level, name in (h.split("/", 1) for h in held)]
    lines = [f"locks {' '.join(sorted(shown))}"] if shown else []
    if world.slept:
        waits = (f"{who or 'the daemon'} {seconds:g}" for who, seconds in sorted(world.slept))
        lines.append(f"waits {', '.join(waits)}")
    return [*lines, *(f"| {message}" for _, message in run.log)]


def run(world: World, text: str) -> str:
    """Carry a scenario's commands out; return it with what came of them."""
    blocks = []
    for block in text.split("\n\n"):
        commands = block.split(DASHES)[0].strip().splitlines()
        came = [obey(world, command) for command in commands][-1]
        blocks.append("\n".join([*commands, DASHES, *came]))
    world.close()
    return "\n\n".join(blocks)


@pytest.mark.parametrize("title", [title for title in scenarios() if title])
def test_scenario(title: str, tmp_path: Path) -> None:
    text = scenarios()[title]
    result = run(make_world(tmp_path), text)
    if os.environ.get("UPDATE_SCENARIOS"):
        everything = {**scenarios(), title: result}
        FILE.write_text(
            "\n\n".join(body if not name else f"{TITLE}{name}\n{body}"
                        for name, body in everything.items()) + "\n",
            encoding="utf-8",
        )  # fmt: skip
    else:
        assert result == text
