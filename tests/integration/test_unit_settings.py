"""What completes systemd's units while ours stands in the places of Ganeti's programs."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from masterd.limits import NOTIFY_EXTEND_S
from masterd.paths import LUXID_NAME, WCONFD_NAME, Paths
from masterd.settings import Settings
from masterd.upkeep.units import DROP_INS, UnitSettings

NAME: Final = "50-ganeti-masterd.conf"
UNITS: Final = ("ganeti-luxid.service", "ganeti-wconfd.service")

#: A unit as sites have it.
UNIT: Final = """\
[Unit]
Description=Ganeti daemon
[Service]
Type=simple
User=root
ExecStart=/bin/true -f
Restart=on-failure
"""

#: "Exposure" of a unit by systemd's own reckoning, from 0 to 100; of this one without ours: 96.
EXPOSURE_MAX: Final = 30

needs_analysis = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze here"
)


def settings(unit: str) -> dict[str, str]:
    lines = [line for line in DROP_INS[unit].splitlines() if not line.startswith("#")]
    assert lines[0] == "[Service]"
    pairs = [(key, value) for key, _, value in (line.partition("=") for line in lines[1:])]
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def drop_in(root: Path, unit: str) -> Path:
    return root / "etc/systemd/system" / f"{unit}.d" / NAME


def test_each_program_that_ours_stands_for_has_its_file() -> None:
    assert tuple(DROP_INS) == UNITS == (f"{LUXID_NAME}.service", f"{WCONFD_NAME}.service")


def test_only_the_daemon_that_tells_is_waited_for_and_watched() -> None:
    luxid, wconfd = map(settings, UNITS)
    assert luxid["Type"] == "notify"
    assert int(luxid["WatchdogSec"]) > 0
    assert not {"Type", "WatchdogSec"} & wconfd.keys()


def test_all_that_the_daemons_write_can_be_written() -> None:
    paths = Paths()
    needed = (
        paths.data_dir, paths.store_dir, paths.queue_dir, paths.run_dir, paths.socket_dir,
        paths.livelock_dir, paths.log_dir, paths.config_file, paths.status_file,
    )  # fmt: skip
    for unit in UNITS:
        may = [Path(each) for each in settings(unit)["ReadWritePaths"].split()]
        for path in needed:
            # Debian's /var/run leads to /run.
            place = Path(str(path).replace("/var/run/", "/run/", 1))
            assert any(place == each or each in place.parents for each in may), path


def test_a_start_and_an_end_have_more_time_than_lies_between_two_requests_for_more() -> None:
    found = settings(UNITS[0])
    for name in ("TimeoutStartSec", "TimeoutStopSec"):
        assert int(found[name]) > NOTIFY_EXTEND_S
    assert int(found["TimeoutStopSec"]) > Settings().drain_timeout_s


def test_files_come_and_go_and_leave_others_alone(tmp_path: Path) -> None:
    other = drop_in(tmp_path, UNITS[0]).with_name("60-site.conf")
    UnitSettings(tmp_path).make()
    other.write_text("[Service]\n")
    UnitSettings(tmp_path).make()
    for unit in UNITS:
        found = drop_in(tmp_path, unit)
        assert found.read_text() == DROP_INS[unit]
        assert found.stat().st_mode & 0o777 == 0o644
    UnitSettings(tmp_path).remove()
    UnitSettings(tmp_path).remove()
    assert [path.name for path in tmp_path.rglob("*.conf")] == ["60-site.conf"]
    assert not drop_in(tmp_path, UNITS[1]).parent.exists()


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """Units of a site, completed by ours."""
    UnitSettings(tmp_path).make()
    directory = tmp_path / "etc/systemd/system"
    for unit in UNITS:
        (directory / unit).write_text(UNIT)
    return directory


def analyze(units: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *arguments],
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{units}:"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@needs_analysis
@pytest.mark.parametrize("unit", UNITS)
def test_systemd_understands_every_line(units: Path, unit: str) -> None:
    done = analyze(units, "verify", "--man=no", str(units / unit))
    complaints = [line for line in done.stderr.splitlines() if NAME in line or unit in line]
    assert complaints == []


@needs_analysis
@pytest.mark.parametrize("unit", UNITS)
def test_systemd_finds_little_that_the_unit_could_harm(units: Path, unit: str) -> None:
    arguments = ("security", "--offline=true", f"--threshold={EXPOSURE_MAX}", str(units / unit))
    done = analyze(units, *arguments)
    assert "Overall exposure level" in done.stdout
    assert done.returncode == 0, done.stdout
