"""The commands of `gnt-job`.

Each command is a function of the session and its options; what it prints and returns is Ganeti's.
Source: Ganeti 3.0.2 lib/client/gnt_job.py, lib/cli.py; luxi.json client_exit_codes.
"""

import json
import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from masterd.cli import version_text
from masterd.client import documents, info, options, selection
from masterd.client.failure import Failure, describe
from masterd.client.filter_text import FilterTextError
from masterd.client.follow import (
    PlainReporter,
    Reporter,
    SilentReporter,
    TerminalReporter,
    follow,
)
from masterd.client.session import MasterCaller, Session, ask_at_terminal
from masterd.client.table import NORMAL, Answer, field_table, job_table
from masterd.client.times import parse_age
from masterd.clock import SystemClock
from masterd.errors import (
    EXIT_CONFIRMATION,
    EXIT_FAILURE,
    EXIT_SUCCESS,
    ConfigurationError,
    ECode,
    GanetiError,
    JobLost,
    OpPrereqError,
)
from masterd.limits import CLIENT_ARCHIVE_S
from masterd.paths import Paths

_logger = logging.getLogger(__name__)

#: Age that AutoArchiveJobs takes for "all".
_AGE_ALL: Final = -1


# --- looking ------------------------------------------------------------------------------------


def list_jobs(session: Session, chosen: Any, arguments: Sequence[str]) -> int:
    """Print a table of jobs."""
    default = selection.CHEAP_FIELDS if chosen.json else selection.DEFAULT_FIELDS
    fields = selection.parse_fields(chosen.output, default)
    if chosen.archived and "archived" not in fields:
        # Asking for the field is what makes the daemon look into the archive.
        fields.append("archived")
    job_filter = selection.list_filter(
        arguments, force_filter=chosen.force_filter, statuses=chosen.statuses
    )
    answer = session.query(fields, job_filter)
    exit_code = session.warn_of_unknown_fields(answer)
    if chosen.json:
        _tell_json(session, [documents.with_times(each) for each in answer.as_objects()])
        return exit_code
    for line in job_table(
        answer, header=chosen.headers, separator=chosen.separator, verbose=chosen.verbose
    ):
        session.tell(line)
    return exit_code


def list_fields(session: Session, chosen: Any, arguments: Sequence[str]) -> int:
    """Print a table of the fields of jobs."""
    answer = Answer.from_wire(session.caller.call("QueryFields", "job", list(arguments) or None))
    exit_code = session.warn_of_unknown_fields(answer)
    for line in field_table(answer, header=chosen.headers, separator=chosen.separator):
        session.tell(line)
    return exit_code


def show_jobs(session: Session, chosen: Any, arguments: Sequence[str]) -> int:
    """Print everything about some jobs."""
    job_filter = selection.any_of("id", selection.parse_job_ids(arguments))
    answer = session.query(info.FIELDS, job_filter)
    if chosen.json:
        _tell_json(session, info.jobs_as_objects(answer))
    else:
        session.tell(info.describe_jobs(answer))
    return EXIT_SUCCESS


# --- waiting ------------------------------------------------------------------------------------


def watch_job(session: Session, chosen: Any, arguments: Sequence[str]) -> int:
    """Print a job's log as it comes, until the job ends."""
    if chosen.json:
        job_id = selection.parse_job_id(arguments[0])
        return _follow(session, job_id, documents.JsonReporter(job_id, session.output), json=True)
    title = f"Output from job {arguments[0]} follows"
    session.tell(title)
    session.tell("-" * len(title))
    job_id = selection.parse_job_id(arguments[0])
    plain = PlainReporter(job_id, session.output, session.errors)
    if session.errors.isatty():
        return _follow(session, job_id, _terminal(session, job_id, plain))
    return _follow(session, job_id, plain)


def wait_job(session: Session, chosen: Any, arguments: Sequence[str]) -> int:
    """Wait until a job ends; print nothing unless somebody sits at the terminal."""
    job_id = selection.parse_job_id(arguments[0])
    if chosen.json:
        return _follow(session, job_id, SilentReporter(), json=True)
    if session.errors.isatty():
        return _follow(session, job_id, _terminal(session, job_id, None))
    return _follow(session, job_id, SilentReporter())


def _terminal(session: Session, job_id: int, log: PlainReporter | None) -> TerminalReporter:
    return TerminalReporter(job_id, session.errors, session.clock, log)


def _follow(session: Session, job_id: int, reporter: Reporter, *, json: bool = False) -> int:
    text = None
    try:
        failure = follow(session.caller, job_id, reporter)
    except JobLost as error:
        failure = describe(error)
        if not _exists(session, job_id):
            text = info.not_found(job_id)
            failure = Failure(text, failure.exit_code)
    except GanetiError as error:
        failure = describe(error)
    if json:
        _tell_json(session, documents.ended(job_id, failure), indent=None)
    elif failure is not None:
        session.warn(text or f"Job {job_id} failed: {failure.text}")
    return EXIT_SUCCESS if failure is None else failure.exit_code


def _exists(session: Session, job_id: int) -> bool:
    """Tell whether there is a job with an id, in the archive too."""
    answer = session.query(["id", "status"], selection.any_of("id", [job_id]))
    return any(row[1][0] == NORMAL for row in answer.rows)


# --- changing -----------------------------------------------------------------------------------


def archive_jobs(session: Session, chosen: Any, arguments: Sequence[str]) -> int:
    """Archive some jobs; go on with the others where one is refused."""

    def archive(job_id: int) -> tuple[bool, str]:
        if session.caller.call("ArchiveJob", job_id):
            return True, f"Job {job_id} was archived"
        return False, f"Failed to archive job with ID '{job_id}'"

    done = []
    for each in _do_each(session, selection.parse_job_ids(arguments), archive):
        done.append(each)
        if not (each["success"] or chosen.json):
            session.warn(each["message"])
    return _outcome(session, chosen, done)


def auto_archive_jobs(session: Session, _chosen: Any, arguments: Sequence[str]) -> int:
    """Archive all finished jobs of an age."""
    age_s = _AGE_ALL if arguments[0] == "all" else parse_age(arguments[0])
    archived, left = session.caller.call("AutoArchiveJobs", age_s, CLIENT_ARCHIVE_S)
    session.tell(f"Archived {archived} jobs, {left} unchecked left")
    return EXIT_SUCCESS


def cancel_jobs(session: Session, chosen: Any, arguments: Sequence[str]) -> int:
    """Cancel jobs, or end running ones."""
    if chosen.kill and not chosen.yes_do_it:
        raise OpPrereqError("The --kill option must be confirmed with --yes-do-it", ECode.INVAL)
    word = "KILL" if chosen.kill else "Cancel"
    return _change_each(
        session,
        chosen,
        arguments,
        question=f"{word} job(s) listed above?",
        change=lambda job_id: session.caller.call("CancelJob", job_id, chosen.kill),
    )


def change_priority(session: Session, chosen: Any, arguments: Sequence[str]) -> int:
    """Give jobs another priority."""
    if chosen.priority is None:
        session.warn("--priority option must be given.")
        return EXIT_FAILURE
    priority = options.PRIORITIES[chosen.priority]
    return _change_each(
        session,
        chosen,
        arguments,
        question="Change priority of job(s) listed above?",
        change=lambda job_id: session.caller.call("ChangeJobPriority", job_id, priority),
    )


def _change_each(
    session: Session,
    chosen: Any,
    arguments: Sequence[str],
    *,
    question: str,
    change: Callable[[int], tuple[bool, str]],
) -> int:
    """Apply a change to jobs given by id, or by status after a confirmation."""
    if bool(arguments) == (chosen.statuses is not None):
        raise OpPrereqError(
            "Either a status filter or job ID(s) must be specified and never both", ECode.INVAL
        )
    if chosen.statuses is None:
        job_ids = selection.parse_job_ids(arguments)
    else:
        answer = session.query(selection.DEFAULT_FIELDS, selection.status_filter(chosen.statuses))
        job_ids = [row[0][1] for row in answer.rows]
        if not job_ids:
            raise OpPrereqError("No jobs with the requested status have been found", ECode.STATE)
        if not chosen.force:
            if chosen.json:
                raise OpPrereqError(
                    "--json with a status filter needs --force: nothing can be asked", ECode.INVAL
                )
            for line in job_table(answer, header=True):
                session.tell(line)
            if not session.ask(question):
                return EXIT_CONFIRMATION
    done = []
    for each in _do_each(session, job_ids, change):
        done.append(each)
        if not chosen.json:
            session.tell(each["message"])
    return _outcome(session, chosen, done)


def _do_each(
    session: Session, job_ids: Sequence[int], change: Callable[[int], tuple[bool, str]]
) -> Iterator[dict[str, Any]]:
    """Apply a change to jobs; give what became of each as soon as it is known."""
    for job_id in job_ids:
        success, message = change(job_id)
        if not success and not _exists(session, job_id):
            message = info.not_found(job_id)
        yield {"id": job_id, "success": success, "message": message}


def _outcome(session: Session, chosen: Any, done: Sequence[Mapping[str, Any]]) -> int:
    """Tell what became of all jobs where that is wanted; return the exit code."""
    if chosen.json:
        _tell_json(session, done)
    return EXIT_SUCCESS if all(each["success"] for each in done) else EXIT_FAILURE


def _tell_json(session: Session, document: object, *, indent: int | None = 2) -> None:
    session.tell(json.dumps(document, indent=indent))


_FUNCTIONS: Final[Mapping[str, Callable[[Session, Any, Sequence[str]], int]]] = {
    "archive": archive_jobs,
    "autoarchive": auto_archive_jobs,
    "cancel": cancel_jobs,
    "change-priority": change_priority,
    "info": show_jobs,
    "list": list_jobs,
    "list-fields": list_fields,
    "wait": wait_job,
    "watch": watch_job,
}


# --- the program --------------------------------------------------------------------------------


def run(arguments: Sequence[str], session: Session) -> int:
    """Carry out one command line (without the program's name); return the exit code.

    Raises:
        SystemExit: after `--help` of a command, or an unknown option.
    """
    if arguments and arguments[0] == "--version":
        session.tell(version_text(options.PROGRAM))
        return EXIT_SUCCESS
    known = options.commands()
    name = options.ALIASES.get(arguments[0], arguments[0]) if arguments else ""
    if name not in known:
        session.tell("\n".join(options.usage()))
        return EXIT_SUCCESS if name == "--help" else EXIT_FAILURE
    chosen, rest = options.parse(name, known[name], arguments[1:])
    complaint = options.complain_about_count(name, known[name], len(rest))
    if complaint is not None:
        session.warn(complaint)
        return EXIT_FAILURE
    logging.basicConfig(
        level=logging.DEBUG if chosen.debug else logging.WARNING, stream=session.errors
    )
    _logger.debug("Command %s, arguments %s", name, rest)
    try:
        return _FUNCTIONS[name](session, chosen, rest)
    except (GanetiError, FilterTextError) as error:
        failure = describe(error)
        session.warn(failure.text)
        return failure.exit_code
    except KeyboardInterrupt:
        session.warn(
            "Aborted. Note that if the operation created any jobs, they might have been submitted"
            " and will continue to run in the background."
        )
        return EXIT_FAILURE


def main() -> int:
    """Run `gnt-job` with the process's arguments; return its exit code."""
    try:
        caller = MasterCaller(
            Paths.from_environment(os.environ),
            waiting=lambda text: print(text, file=sys.stderr, flush=True),
        )
        session = Session(caller, sys.stdout, sys.stderr, SystemClock(), ask_at_terminal)
        return run(sys.argv[1:], session)
    except ConfigurationError as error:
        print(describe(error).text, file=sys.stderr)
        return EXIT_FAILURE
    except BrokenPipeError:
        # Our reader went away; nothing more can be told, and Python must not try at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILURE
    except OSError as error:
        # What goes wrong on the way to the master is told by `run`: this is the output, on a full
        # disk. What could not be written must not be tried again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        print(f"gnt-job: cannot write the output: {error.strerror or error}", file=sys.stderr)
        return EXIT_FAILURE


if __name__ == "__main__":
    sys.exit(main())
