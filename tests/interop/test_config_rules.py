"""What Ganeti's own verification finds wrong with a configuration, ours finds wrong too.

Each rule is broken alone. Where Ganeti's Python part has no such rule (its wconfd has some of them,
others are ours), the table of breakages says so, and this test holds it to that.
"""

from collections.abc import Callable, Iterator
from typing import Final

import pytest

from masterd.config import document, verify
from masterd.config.render import render
from tests.broken_configs import BREAKAGES, sound
from tests.interop import debian
from tests.interop.library import library
from tests.sample_config import Document

pytestmark = debian.needs_ganeti

#: Verifies a file. Some breakages (a disk that is not there) end the verification with an error,
#: which says as much.
PROGRAM: Final = """
from ganeti import config, errors

def answer(path):
    writer = config.ConfigWriter(cfg_file=path, offline=True, accept_foreign=True)
    try:
        return writer.VerifyConfig()
    except (errors.GenericError, AttributeError, KeyError) as error:
        return [repr(error)]
"""

#: Returns what Ganeti's verification says about a configuration.
Verify = Callable[[Document], list[str]]


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Verify]:
    path = tmp_path_factory.mktemp("verify") / "config.data"
    with library(PROGRAM) as found:

        def problems(config: Document) -> list[str]:
            path.write_bytes(render(document.split(config)))
            told: list[str] = found.ask(str(path))
            return told

        yield problems


def test_both_find_nothing_wrong_with_a_sound_configuration(reference: Verify) -> None:
    assert reference(sound()) == []
    assert verify.problems(document.split(sound())) == []


@pytest.mark.parametrize("name", BREAKAGES)
def test_what_the_reference_finds_is_found_here(reference: Verify, name: str) -> None:
    wrong = sound()
    BREAKAGES[name].change(wrong)
    assert bool(reference(wrong)) == BREAKAGES[name].by_reference
    assert verify.problems(document.split(wrong)) != []
