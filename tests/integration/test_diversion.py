"""Debian's programs moved aside, by dpkg-divert itself below a directory of the test."""

import shutil
import subprocess
from pathlib import Path

import pytest

from masterd.upkeep.diversion import PROGRAMS, DiversionError, Diversions

pytestmark = pytest.mark.skipif(shutil.which("dpkg-divert") is None, reason="dpkg is not installed")

LAUNCHER = Path("/opt/ganeti-masterd/.venv/bin/ganeti-masterd")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A machine with Debian's two programs, which are links."""
    (tmp_path / "var/lib/dpkg").mkdir(parents=True)
    for program in PROGRAMS:
        place = tmp_path / program.relative_to("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(f"../lib/ganeti/default{program}")
    return tmp_path


def where(root: Path) -> dict[str, str]:
    """Return where each program of the machine leads."""
    return {path.name: str(path.readlink()) for path in sorted((root / "usr/sbin").iterdir())}


def dpkg_divert(root: Path, *arguments: object) -> str:
    return subprocess.run(
        ["dpkg-divert", "--root", root, *map(str, arguments)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout


STOCK = {program.name: f"../lib/ganeti/default{program}" for program in PROGRAMS}
OURS = {
    **{program.name: str(LAUNCHER) for program in PROGRAMS},
    **{f"{name}.distrib": target for name, target in STOCK.items()},
}


def test_ours_stand_in_the_places_and_dpkg_knows_it(root: Path) -> None:
    diversions = Diversions(root)
    assert not diversions.exist()
    diversions.make(LAUNCHER)
    assert where(root) == OURS
    assert diversions.are_made(LAUNCHER)
    for program in PROGRAMS:
        assert dpkg_divert(root, "--truename", program).strip() == f"{program}.distrib"


def test_both_ways_may_be_gone_twice(root: Path) -> None:
    diversions = Diversions(root)
    for _ in range(2):
        diversions.make(LAUNCHER)
    assert where(root) == OURS
    for _ in range(2):
        diversions.remove()
    assert where(root) == STOCK
    assert not diversions.exist()
    assert dpkg_divert(root, "--list") == ""


def test_another_checkout_takes_the_places_over(root: Path) -> None:
    Diversions(root).make(Path("/elsewhere/ganeti-masterd"))
    Diversions(root).make(LAUNCHER)
    assert where(root) == OURS


def cut_after_note(root: Path) -> None:
    dpkg_divert(root, "--local", "--no-rename", "--divert", f"{PROGRAMS[0]}.distrib",
                "--add", PROGRAMS[0])  # fmt: skip


def cut_after_move(root: Path) -> None:
    place = root / PROGRAMS[0].relative_to("/")
    place.rename(place.with_name(f"{place.name}.distrib"))


def cut_between_move_and_link(root: Path) -> None:
    cut_after_note(root)
    cut_after_move(root)


def cut_between_the_programs(root: Path) -> None:
    Diversions(root).make(LAUNCHER)
    (root / PROGRAMS[1].relative_to("/")).unlink()
    dpkg_divert(root, "--local", "--rename", "--remove", PROGRAMS[1])


CUTS = [cut_after_note, cut_between_move_and_link, cut_between_the_programs]


@pytest.mark.parametrize("cut", [*CUTS, cut_after_move])
def test_what_was_cut_off_is_finished(root: Path, cut: object) -> None:
    assert callable(cut)
    cut(root)
    Diversions(root).make(LAUNCHER)
    assert where(root) == OURS


@pytest.mark.parametrize("cut", CUTS)
def test_what_was_cut_off_is_undone(root: Path, cut: object) -> None:
    assert callable(cut)
    cut(root)
    Diversions(root).remove()
    assert where(root) == STOCK
    assert dpkg_divert(root, "--list") == ""


def test_an_upgrade_of_the_package_leaves_ours_in_its_place(root: Path) -> None:
    Diversions(root).make(LAUNCHER)
    # dpkg unpacks a program where it is told its file belongs.
    place = root / dpkg_divert(root, "--truename", PROGRAMS[0]).strip().lstrip("/")
    place.unlink()
    place.symlink_to("the new one")
    assert where(root)[PROGRAMS[0].name] == str(LAUNCHER)
    Diversions(root).remove()
    assert where(root)[PROGRAMS[0].name] == "the new one"


@pytest.mark.parametrize(
    ("who", "aside", "told"),
    [
        (["--package", "other"], f"{PROGRAMS[1]}.distrib", "by the package other already"),
        (["--local"], f"{PROGRAMS[1]}.mine", f"diverted already, to {PROGRAMS[1]}.mine"),
    ],
)
def test_diversions_of_somebody_else_are_left_alone(
    root: Path, who: list[str], aside: str, told: str
) -> None:
    dpkg_divert(root, *who, "--rename", "--divert", aside, "--add", PROGRAMS[1])
    before = where(root)
    with pytest.raises(DiversionError, match=told):
        Diversions(root).make(LAUNCHER)
    assert where(root) == before


def test_a_program_that_somebody_put_there_is_not_removed(root: Path) -> None:
    Diversions(root).make(LAUNCHER)
    place = root / PROGRAMS[0].relative_to("/")
    place.unlink()
    place.write_text("a program of the administrator's")
    with pytest.raises(DiversionError, match="not the link that was put there"):
        Diversions(root).remove()
    assert place.exists()


def test_without_debians_programs_it_says_so(root: Path) -> None:
    for program in PROGRAMS:
        (root / program.relative_to("/")).unlink()
    with pytest.raises(DiversionError, match="is the package ganeti installed"):
        Diversions(root).make(LAUNCHER)
