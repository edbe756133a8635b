"""What README.md says of settings, calls and opcodes is what the code does."""

import re
from pathlib import Path

from masterd import settings
from masterd.lu.registry import LOGICAL_UNITS

REPOSITORY = Path(__file__).parents[2]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def test_the_settings_are_listed_with_their_defaults() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\S+) \| (.+) \|$", README, re.MULTILINE)
    assert [f"{name} = {default}  # {about}" for name, default, about in rows] == (
        settings.describe()
    )


def test_the_opcodes_carried_out_are_those_with_a_logical_unit() -> None:
    paragraph = README.split("**Opcodes carried out**")[1].split("All 75")[0]
    named = set(re.findall(r"OP_[A-Z_]+[A-Z]", paragraph))
    named |= {f"OP_TAGS{suffix}" for suffix in re.findall(r"(?<!\w)_[A-Z]+", paragraph)}
    assert named == set(LOGICAL_UNITS)


def test_files_that_documents_lead_to_exist() -> None:
    for name in ("README.md", "CONTRIBUTING.md", "ARCHITECTURE.md"):
        text = (REPOSITORY / name).read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#:]+)\)", text):
            assert (REPOSITORY / target).exists(), f"{name}: {target}"


def test_commands_in_documents_exist() -> None:
    for name in ("README.md", "CONTRIBUTING.md"):
        text = (REPOSITORY / name).read_text(encoding="utf-8")
        for script in re.findall(r"(?<![\w/])scripts/(\w+)", text):
            assert (REPOSITORY / "scripts" / script).exists(), f"{name}: scripts/{script}"
