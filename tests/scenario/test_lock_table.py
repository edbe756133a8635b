"""Runs `lock_table.txt`; UPDATE_SCENARIOS=1 writes it anew, to be read before it is kept."""

import os
from pathlib import Path
from typing import Final

import pytest

from masterd.lock.levels import ALL, LockLevel, LockMode, LockRequest
from masterd.lock.monitor import LockRow, problems, rows
from masterd.lock.owners import Owner
from masterd.lock.table import LockTable

FILE: Final = Path(__file__).with_name("lock_table.txt")
TITLE: Final = "== "
DASHES: Final = "----"
LEVELS: Final = {level.label: level for level in LockLevel if level is not LockLevel.CONFIG}


def scenarios() -> dict[str, list[str]]:
    """Return the lines of every scenario by its title; before the first comes the explanation."""
    found: dict[str, list[str]] = {"": []}
    lines = found[""]
    for line in FILE.read_text().splitlines():
        if line.startswith(TITLE):
            lines = found.setdefault(line.removeprefix(TITLE), [])
        else:
            lines.append(line)
    return found


def names(word: str) -> LockRequest:
    return LockRequest(ALL if word == "*" else frozenset(word.split(",")))


def obey(table: LockTable, line: str) -> list[Owner]:
    """Carry a command out and return the jobs that go on."""
    match line.split():
        case ["request", job, level, wanted, *options]:
            mode = LockMode.SHARED if "shared" in options else LockMode.EXCLUSIVE
            priority = int(options[-1]) if "priority" in options else 0
            request = LockRequest(names(wanted).names, mode)
            table.request(int(job), LEVELS[level], request, priority)
            return []
        case ["take-free", job, level, at_least, wanted, *options]:
            mode = LockMode.SHARED if "shared" in options else LockMode.EXCLUSIVE
            free = LockRequest(names(wanted).names, mode, at_least=int(at_least))
            table.take_free(int(job), LEVELS[level], free)
            return []
        case ["release", job]:
            return table.release(int(job))
        case ["release", job, level]:
            return table.release(int(job), LEVELS[level])
        case ["withdraw", job]:
            return table.withdraw(int(job))
        case ["priority", job, priority_word]:
            return table.set_priority(int(job), int(priority_word))
        case ["keep", job, level, wanted]:
            return table.keep(int(job), LEVELS[level], frozenset(wanted.split(",")))
        case ["downgrade", job, level]:
            return table.downgrade(int(job), LEVELS[level])
    raise AssertionError(f"Not a command: {line}")


def show(table: LockTable, going_on: list[Owner]) -> list[str]:
    """Return the table as the scenarios have it."""
    listing = sorted(rows(table.states()), key=lambda row: LEVELS[row.name.partition("/")[0]])
    width = max((len(row.name) for row in listing), default=0)
    lines = [f"goes on: {' '.join(map(str, going_on))}"] if going_on else []
    lines += [f"{row.name:{width}}  {_held(row)}".rstrip() for row in listing]
    return lines or ["(empty)"]


def _held(row: LockRow) -> str:
    held = "-" if row.mode is None else f"{row.mode} {','.join(row.owners)}"
    waiting = " ".join(f"{mode}:{','.join(jobs)}" for mode, jobs in row.pending)
    return f"{held}  <- {waiting}" if waiting else held


def run(lines: list[str]) -> list[str]:
    """Carry a scenario's commands out; return it with what came of them."""
    table = LockTable()
    result: list[str] = []
    for block in "\n".join(lines).strip().split("\n\n"):
        commands = block.split(DASHES)[0].strip().splitlines()
        going_on = [job for command in commands for job in obey(table, command)]
        assert problems(table.states()) == []
        result += [*commands, DASHES, *show(table, going_on), ""]
    return result


@pytest.mark.parametrize("title", [title for title in scenarios() if title])
def test_scenario(title: str) -> None:
    lines = scenarios()[title]
    result = run(lines)
    if os.environ.get("UPDATE_SCENARIOS"):
        everything = {**scenarios(), title: result}
        blocks = [
            "\n".join(lines if not name else [TITLE + name, *lines]).rstrip()
            for name, lines in everything.items()
        ]
        FILE.write_text("\n\n".join(blocks) + "\n")
    else:
        assert result == [*"\n".join(lines).strip().splitlines(), ""]
