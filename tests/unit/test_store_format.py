"""`store/FORMAT.md` against the code that it describes."""

import re
from pathlib import Path

import pytest

from store import dump, forms, outbox, schema
from store.table import Table

TEXT = (Path(schema.__file__).parent / "FORMAT.md").read_text(encoding="utf-8")


def rows(heading: str) -> dict[str, str]:
    """Return the rest of each row of the tables below a heading, by the row's first cell."""
    part = TEXT.split(f"{heading}\n", 1)[1].split("\n#", 1)[0]
    found = re.findall(r"^\| `(\w+)` \| (.*) \|$", part, re.MULTILINE)
    return dict(found)


@pytest.mark.parametrize("table", schema.TABLES, ids=lambda table: table.name)
def test_every_table_is_described_with_its_bytes(table: Table[object, object]) -> None:
    key, value, _ = rows("## Tables")[table.name].split(" | ", 2)
    assert key.split(", ")[0] == table.key.name
    assert value == table.value.name


def test_no_table_is_described_that_is_not_there() -> None:
    assert list(rows("## Tables")) == [table.name for table in schema.TABLES]


def test_every_kind_of_outbox_entry_is_described() -> None:
    assert rows("### `outbox` and `cursors`").keys() == outbox.KINDS


def test_every_serial_is_described() -> None:
    part = TEXT.split("### `serials`", 1)[1].split("###", 1)[0]
    assert all(f"`{name}`:" in part for name in forms.SERIAL_NAMES)


def test_every_key_of_a_job_and_of_an_opcode_is_described() -> None:
    part = TEXT.split("### `jobs`", 1)[1].split("### `job_logs`", 1)[0]
    keys = [*forms.JOB, *forms.JOB_OPTIONAL, *forms.OP, *forms.OP_OPTIONAL]
    assert [key for key in keys if f"`{key}`" not in part] == []


def test_every_status_and_named_kind_is_described() -> None:
    assert all(f"`{status}`" in TEXT for status in forms.STATUSES)
    assert all(f"`{kind}`" in TEXT for kind in forms.NAMED_KINDS)


def test_the_versions_are_the_codes() -> None:
    assert f"Schema version: **{schema.SCHEMA_VERSION}**" in TEXT
    assert str(schema.SCHEMA_VERSION) in rows_of_numbers("## Versions")
    assert f"The dump format has its own version: **{dump.FORMAT_VERSION}**" in TEXT.replace(
        "\n", " "
    )


def rows_of_numbers(heading: str) -> list[str]:
    part = TEXT.split(f"{heading}\n", 1)[1].split("\n#", 1)[0]
    return re.findall(r"^\| (\d+) \|", part, re.MULTILINE)
