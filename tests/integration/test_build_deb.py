"""The Debian package is built for each release, with nothing in it that lintian complains of."""

import gzip
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from masterd import settings

REPOSITORY: Final = Path(__file__).parents[2]
BUILD_S: Final = 600
PRIVATE: Final = "usr/lib/ganeti-masterd"


def run(*command: object, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(word) for word in command],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=BUILD_S,
        check=False,
    )


@pytest.fixture(scope="module")
def unpacked(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("unpacked")
    assert run("dpkg-deb", "--raw-extract", package, directory).returncode == 0
    return directory


def field(package: Path, name: str) -> str:
    return run("dpkg-deb", "--field", package, name).stdout.strip()


def test_it_says_what_it_needs_and_who_built_it(package: Path) -> None:
    assert field(package, "Maintainer") == "ganeti-masterd maintainers <root@localhost>"
    needs = field(package, "Depends")
    assert "ganeti (>= 3.0.2)" in needs
    found = re.search(r"python3 \(>= 3\.(\d+)\), python3 \(<< 3\.(\d+)\)", needs)
    assert found is not None
    assert int(found[2]) == int(found[1]) + 1


@pytest.mark.skipif(shutil.which("lintian") is None, reason="lintian is not installed")
def test_lintian_finds_nothing_that_is_not_explained(package: Path) -> None:
    done = run("lintian", "--allow-root", "--fail-on", "error,warning", package)
    found = [line for line in done.stdout.splitlines() if not line.startswith(("N:", "running"))]
    assert (done.returncode, found) == (0, [])


def test_its_settings_are_all_there_and_change_nothing(unpacked: Path) -> None:
    text = (unpacked / "etc/ganeti/masterd.toml").read_text()
    assert settings.parse(text, "masterd.toml") == settings.Settings()
    uncommented = "\n".join(
        line.removeprefix("#") for line in text.splitlines() if not line.startswith("# ")
    )
    assert settings.parse(uncommented, "masterd.toml") == settings.Settings()
    assert len(uncommented.splitlines()) == len(settings.describe())
    assert "/etc/ganeti/masterd.toml" in (unpacked / "DEBIAN/conffiles").read_text()


def test_its_licences_are_told(unpacked: Path) -> None:
    text = (unpacked / "usr/share/doc/ganeti-masterd/copyright").read_text()
    for name in ("ganeti-masterd", "lmdb", "cbor2", "gevent", "msgpack"):
        assert name in text
    changes = unpacked / "usr/share/doc/ganeti-masterd/changelog.Debian.gz"
    release = platform.freedesktop_os_release()["VERSION_CODENAME"]
    assert f") {release}; urgency" in gzip.decompress(changes.read_bytes()).decode()


def test_everything_is_where_the_package_takes_it_from(unpacked: Path) -> None:
    scripts = (unpacked / "DEBIAN").glob("p*")
    assert {path.name for path in scripts} == {"postinst", "prerm", "postrm"}
    for link in (unpacked / "usr/sbin").iterdir():
        assert (link.parent / link.readlink()).is_file(), link
        first = link.resolve().read_text().splitlines()[0]
        assert first == f"#!/{PRIVATE}/bin/python3 -I"
    assert not list(unpacked.rglob("__pycache__"))


def test_its_programs_are_whole(unpacked: Path) -> None:
    # Their interpreter's place is fixed; here they are run where they were unpacked.
    (packages,) = (unpacked / PRIVATE / "lib").glob("python3.*/site-packages")
    if packages.parent.name != "python{}.{}".format(*sys.version_info):
        pytest.skip(f"the package is for {packages.parent.name}")
    for command in sorted((unpacked / PRIVATE / "bin").glob("*-*")):
        code = (
            f"import sys; sys.path.insert(0, {str(packages)!r}); sys.argv = [{command.name!r},"
            f" '--help']; exec(compile(open({str(command)!r}).read(), 'command', 'exec'))"
        )
        done = run(sys.executable, "-I", "-S", "-c", code)
        assert done.returncode == 0, (command.name, done.stderr)
        assert "usage: " in done.stdout.lower()


def test_wrong_words_are_refused_in_one_line() -> None:
    for words in (["--release", "potato"], ["--relase"], ["one", "two"], ["--release"]):
        done = run(REPOSITORY / "scripts/build-deb", *words)
        assert done.returncode == 2
        assert done.stderr.startswith("build-deb: error: ")
        assert len(done.stderr.splitlines()) == 1
