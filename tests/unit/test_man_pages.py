"""The manual pages name what the programs know."""

import dataclasses
from pathlib import Path

from masterd.client import options
from masterd.settings import Settings

MAN = Path(__file__).parents[2] / "man"


def page(name: str) -> str:
    """Return a page's source with its escaped dashes as they read."""
    return (MAN / name).read_text().replace("\\-", "-")


def test_every_setting_stands_in_the_manual_with_its_default() -> None:
    text = page("ganeti-masterd.8")
    for item in dataclasses.fields(Settings):
        default = item.default
        shown = f"{default:g}" if isinstance(default, float) else str(default).lower()
        assert item.name in text
        assert f"({shown})" in text, f"{item.name}'s default is {shown}"


def test_every_command_and_option_of_gnt_job_stands_in_the_manual() -> None:
    text = page("gnt-job.8")
    for name, command in options.commands().items():
        assert f".SS {name}\n" in text
        for option in command.options:
            assert option.get_opt_string() in text, (name, option)
    for alias in options.ALIASES:
        assert f".BR {alias} ." in text
