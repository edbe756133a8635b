"""The command line of `gnt-job`: its commands, their options and arguments.

Options come before arguments, as in all of Ganeti's commands. Help and complaints look like
Ganeti's. Source: Ganeti 3.0.2 lib/cli.py, lib/client/gnt_job.py.
"""

import optparse
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from masterd.client.selection import DEFAULT_FIELDS, FINISHED, PENDING
from masterd.job.status import JobStatus

PROGRAM: Final = "gnt-job"

#: Words of `--priority`. Source: constants.json OP_PRIO_LOW, OP_PRIO_NORMAL, OP_PRIO_HIGH.
PRIORITIES: Final[Mapping[str, int]] = {"low": 10, "normal": 0, "high": -10}


def _option(*names: str, help: str, **settings: Any) -> optparse.Option:
    return optparse.Option(*names, help=help, **settings)


def _flag(*names: str, dest: str, help: str) -> optparse.Option:
    return _option(*names, dest=dest, help=help, action="store_true", default=False)


def _statuses(name: str, statuses: frozenset[JobStatus], help: str) -> optparse.Option:
    return _option(name, dest="statuses", help=help, action="store_const", const=statuses)


def _no_headers() -> optparse.Option:
    return _option(
        "--no-headers",
        dest="headers",
        action="store_false",
        default=True,
        help="Don't display column headers",
    )


def _separator() -> optparse.Option:
    return _option(
        "--separator",
        dest="separator",
        help="Separator between output fields (defaults to one space)",
    )


def _json() -> optparse.Option:
    return _flag("--json", dest="json", help="Print one JSON document instead of text")


def _force() -> optparse.Option:
    return _flag("-f", "--force", dest="force", help="Force the operation")


def _not_started() -> list[optparse.Option]:
    return [
        _statuses("--pending", PENDING, "Select jobs pending execution or being cancelled"),
        _statuses("--queued", frozenset({JobStatus.QUEUED}), "Select queued jobs only"),
        _statuses("--waiting", frozenset({JobStatus.WAITING}), "Select waiting jobs only"),
    ]


def _list_options() -> list[optparse.Option]:
    return [
        _no_headers(),
        _separator(),
        _option(
            "-o",
            "--output",
            dest="output",
            metavar="FIELDS",
            help="Comma separated list of output fields",
        ),
        _flag("-v", "--verbose", dest="verbose", help="Increase the verbosity of the operation"),
        _flag(
            "-F",
            "--filter",
            dest="force_filter",
            help="Whether command argument should be treated as filter",
        ),
        _statuses("--pending", PENDING, "Select jobs pending execution or being cancelled"),
        _statuses("--running", frozenset({JobStatus.RUNNING}), "Show jobs currently running only"),
        _statuses("--error", frozenset({JobStatus.ERROR}), "Show failed jobs only"),
        _statuses("--finished", FINISHED, "Show finished jobs only"),
        _flag(
            "--archived",
            dest="archived",
            help="Include archived jobs in list (slow and expensive)",
        ),
        _json(),
    ]


def _cancel_options() -> list[optparse.Option]:
    return [
        _force(),
        _flag("--kill", dest="kill", help="Kill running jobs with SIGKILL"),
        *_not_started(),
        _flag("--yes-do-it", "--ya-rly", dest="yes_do_it", help="Really use --kill"),
        _json(),
    ]


def _priority_options() -> list[optparse.Option]:
    priority = _option(
        "--priority",
        dest="priority",
        type="choice",
        choices=list(PRIORITIES),
        metavar="|".join(PRIORITIES),
        help="Priority for opcode processing",
    )
    return [priority, _force(), *_not_started(), _json()]


@dataclass(frozen=True, slots=True)
class Command:
    """One command: what may stand behind it and what it does."""

    usage: str
    description: str
    options: Sequence[optparse.Option]
    arguments_min: int = 0
    #: None: any number.
    arguments_max: int | None = None


_JOBS: Final = "<job-id> [<job-id>...]"
_SELECTED: Final = "{--pending | --queued | --waiting} | <job-id> [<job-id>...]}"


def commands() -> Mapping[str, Command]:
    """Return all commands by name; the options belong to the caller."""
    return {
        "archive": Command(_JOBS, "Archive specified jobs", [_json()], 1),
        "autoarchive": Command("<age>", "Auto archive jobs older than the given age", [], 1, 1),
        "cancel": Command(
            f"{{[--force] [--kill --yes-do-it] {_SELECTED}", "Cancel jobs", _cancel_options()
        ),
        "change-priority": Command(
            f"--priority <priority> {{[--force] {_SELECTED}",
            "Change the priority of jobs",
            _priority_options(),
        ),
        "info": Command(_JOBS, "Show detailed information about the specified jobs", [_json()], 1),
        "list": Command(
            "[<job-id>...]",
            "Lists the jobs and their status. The available fields can be shown using the"
            ' "list-fields" command (see the man page for details). The default field list is (in'
            f" order): {', '.join(DEFAULT_FIELDS)}.",
            _list_options(),
        ),
        "list-fields": Command(
            "[<fields>...]", "Lists all available fields for jobs", [_no_headers(), _separator()]
        ),
        "wait": Command("<job-id>", "Wait for a job to finish", [_json()], 1, 1),
        "watch": Command(
            "<job-id>", "Follows a job and prints its output as it arrives", [_json()], 1, 1
        ),
    }


#: Other names of commands.
ALIASES: Final[Mapping[str, str]] = {"show": "info"}


def parse(name: str, command: Command, arguments: Sequence[str]) -> tuple[Any, list[str]]:
    """Return a command's options and arguments.

    Raises:
        SystemExit: after `--help`, or with 2 after options that are unknown or exclude each other.
    """
    common = [
        _option("-d", "--debug", action="count", default=0, help="Increase debugging level"),
        _option("--reason", help="The reason for executing the command"),
    ]
    parser = optparse.OptionParser(
        option_list=[*command.options, *common],
        description=command.description,
        formatter=optparse.TitledHelpFormatter(),
        usage=f"%prog {name} {command.usage}",
        prog=PROGRAM,
    )
    parser.disable_interspersed_args()
    chosen, rest = parser.parse_args(list(arguments))
    if getattr(chosen, "json", False) and getattr(chosen, "separator", None) is not None:
        parser.error("options --json and --separator exclude each other")
    return chosen, rest


def complain_about_count(name: str, command: Command, count: int) -> str | None:
    """Return what is wrong with the number of arguments, or None."""
    low, high = command.arguments_min, command.arguments_max
    if high is not None and low == high and count != low:
        return f"Error: Command {name} expects {low} argument(s)"
    if count < low:
        return f"Error: Command {name} expects at least {low} argument(s)"
    return None


def usage() -> list[str]:
    """Return the overview of all commands."""
    known = commands()
    width = max(map(len, known))
    lines = [
        f"Usage: {PROGRAM} {{command}} [options...] [argument...]",
        f"{PROGRAM} <command> --help to see details, or man {PROGRAM}",
        "",
        "Commands:",
    ]
    for name in sorted(known):
        first, *rest = textwrap.wrap(known[name].description, 76 - width)
        lines.append(f" {name:<{width}} - {first}")
        lines.extend(f" {'':<{width}}   {line}" for line in rest)
    return [*lines, ""]
