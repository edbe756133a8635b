"""The daemon's command line."""

import pytest

from masterd import cli
from masterd.cli import Options, Syslog


def test_no_argument_means_detached_with_votes_and_without_syslog() -> None:
    assert cli.parse([]) == Options(False, False, False, False, False, Syslog.NO)


def test_all_options_are_understood() -> None:
    parsed = cli.parse(
        ["-f", "-d", "--no-voting", "--yes-do-it", "--adopt-config", "--syslog=only"]
    )
    assert parsed == Options(True, True, True, True, True, Syslog.ONLY)
    assert cli.parse(["--foreground", "--debug", "--syslog", "yes"]).syslog is Syslog.YES


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["start"], "unrecognized arguments: start"),
        (["-f", "--", "x"], "unrecognized arguments"),
        (["--syslog=maybe"], "'maybe' is none of no, yes, only"),
        (["--no-vot"], "unrecognized arguments: --no-vot"),
        (["-x"], "unrecognized arguments: -x"),
    ],
)
def test_mistakes_end_with_a_usage_line_and_exit_code_one(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.parse(arguments)
    assert ended.value.code == 1
    written = capsys.readouterr().err
    assert written.startswith("usage: ganeti-masterd [-f] [-d] [--no-voting")
    assert complaint in written


def test_the_version_names_our_release_and_ganetis(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.parse(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == "ganeti-masterd (ganeti-masterd 0.1.0) 3.0.2\n"
