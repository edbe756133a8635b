"""What the documents say about files is true: every file they name exists."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]

#: A path in code marks: at least one directory, and the ending of a source file.
_PATH: Final = re.compile(r"`((?!etc/)(?:[\w.]+/)+[\w.]+\.(?:py|md|toml|txt|json))`")

#: Packages inside `masterd` are also named without it.
_BASES: Final = (ROOT, ROOT / "masterd")


def documents() -> Iterator[Path]:
    yield from sorted(ROOT.glob("*.md"))
    for package in ("exporter", "migrations", "store"):
        yield from sorted((ROOT / package).rglob("*.md"))
    for package in ("exporter", "masterd", "migrations", "store"):
        yield from sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("path", list(documents()), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_a_document_names_exists(path: Path) -> None:
    named = set(_PATH.findall(path.read_text(encoding="utf-8")))
    bases = (*_BASES, path.parent)
    missing = [name for name in named if not any((base / name).exists() for base in bases)]
    assert missing == []


def test_the_way_of_a_job_names_every_package_it_passes() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    way = text.split("## The way of one job")[1].split("## ")[0]
    for package in (
        "luxi",
        "opcodes",
        "job",
        "store",
        "lock",
        "work",
        "lu",
        "rpc",
        "wconf",
        "exporter",
    ):
        assert f"{package}/" in way, package
