"""The dialect follows what is installed, and is never guessed."""

import logging
from pathlib import Path

import pytest

import masterd
from masterd import installed
from masterd.cli import version_text
from masterd.constants import RELEASES
from masterd.dialect import DIALECT_3_0, DIALECT_3_1, DIALECTS
from masterd.dialect_choice import AUTOMATIC, choose
from masterd.errors import StartError
from masterd.installed import Installed


def release(root: Path, version: str, full: str | None = None) -> Path:
    """Install a release as Debian does; return its directory."""
    directory = root / "usr/share/ganeti" / version
    (directory / "ganeti").mkdir(parents=True)
    if full is not None:
        constants = f'# made by a machine\n\nRELEASE_VERSION = "{full}"\nVERSION_MAJOR = 3\n'
        (directory / "ganeti/_constants.py").write_text(constants)
        (directory / "ganeti/_vcsversion.py").write_text(f"VCS_VERSION = '{full}-3'\n")
    return directory


def link(root: Path, version: str) -> None:
    """Let the links of Debian name a release."""
    (root / "etc/ganeti").mkdir(parents=True)
    (root / "etc/ganeti/share").symlink_to(root / "usr/share/ganeti" / version)
    (root / "usr/share/ganeti/default").symlink_to(root / "etc/ganeti/share")


@pytest.mark.parametrize(("version", "full"), [("3.0", "3.0.2"), ("3.1", "3.1.0~rc2")])
def test_the_release_that_the_links_name_counts(tmp_path: Path, version: str, full: str) -> None:
    for name, words in (("3.0", "3.0.2"), ("3.1", "3.1.0~rc2"), ("2.16", None)):
        release(tmp_path, name, words)
    link(tmp_path, version)
    found = installed.find(tmp_path)
    assert found == Installed(version, full, f"(ganeti) version {full}-3")
    dialect = choose(AUTOMATIC, found)
    assert (dialect.name, dialect.release_version) == (version, full)
    assert dialect.vcs_version == f"(ganeti) version {full}-3"


def test_without_links_the_only_release_that_is_spoken_counts(tmp_path: Path) -> None:
    release(tmp_path, "2.16")
    release(tmp_path, "3.1", "3.1.0")
    found = installed.find(tmp_path)
    assert found is not None
    assert found.version == "3.1"
    release(tmp_path, "3.0", "3.0.2")
    assert installed.find(tmp_path) is None


def test_where_nothing_is_installed_3_0_is_spoken_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert choose(AUTOMATIC, installed.find(tmp_path)) is DIALECT_3_0
    assert caplog.messages == ["no Ganeti is found on this machine: speaking as 3.0.2"]


def test_a_release_that_is_not_spoken_refuses_the_start(tmp_path: Path) -> None:
    release(tmp_path, "3.2", "3.2.0")
    link(tmp_path, "3.2")
    found = installed.find(tmp_path)
    with pytest.raises(StartError, match=r"Ganeti 3\.2 is installed, and only 3\.0 and 3\.1"):
        choose(AUTOMATIC, found)
    assert choose("3.1", found) is DIALECT_3_1


def test_a_setting_goes_before_what_is_installed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    release(tmp_path, "3.0", "3.0.9")
    link(tmp_path, "3.0")
    found = installed.find(tmp_path)
    assert choose("3.1", found) is DIALECT_3_1
    assert "because the settings say so" in caplog.text
    assert choose("3.0", found).release_version == "3.0.9"


def test_files_that_say_nothing_leave_the_versions_of_the_dialect(tmp_path: Path) -> None:
    directory = release(tmp_path, "3.1")
    link(tmp_path, "3.1")
    assert choose(AUTOMATIC, installed.find(tmp_path)) == DIALECT_3_1
    (directory / "ganeti/_constants.py").write_text('RELEASE_VERSION = "2.16.1"\n')
    assert choose(AUTOMATIC, installed.find(tmp_path)) == DIALECT_3_1


@pytest.mark.parametrize(
    ("version", "full", "told"),
    [
        ("3.0", "3.0.9", "3.0.9"),
        ("3.1", "3.1.0~rc2", "3.1.0~rc2"),
        ("3.1", None, "3.1"),
        ("3.2", "3.2.0", "3.0.2"),
        (None, None, "3.0.2"),
    ],
)
def test_the_version_names_the_release_that_is_installed(
    tmp_path: Path, version: str | None, full: str | None, told: str
) -> None:
    if version is not None:
        release(tmp_path, version, full)
        link(tmp_path, version)
    text = version_text("ganeti-luxid", tmp_path)
    assert text == f"ganeti-luxid (ganeti-masterd {masterd.__version__}) {told}"


def test_each_release_that_is_spoken_has_its_dialect() -> None:
    assert tuple(DIALECTS) == RELEASES


def test_what_is_installed_on_this_machine_can_be_spoken() -> None:
    found = installed.find()
    if found is not None:
        assert choose(AUTOMATIC, found).name == found.version
