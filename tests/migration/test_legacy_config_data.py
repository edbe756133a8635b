"""Taking over a `config.data`: what is read, and what is refused with all reasons."""

import hashlib
import json
from pathlib import Path

import pytest

from migrations.legacy import config_data
from migrations.legacy.config_data import ConfigDataRefusedError

TAKEN = "2.7, 2.8, 2.9, 2.10, 2.11, 2.12, 2.13, 2.14, 2.15, 2.16, 2.17, 3.0, 3.1"
RECORDED = Path(__file__).parent.parent / "conformance" / "data" / "config.data"


def reasons_against(tmp_path: Path, content: bytes) -> list[str]:
    path = tmp_path / "config.data"
    path.write_bytes(content)
    with pytest.raises(ConfigDataRefusedError) as caught:
        config_data.read(path)
    return caught.value.reasons


def test_a_recorded_file_is_read_with_its_digest_and_serial_number() -> None:
    found = config_data.read(RECORDED)
    assert found.document == json.loads(RECORDED.read_bytes())
    assert found.digest == hashlib.sha256(RECORDED.read_bytes()).hexdigest()
    assert found.serial_no == 1043
    assert (found.found_version, found.notes) == (3_000_000, ())


def test_an_older_version_is_refused_by_name(tmp_path: Path) -> None:
    assert reasons_against(tmp_path, b'{"version": 2060000, "serial_no": 1}') == [
        f"it has the form of Ganeti 2.6 (2060000), and only those of {TAKEN} are taken over;"
        " the cfgupgrade of one of these converts it"
    ]


def test_all_reasons_are_given(tmp_path: Path) -> None:
    assert reasons_against(tmp_path, b"{}") == ["it names no version", "it has no serial number"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is not JSON"),
        (b'{"version": 3000000,', "it is not JSON"),
        (b"[]", "it holds a list, not an object"),
        (b'{"version": 3000000, "version": 3000000}', "the key 'version' stands twice"),
        (b'{"version": NaN}', "NaN is no number"),
        (b"[" * 100_000, "it is not JSON"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    (told,) = reasons_against(tmp_path, content)
    assert reason in told


def test_a_missing_file_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        config_data.read(tmp_path / "config.data")


def test_a_newer_version_is_refused_by_name(tmp_path: Path) -> None:
    assert reasons_against(tmp_path, b'{"version": 3020000, "serial_no": 1}') == [
        f"it has the form of Ganeti 3.2 (3020000), and only those of {TAKEN} are taken over"
    ]


@pytest.mark.parametrize("value", ["true", '"3000000"', "3000000.5", "null"])
def test_a_version_or_serial_number_of_another_type_is_none(tmp_path: Path, value: str) -> None:
    content = f'{{"version": {value}, "serial_no": {value}}}'.encode()
    assert reasons_against(tmp_path, content) == [
        "it names no version",
        "it has no serial number",
    ]


@pytest.mark.parametrize("cut", [1, 100, 5000])
def test_a_file_that_was_cut_short_is_refused(tmp_path: Path, cut: int) -> None:
    (told,) = reasons_against(tmp_path, RECORDED.read_bytes().rstrip()[:-cut])
    assert "it is not JSON" in told


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (told,) = reasons_against(tmp_path, b'{"version": 3000000, "serial_no": 1, "x": "\xff"}')
    assert "it is not JSON" in told


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "config.data"
    with path.open("wb") as file:
        file.truncate(config_data.FILE_BYTES_MAX + 1)  # a hole, which takes no room
    with pytest.raises(ConfigDataRefusedError) as caught:
        config_data.read(path)
    assert caught.value.reasons == [f"it is larger than {config_data.FILE_BYTES_MAX} bytes"]


def test_the_error_names_file_and_every_reason(tmp_path: Path) -> None:
    path = tmp_path / "config.data"
    path.write_bytes(b"{}")
    with pytest.raises(ConfigDataRefusedError) as caught:
        config_data.read(path)
    assert str(caught.value) == (
        f"{path} cannot be taken over: it names no version; it has no serial number"
    )
