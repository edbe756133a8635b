"""The command `scripts/migrate`, which `python -m migrations` is too.

Results go to standard output, what happens meanwhile to standard error.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from migrations import runner
from migrations.backup import BackupError
from migrations.legacy import config_data, queue_dir
from migrations.legacy.config_data import ConfigDataRefusedError
from migrations.legacy.config_downgrade import TARGETS, downgrade
from migrations.legacy.config_versions import CURRENT, NEXT, version_text
from migrations.legacy.config_work import ConfigFormError
from migrations.legacy.job_file import Summary, default_summary
from migrations.legacy.queue_dir import QueueRefusedError, Supported
from migrations.registry import STEPS
from migrations.runner import MigrationError, StepFailedError
from migrations.step import Irreversible, Step
from store.errors import StoreBusy, StoreError
from store.store import Store

DATA_DIR: Final = Path("var/lib/ganeti")
STORE: Final = "masterd-store"
QUEUE: Final = "queue"
CONFIG: Final = "config.data"
BACKUPS: Final = "masterd-store-backups"

#: Versions whose forms `config` writes, the newest first.
_FORMS: Final = (NEXT, *sorted(TARGETS, reverse=True))

EXIT_DONE: Final = 0
EXIT_FAILED: Final = 1
EXIT_PENDING: Final = 3

#: Microseconds since the epoch.
Now = Callable[[], int]

#: Returns what the daemon would say against a document in a form that it speaks.
ReadConfig = Callable[[Mapping[str, object]], list[str]]

DESCRIPTION: Final = """\
Bring the store of ganeti-masterd to the form this release reads, or back to an older one; take over
the job queue that another master daemon left; bring a configuration to another release's form.

Commands:
  status      where the store stands, and which steps are pending (a daemon may be running)
  up          take the pending steps, each in one transaction, after a backup of the whole store
  down        go back, by default one version, after a backup
  take-over   put the jobs of a Ganeti queue directory into a store without jobs: live ones, the
              archive, the last id given out, and the drain flag; the directory is only read.
              ganeti-masterd does the same by itself at its first start. A directory with a live
              job that cannot be read, or could not be carried out, is refused whole, with the list
              of reasons; unreadable files in the archive are told. What was cut off goes
              on where it was when the command is given again.
  config      write a config.data of Ganeti 2.7 to 3.1 in the form of 3.1, 3.0 or 2.16; the file is
              only read. ganeti-masterd takes over any of them by itself at its first start."""

EPILOG: Final = """\
All but status and config need ganeti-masterd to be stopped.

Exit status: 0 when it was done (status: nothing is pending), 1 when it was refused or failed,
2 when the command is not understood, 3 when status finds pending steps."""


class _RefusedError(Exception):
    """The command asks for something else than it says."""


@dataclass(slots=True)
class _Command:
    """One run of the command."""

    options: argparse.Namespace
    now_us: Now
    summary: Summary
    supported: Supported
    read_config: ReadConfig
    steps: Sequence[Step]
    data_dir: Path = field(init=False)
    store_path: Path = field(init=False)

    def __post_init__(self) -> None:
        self.data_dir = self.options.data_dir or self.options.root / DATA_DIR
        self.store_path = self.data_dir / STORE

    def status(self) -> int:
        found = runner.status(self.store_path, steps=self.steps)
        pending = [{"version": step.version, "name": step.name} for step in found.pending]
        lines = [
            f"the store in {self.store_path} has version {found.version}; "
            f"this release reads {found.newest}",
            *(f"pending: {step.version} {step.name}{_way_back(step)}" for step in found.pending),
        ]
        self._result({"version": found.version, "newest": found.newest, "pending": pending}, *lines)
        return EXIT_PENDING if found.pending else EXIT_DONE

    def up(self) -> int:
        version = self._version()
        wanted = self.steps[-1].version if self.options.to is None else self.options.to
        if wanted < version:
            raise _RefusedError(f"the store has version {version}; 'down' leads to {wanted}")
        return self._migrate(wanted)

    def down(self) -> int:
        version = self._version()
        wanted = version - 1 if self.options.to is None else self.options.to
        if wanted > version:
            raise _RefusedError(f"the store has version {version}; 'up' leads to {wanted}")
        return self._migrate(wanted)

    def take_over(self) -> int:
        if not self.data_dir.is_dir():
            raise _RefusedError(f"there is no directory {self.data_dir}")
        directory = (self.options.queue_dir or self.data_dir / QUEUE).absolute()
        if not directory.is_dir():
            # Looked at before the store is opened, which would make one.
            raise QueueRefusedError(directory, ["it is not a directory"])
        store = Store.open(self.store_path)
        try:
            report = queue_dir.takeover(
                store,
                directory,
                now_us=self.now_us(),
                summary=self.summary,
                progress=lambda what, done, of: self._tell(f"{what}: {done} of {of} jobs"),
                told=self._tell,
                supported=self.supported,
            )
        finally:
            store.close()
        hints = []
        if directory.resolve() != (self.data_dir / QUEUE).resolve():
            hints.append(
                f"{self.data_dir / QUEUE} has no files of these jobs yet; "
                "'ganeti-exporter rebuild --archive' writes them"
            )
        self._result(
            {"queue_dir": str(directory), **asdict(report), "hints": hints},
            f"took over {directory}: {report}",
            *hints,
        )
        return EXIT_DONE

    def config(self) -> int:
        path = self.options.file or self.options.source or self.data_dir / CONFIG
        form: int = self.options.form
        # Only what has a place in 3.0 goes back further.
        found = config_data.read(path, wanted=NEXT if form == NEXT else CURRENT)
        problems = self.read_config(found.document)
        if problems:
            raise ConfigDataRefusedError(path, problems)
        document, notes = found.document, found.notes
        if form != found.version:
            converted = downgrade(dict(document), form)
            document, notes = converted.document, (*notes, *converted.notes)
        for note in notes:
            self._tell(note)
        content = json.dumps(document, separators=(",", ":"), sort_keys=True) + "\n"
        if self.options.output is None:
            if self.options.json:
                raise _RefusedError("--json needs --output")
            sys.stdout.write(content)
            return EXIT_DONE
        _write_new(self.options.output, content)
        was, now = (version_text(v) for v in (found.found_version, form))
        self._result(
            {"from": str(path), "before": was, "after": now, "notes": notes},
            f"{path}, which has the form of Ganeti {was}, is in that of {now} in"
            f" {self.options.output}",
        )
        return EXIT_DONE

    def _version(self) -> int:
        return runner.status(self.store_path, steps=self.steps).version

    def _migrate(self, wanted: int) -> int:
        report = runner.migrate(
            self.store_path,
            wanted,
            backup_dir=self.options.backup_dir or self.data_dir / BACKUPS,
            now_us=self.now_us(),
            steps=self.steps,
            told=self._tell,
        )
        kept = None if report.backup is None else str(report.backup)
        if kept is None:
            text = f"the store has version {report.after} already; nothing was done"
        else:
            text = f"version {report.before} became {report.after}; the store as it was: {kept}"
        self._result({"before": report.before, "after": report.after, "backup": kept}, text)
        return EXIT_DONE

    def _tell(self, text: str) -> None:
        if not self.options.quiet:
            print(text, file=sys.stderr, flush=True)

    def _result(self, document: dict[str, Any], *lines: str) -> None:
        if self.options.json:
            print(json.dumps({"ok": True, **document}))
        else:
            print(*lines, sep="\n")


def main(
    arguments: Sequence[str] | None = None,
    *,
    now_us: Now,
    program: str = "migrate",
    environment_root: str = "",
    summary: Summary = default_summary,
    supported: Supported = lambda _op_id: True,
    read_config: ReadConfig = lambda _document: [],
    form: int = CURRENT,
    steps: Sequence[Step] = STEPS,
) -> int:
    """Run the command; return its exit code.

    Args:
        program: what the command is called.
        environment_root: what stands in GANETI_ROOTDIR.
        summary: makes the short text that lists show of an opcode taken over.
        supported: tells whether an opcode can be carried out.
        read_config: reads a configuration as the daemon does, and returns what is wrong with it.
        form: of the configuration, where the arguments name none.
        steps: the migration steps, oldest first.
    """
    options = _parser(program, environment_root, form).parse_args(arguments)
    command = _Command(options, now_us, summary, supported, read_config, steps)
    actions: dict[str, Callable[[], int]] = {
        "status": command.status,
        "up": command.up,
        "down": command.down,
        "take-over": command.take_over,
        "config": command.config,
    }
    failed = partial(_failed, program, options)
    try:
        return actions[options.action]()
    except QueueRefusedError as error:
        return failed(f"{error.directory} cannot be taken over:", error.reasons)
    except ConfigDataRefusedError as error:
        return failed(f"{error.path} cannot be converted:", error.reasons)
    except ConfigFormError as error:
        return failed("it cannot be given back in that form:", error.reasons)
    except StoreBusy as error:
        return failed(f"{error}; stop ganeti-masterd first")
    except (
        _RefusedError,
        MigrationError,
        BackupError,
        StepFailedError,
        StoreError,
        OSError,
    ) as error:
        return failed(str(error))


def _failed(
    program: str, options: argparse.Namespace, text: str, reasons: Sequence[str] = ()
) -> int:
    print("\n  ".join([f"{program}: {text}", *reasons]), file=sys.stderr)
    if options.json:
        print(json.dumps({"ok": False, "error": text.rstrip(":"), "reasons": list(reasons)}))
    return EXIT_FAILED


def _way_back(step: Step) -> str:
    return " (there is no way back)" if isinstance(step.down, Irreversible) else ""


def _write_new(path: Path, content: str) -> None:
    """Write a file that is not there yet, readable by its owner only: it holds secrets."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)


def _form(text: str) -> int:
    forms = {version_text(form): form for form in _FORMS}
    if text not in forms:
        raise argparse.ArgumentTypeError(f"'{text}' is none of {', '.join(forms)}")
    return forms[text]


def _version_number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"'{text}' is not the number of a version")
    return int(text)


def _common(environment_root: str) -> argparse.ArgumentParser:
    """Return the options of all commands: where the data are, and how to tell."""
    common = argparse.ArgumentParser(add_help=False)
    place = common.add_mutually_exclusive_group()
    place.add_argument(
        "--root",
        metavar="DIR",
        type=Path,
        default=Path(environment_root or "/"),
        help="root of a virtual cluster's node (default: $GANETI_ROOTDIR, or /)",
    )
    place.add_argument(
        "--data-dir",
        metavar="DIR",
        type=Path,
        help="Ganeti's data directory (default: ROOT/var/lib/ganeti)",
    )
    common.add_argument("--json", action="store_true", help="the result as one JSON object")
    common.add_argument("--quiet", action="store_true", help="no lines about the progress")
    return common


def _parser(program: str, environment_root: str, form: int) -> argparse.ArgumentParser:
    common = _common(environment_root)
    parser = argparse.ArgumentParser(
        prog=program,
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="COMMAND")
    actions.add_parser("status", parents=[common], help="say where the store stands")
    for name, text in (
        ("up", "bring the store to a newer version"),
        ("down", "take the store back to an older version"),
    ):
        action = actions.add_parser(name, parents=[common], help=text)
        default = "the newest" if name == "up" else "one version back"
        action.add_argument(
            "--to", metavar="N", type=_version_number, help=f"wanted version (default: {default})"
        )
        action.add_argument(
            "--backup-dir",
            metavar="DIR",
            type=Path,
            help=f"where the backup goes (default: {BACKUPS} in the data directory)",
        )
    action = actions.add_parser("take-over", parents=[common], help="take over a job queue")
    action.add_argument(
        "--queue-dir",
        metavar="DIR",
        type=Path,
        help=f"the queue directory (default: {QUEUE} in the data directory)",
    )
    action = actions.add_parser("config", parents=[common], help="convert a config.data")
    _add_config(action, form)
    return parser


def _add_config(action: argparse.ArgumentParser, form: int) -> None:
    """Add what says which configuration is converted, to which form, and where it goes."""
    source = action.add_mutually_exclusive_group()
    source.add_argument(
        "file",
        metavar="FILE",
        type=Path,
        nargs="?",
        help=f"the file (default: {CONFIG} in the data directory)",
    )
    source.add_argument("--from", dest="source", metavar="FILE", type=Path, help="the same")
    action.add_argument(
        "--form",
        "--to",
        metavar="X.Y",
        type=_form,
        default=form,
        help=f"{', '.join(map(version_text, _FORMS))} (default: {version_text(form)}, by what"
        " is installed)",
    )
    action.add_argument(
        "--output", metavar="FILE", type=Path, help="a new file (default: standard output)"
    )
