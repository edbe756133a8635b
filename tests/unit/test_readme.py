"""What README.md says of settings, calls and opcodes is what the code does."""

import re
from pathlib import Path

from masterd import settings

REPOSITORY = Path(__file__).parents[2]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def test_the_settings_are_listed_with_their_defaults() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\S+) \| (.+) \|$", README, re.MULTILINE)
    assert [f"{name} = {default}  # {about}" for name, default, about in rows] == (
        settings.describe()
    )


def test_what_holds_jobs_back_is_named() -> None:
    paragraph = " ".join(README.split("**Calls answered**")[1].split("**Opcodes**")[0].split())
    assert "take effect on queued jobs at once" in paragraph
    assert "`rate-limit:N:label`" in paragraph


def test_files_that_documents_lead_to_exist() -> None:
    for name in ("README.md", "CONTRIBUTING.md", "ARCHITECTURE.md"):
        text = (REPOSITORY / name).read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#:]+)\)", text):
            assert (REPOSITORY / target).exists(), f"{name}: {target}"


def test_commands_in_documents_exist() -> None:
    for name in ("README.md", "CONTRIBUTING.md"):
        text = (REPOSITORY / name).read_text(encoding="utf-8")
        for script in re.findall(r"(?<![\w/])scripts/([\w-]+)", text):
            assert (REPOSITORY / "scripts" / script).exists(), f"{name}: scripts/{script}"
