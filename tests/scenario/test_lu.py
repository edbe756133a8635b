"""Runs `lu*.txt`; UPDATE_SCENARIOS=1 writes them anew, to be read before they are kept."""

import json
import os
import re
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Final

import pytest

from masterd.errors import GanetiError
from masterd.job.model import Peer
from masterd.opcodes.base import OpCode, load
from tests.lu_support import Run, World, make_world
from tests.scenario.arrange import ARRANGEMENTS
from tests.scenario.test_lock_table import DASHES, TITLE

#: A job that was submitted, and by whom.
Submitted = tuple[list[OpCode], Peer | None]

_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

#: One parameter: its name, and JSON up to the next one.
_PARAMETER: Final = re.compile(r"(\w+)=(.*?)(?= \w+=|$)")

#: The scenarios of all families; `lu.txt` explains their form.
FILES: Final = {path.stem: path for path in sorted(Path(__file__).parent.glob("lu*.txt"))}


def scenarios(name: str) -> dict[str, str]:
    """Return every scenario of a file by its title; before the first comes an explanation."""
    first, *rest = FILES[name].read_text(encoding="utf-8").split(f"\n{TITLE}")
    found = {"": first.strip()}
    for text in rest:
        title, _, body = text.partition("\n")
        found[title] = body.strip()
    return found


def obey(world: World, line: str) -> list[str]:
    """Carry a command out; return what came of it."""
    word, _, rest = line.partition(" ")
    if word in ARRANGEMENTS:
        ARRANGEMENTS[word](world, rest)
        return []
    document = {name: json.loads(value) for name, value in _PARAMETER.findall(rest)}
    run = Run()
    held: list[str] = []
    run.at_locks_held = lambda: held.extend(sorted(str(lock) for lock in world.locks.held(1)))
    world.slept.clear()
    world.jobs.submitted.clear()
    try:
        op = load({"OP_ID": f"OP_{word}", "reason": [], **document})
        end = f"= {json.dumps(world.run(op, run))}"
    except GanetiError as error:
        end = f"! {type(error).__name__}: {_named(world, error.message)}"
    return [*_told(world, run, held, world.jobs.submitted), end]


def _told(world: World, run: Run, held: list[str], submitted: Sequence[Submitted]) -> list[str]:
    shown = [_UUID.sub("NEW", _named(world, lock)) for lock in held]
    lines = [f"locks {' '.join(sorted(shown))}"] if shown else []
    if world.slept:
        waits = (f"{who or 'the daemon'} {seconds:g}" for who, seconds in sorted(world.slept))
        lines.append(f"waits {', '.join(waits)}")
    lines += [f"| {_named(world, str(message))}" for _, message in run.log]
    return [*lines, *(f"submits {' then '.join(map(_shown, ops))}" for ops, _ in submitted)]


def _named(world: World, text: str) -> str:
    """Return a text with names in the place of uuids and of the directory of the test."""
    config = world.config.snapshot()
    for objects in (config.nodes, config.nodegroups, config.networks):
        for uuid, value in objects.items():
            text = text.replace(uuid, value.name)
    return text.replace(str(world.context.paths.root), "ROOT")


def _shown(op: OpCode) -> str:
    """Return an opcode as a command is written, without what is as always."""
    names = {field.name for field in fields(op)} - {"comment", "reason"}
    given = {
        field: value
        for field, value in op.to_input().items()
        if field in names and value not in (None, False, [], 0)
    }
    return " ".join(
        [op.OP_ID.removeprefix("OP_"), *(f"{k}={json.dumps(v)}" for k, v in given.items())]
    )


def run(world: World, text: str) -> str:
    """Carry a scenario's commands out; return it with what came of them."""
    blocks = []
    for block in text.split("\n\n"):
        commands = block.split(DASHES)[0].strip().splitlines()
        came = [obey(world, command) for command in commands][-1]
        blocks.append("\n".join([*commands, DASHES, *came]))
    world.close()
    return "\n\n".join(blocks)


@pytest.mark.parametrize(
    ("name", "title"), [(name, title) for name in FILES for title in scenarios(name) if title]
)
def test_scenario(name: str, title: str, tmp_path: Path) -> None:
    text = scenarios(name)[title]
    result = run(make_world(tmp_path), text)
    if os.environ.get("UPDATE_SCENARIOS"):
        everything = {**scenarios(name), title: result}
        FILES[name].write_text(
            "\n\n".join(body if not title else f"{TITLE}{title}\n{body}"
                        for title, body in everything.items()) + "\n",
            encoding="utf-8",
        )  # fmt: skip
    else:
        assert result == text
