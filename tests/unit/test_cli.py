"""The daemon's command line."""

import pytest

from masterd import cli
from masterd.cli import Options, Syslog


def test_no_argument_means_detached_with_votes_and_without_syslog() -> None:
    assert cli.parse([]) == Options()
    assert Options().syslog is Syslog.NO


def test_all_options_are_understood() -> None:
    parsed = cli.parse(
        ["-f", "-d", "--no-voting", "--yes-do-it", "--adopt-config", "--syslog=only"]
    )
    assert parsed == Options(
        foreground=True,
        debug=True,
        no_voting=True,
        yes_do_it=True,
        adopt_config=True,
        syslog=Syslog.ONLY,
    )
    assert cli.parse(["--adopt-files"]) == Options(adopt_files=True)
    assert cli.parse(["--keep-store"]) == Options(keep_store=True)
    assert cli.parse(["--foreground", "--debug", "--syslog", "yes"]).syslog is Syslog.YES


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["start"], "unrecognized arguments: start"),
        (["-f", "--", "x"], "unrecognized arguments"),
        (["--syslog=maybe"], "'maybe' is none of no, yes, only"),
        (["--no-vot"], "unrecognized arguments: --no-vot"),
        (["--adopt-files", "--keep-store"], "not allowed with argument --adopt-files"),
        (["-x"], "unrecognized arguments: -x"),
    ],
)
def test_mistakes_end_with_a_usage_line_and_exit_code_two(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.parse(arguments)
    assert ended.value.code == 2
    written = capsys.readouterr().err
    assert written.startswith("usage: ganeti-masterd [-f] [-d] [--no-voting")
    assert complaint in written


def test_the_version_names_our_release_and_ganetis(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.parse(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"{cli.version_text('ganeti-masterd')}\n"
