"""What Ganeti's own verification finds wrong with a configuration, ours finds wrong too.

Each rule is broken alone. Where Ganeti's Python part has no such rule (its wconfd has some of them,
others are ours), the table of breakages says so, and this test holds it to that.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from masterd.config import document, verify
from masterd.config.render import render
from tests.broken_configs import BREAKAGES, sound
from tests.interop import debian
from tests.sample_config import Document

pytestmark = debian.needs_ganeti

#: Reads names of files, prints the list of what is wrong with each. Some breakages (a disk that is
#: not there) end the verification with an error, which says as much.
VERIFIER = """
import json, sys
from ganeti import config, errors
for line in sys.stdin:
    writer = config.ConfigWriter(cfg_file=line.strip(), offline=True, accept_foreign=True)
    try:
        found = writer.VerifyConfig()
    except (errors.GenericError, AttributeError, KeyError) as error:
        found = [repr(error)]
    print(json.dumps(found), flush=True)
"""


class Verifier:
    """Ganeti's verification, in a process of its own."""

    def __init__(self, process: "subprocess.Popen[str]", directory: Path) -> None:
        self._process = process
        self._path = directory / "config.data"

    def problems(self, config: Document) -> list[str]:
        """Return what it says about a configuration."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._path.write_bytes(render(document.split(config)))
        self._process.stdin.write(f"{self._path}\n")
        self._process.stdin.flush()
        found: list[str] = json.loads(self._process.stdout.readline())
        return found


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Verifier]:
    with subprocess.Popen(
        [debian.PYTHON, "-c", VERIFIER],
        env={"PYTHONPATH": str(debian.LIBRARY), "PATH": os.environ["PATH"]},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Verifier(process, tmp_path_factory.mktemp("verify"))
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(debian.PATIENCE_S) == 0


def test_both_find_nothing_wrong_with_a_sound_configuration(reference: Verifier) -> None:
    assert reference.problems(sound()) == []
    assert verify.problems(document.split(sound())) == []


@pytest.mark.parametrize("name", BREAKAGES)
def test_what_the_reference_finds_is_found_here(reference: Verifier, name: str) -> None:
    wrong = sound()
    BREAKAGES[name].change(wrong)
    assert bool(reference.problems(wrong)) == BREAKAGES[name].by_reference
    assert verify.problems(document.split(wrong)) != []
