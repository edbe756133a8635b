"""`migrate config`: a configuration in another release's form, in a new file."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from masterd.config import document
from masterd.dialect import DIALECT_3_1
from migrations.command import main
from migrations.legacy.config_versions import CURRENT
from tests.broken_configs import sound
from tests.migration.old_configs import expressible, of_3_1, old
from tests.sample_config import sample

NOW_US = 1_795_456_800_123_456


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    (tmp_path / "config.data").write_text(json.dumps(old(expressible(1, 12), 12)))
    return tmp_path


def _of_2_17() -> dict[str, Any]:
    """Return a configuration with some settings that only 2.17 knows."""
    made = old(expressible(1, 17), 17)
    made["maintenance"] |= {"balance": True, "roundDelay": 60}
    made["cluster"]["diagnose_data_collector_filename"] = "look"
    return made


def run(data_dir: Path, *arguments: str | Path, form: int = CURRENT) -> int:
    return main(
        ["config", "--data-dir", str(data_dir), *map(str, arguments)],
        now_us=lambda: NOW_US,
        read_config=document.problems,
        form=form,
    )


def test_an_old_file_is_written_in_the_present_form(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (data_dir / "config.data").read_bytes()
    assert run(data_dir, "--output", data_dir / "new") == 0
    assert json.loads((data_dir / "new").read_bytes())["version"] == 3_000_000
    assert stat.S_IMODE((data_dir / "new").stat().st_mode) == 0o600
    assert (data_dir / "config.data").read_bytes() == before
    assert "has the form of Ganeti 2.12, is in that of 3.0 in" in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--form", "--to"])
def test_an_old_file_is_written_in_the_form_of_3_1(
    data_dir: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    assert run(data_dir, option, "3.1", "--output", data_dir / "new") == 0
    written = json.loads((data_dir / "new").read_bytes())
    assert written["version"] == DIALECT_3_1.config_version
    assert document.problems(written) == []
    assert "xen_cmd" not in written["cluster"]["hvparams"]["xen-pvm"]
    told = capsys.readouterr()
    assert "has the form of Ganeti 2.12, is in that of 3.1 in" in told.out
    assert "cluster.hvparams.xen-pvm.xen_cmd: 'xm' is left out" in told.err


def test_a_file_of_3_1_stays_one_with_all_that_only_3_1_knows(data_dir: Path) -> None:
    config = of_3_1(sample(1))
    config["cluster"]["hvparams"]["kvm"]["disk_aio"] = "io_uring"
    (data_dir / "config.data").write_text(json.dumps(config))
    assert run(data_dir, "--form", "3.1", "--output", data_dir / "new") == 0
    assert json.loads((data_dir / "new").read_bytes()) == config


def test_without_a_form_it_gets_that_which_is_spoken(data_dir: Path) -> None:
    form = DIALECT_3_1.config_version
    assert run(data_dir, "--output", data_dir / "new", form=form) == 0
    assert json.loads((data_dir / "new").read_bytes())["version"] == form


def test_what_only_3_1_knows_is_refused_in_the_form_of_3_0(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = of_3_1(sample(1))
    config["cluster"]["hvparams"]["kvm"]["disk_aio"] = "io_uring"
    (data_dir / "config.data").write_text(json.dumps(config))
    assert run(data_dir, "--form", "3.0", "--output", data_dir / "new") == 1
    assert "Ganeti 3.0 has no 'io_uring'; set 'native' first" in capsys.readouterr().err


def test_without_a_file_it_goes_to_standard_output(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(data_dir, "--form", "2.16") == 0
    assert json.loads(capsys.readouterr().out)["version"] == 2_160_000


def test_the_result_as_json_names_what_was_left_out(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = data_dir / "old"
    path.write_text(json.dumps(_of_2_17()))
    assert run(data_dir, path, "--output", data_dir / "new", "--json", "--quiet") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["before"], told["after"], len(told["notes"])) == ("2.17", "3.0", 3)


def test_a_file_that_is_there_is_not_overwritten(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(data_dir, "--output", data_dir / "config.data") == 1
    assert "File exists" in capsys.readouterr().err


def test_reasons_are_listed(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data_dir / "config.data").write_text("{}")
    assert run(data_dir) == 1
    assert capsys.readouterr().err.splitlines() == [
        f"migrate: {data_dir / 'config.data'} cannot be converted:",
        "  it names no version",
        "  it has no serial number",
    ]


def test_what_the_daemon_could_not_read_is_not_written(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = sound()
    config["cluster"]["serial_no"] = None
    (data_dir / "config.data").write_text(json.dumps(config))
    assert run(data_dir, "--output", data_dir / "new") == 1
    assert "  cluster.serial_no: expected `int`, got `null`" in capsys.readouterr().err
    assert not (data_dir / "new").exists()


def test_a_form_that_is_not_written_is_a_misuse(data_dir: Path) -> None:
    with pytest.raises(SystemExit, match="2"):
        run(data_dir, "--form", "2.9")
