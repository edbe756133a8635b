"""The names the daemon goes by."""

import pytest

from masterd import cli, programs
from masterd.paths import Paths
from masterd.programs import LUXID, MASTERD, WCONFD


def test_the_launcher_is_what_it_was_called() -> None:
    assert programs.called("/usr/sbin/ganeti-luxid") is LUXID
    assert programs.called("ganeti-wconfd") is WCONFD


@pytest.mark.parametrize("command", ["ganeti-masterd", "masterd/__main__.py", "", "ganeti-luxid2"])
def test_by_any_other_name_it_is_the_master_daemon(command: str) -> None:
    assert programs.called(command) is MASTERD


def test_each_program_has_the_pid_file_that_ganeti_looks_for() -> None:
    paths = Paths()
    first = [paths.pid_file_of(program.holds[0]).name for program in (MASTERD, LUXID, WCONFD)]
    assert first == ["ganeti-masterd.pid", "ganeti-luxid.pid", "ganeti-wconfd.pid"]


def test_every_program_holds_or_watches_the_pid_files_of_both_of_ganetis_daemons() -> None:
    for program in (MASTERD, LUXID, WCONFD):
        assert {"ganeti-luxid", "ganeti-wconfd"} <= {*program.holds, *program.tolerates}
        assert len(program.name) < 16, "the kernel cuts longer names of processes"


def test_in_the_place_of_ganetis_daemons_their_options_are_understood() -> None:
    theirs = ["-f", "-d", "--no-voting", "--yes-do-it", "--syslog=yes", "--no-user-checks"]
    assert cli.parse(theirs, LUXID) == cli.parse(theirs, WCONFD)
    assert cli.parse(["--force-node"], WCONFD).force_node is True


@pytest.mark.parametrize(
    ("program", "option"), [(LUXID, "--force-node"), (WCONFD, "--adopt-config")]
)
def test_options_of_the_other_program_are_refused(
    program: programs.Program, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.parse([option], program)
    assert ended.value.code == 2
    assert f"{program.name}: error: unrecognized arguments: {option}" in capsys.readouterr().err


def test_the_version_begins_with_the_name_it_was_called(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.parse(["-V"], LUXID)
    assert capsys.readouterr().out.startswith("ganeti-luxid (ganeti-masterd ")
