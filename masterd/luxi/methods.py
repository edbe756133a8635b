"""The 25 LUXI methods: what each takes, and how a wrong request is refused.

A request that cannot be read is answered in the reference's words, because people search for them;
the texts were observed on a running 3.0.2 luxid. Clients of the 2.x line send a single argument
bare instead of in a list, and know `QueryLocks`; both are accepted. Source: luxi.json, methods and
era_2_2_methods.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from masterd.errors import LuxiParseError
from masterd.filter.text import show_json
from masterd.luxi import calls, checks
from masterd.luxi.checks import RefusedError, UnreadableError, each, null_as_empty, nullable
from masterd.luxi.messages import Request

#: How a wrong number of arguments is called.
_TUPLES: Final = ("list", "1 tuple", "Pair", "Triple", "Quadruple", "Tuple5")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument."""

    name: str
    read: Callable[[object], object]
    #: Errors show this argument alone instead of the whole list.
    own_text: bool = False


@dataclass(frozen=True, slots=True)
class Method:
    """One method; `forms` are its argument lists, tried in order."""

    name: str
    make: Callable[..., calls.Call]
    forms: tuple[tuple[Parameter, ...], ...]
    #: Whether the arguments are a bare single one, as 2.x clients send it.
    bare: Callable[[object], bool] | None = None
    #: Instead of "Cannot convert value ...": how every refusal begins.
    prefix: str | None = None
    #: The whole argument list is ignored.
    no_arguments: bool = False

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The longest argument list."""
        return self.forms[0]


def check(request: Request) -> calls.Call:
    """Return the call a request means.

    Raises:
        LuxiParseError: the method does not exist or its arguments cannot be read.
    """
    method = METHODS.get(request.method)
    if method is None:
        raise LuxiParseError(
            "Unable to parse LUXI request method: Invalid string value for type LuxiReq:"
            f" {show_json(request.method)}"
        )
    if method.no_arguments:
        return method.make()
    args = request.args
    if method.bare is not None and method.bare(args):
        args = [args]
    refusals = []
    for form in method.forms:
        try:
            return method.make(*_read(method, form, args))
        except UnreadableError as err:
            refusals.append(str(err))
    raise LuxiParseError("; ".join(refusals))


def _read(method: Method, form: Sequence[Parameter], args: object) -> list[object]:
    """Read the arguments of one form; the error is worded for the client."""
    if not isinstance(args, list) or len(args) != len(form):
        alone = len(form) == 1 and len(method.forms) == 1
        expected = "list" if alone and not isinstance(args, list) else _TUPLES[len(form)]
        if method.prefix is not None and len(form) > 1:
            raise UnreadableError(f"{method.prefix}Not enough values")
        raise _unreadable(None, args, f"Unable to read {expected}")
    values = []
    for parameter, value in zip(form, args, strict=True):
        try:
            values.append(parameter.read(value))
        except RefusedError:
            raise
        except UnreadableError as err:
            shown = value if parameter.own_text else args
            raise _unreadable(method.prefix, shown, str(err)) from None
    return values


def _unreadable(prefix: str | None, shown: object, text: str) -> UnreadableError:
    if prefix is None:
        prefix = f"Cannot convert value '{show_json(shown)}', error: "
    return UnreadableError(prefix + text)


def _bare_job_id(args: object) -> bool:
    return isinstance(args, int | str) and not isinstance(args, bool)


def _bare_flag(args: object) -> bool:
    return isinstance(args, bool)


def _bare_texts(args: object) -> bool:
    return isinstance(args, list) and bool(args) and all(isinstance(arg, str) for arg in args)


def _bare_ops(args: object) -> bool:
    """Whether this is a job itself: opcodes where its only argument would be a list of them."""
    return isinstance(args, list) and bool(args) and all(isinstance(arg, dict) for arg in args)


def _bare_jobs(args: object) -> bool:
    return isinstance(args, list) and bool(args) and all(_bare_ops(arg) for arg in args)


def _replace_filter(
    uuid: str | None,
    priority: int,
    predicates: tuple[calls.FilterPredicate, ...],
    action: tuple[checks.Action, int | None],
    reason: tuple[tuple[str, str, int], ...],
) -> calls.ReplaceFilter:
    return calls.ReplaceFilter(uuid, priority, predicates, *action, reason)


def _p(name: str, read: Callable[[Any], object], own_text: bool = False) -> Parameter:
    return Parameter(name, read, own_text)


_TEXTS: Final = each(checks.text)
_FIELDS: Final = _p("fields", _TEXTS)
_JOB: Final = _p("job", checks.job_id)
_CLASSIC: Final = (_p("names", _TEXTS), _FIELDS, _p("lock", checks.flag))


def _submission(make: Callable[..., calls.Call]) -> Method:
    name = make.__name__
    ops = _p("job", checks.submitted(name, checks.op_document))
    return Method(name, make, ((ops,),), _bare_ops)


def _classic(make: Callable[..., calls.Call]) -> Method:
    return Method(make.__name__, make, (_CLASSIC,))


def _simple(
    make: Callable[..., calls.Call],
    *parameters: Parameter,
    bare: Callable[[object], bool] | None = None,
) -> Method:
    return Method(make.__name__, make, (parameters,), bare)


_TABLE: Final = (
    _simple(calls.Query, _p("what", checks.resource), _FIELDS, _p("qfilter", checks.query_filter)),
    _simple(
        calls.QueryFields,
        _p("what", checks.resource),
        _p("fields", null_as_empty(_TEXTS), own_text=True),
    ),
    _classic(calls.QueryNodes),
    _classic(calls.QueryGroups),
    _classic(calls.QueryNetworks),
    _classic(calls.QueryInstances),
    _simple(calls.QueryFilters, _p("uuids", nullable(_TEXTS), own_text=True), _FIELDS),
    Method(
        "ReplaceFilter",
        _replace_filter,
        (
            (
                _p("uuid", nullable(checks.text)),
                _p("priority", checks.not_negative),
                _p("predicates", each(checks.predicate)),
                _p("action", checks.action),
                _p("reason", each(checks.reason_entry)),
            ),
        ),
    ),
    _simple(calls.DeleteFilter, _p("uuid", checks.text)),
    _simple(calls.QueryJobs, _p("ids", null_as_empty(each(checks.job_id)), own_text=True), _FIELDS),
    _simple(calls.QueryExports, _p("nodes", _TEXTS), _p("lock", checks.flag)),
    _simple(calls.QueryConfigValues, _FIELDS, bare=_bare_texts),
    Method("QueryClusterInfo", calls.QueryClusterInfo, ((),), no_arguments=True),
    _simple(calls.QueryTags, _p("kind", checks.tag_kind), _p("name", checks.text)),
    _submission(calls.SubmitJob),
    _submission(calls.SubmitJobToDrainedQueue),
    Method(
        "SubmitManyJobs",
        calls.SubmitManyJobs,
        ((_p("ops", checks.submitted("SubmitManyJobs", each(checks.op_document))),),),
        _bare_jobs,
    ),
    Method(
        "WaitForJobChange",
        calls.WaitForJobChange,
        (
            (
                _JOB,
                _FIELDS,
                _p("prev_job", checks.anything),
                _p("prev_log", checks.log_serial),
                _p("tmout", checks.whole),
            ),
        ),
        prefix="Parsing WaitForJobChange message: ",
    ),
    _simple(calls.PickupJob, _JOB, bare=_bare_job_id),
    _simple(calls.ArchiveJob, _JOB, bare=_bare_job_id),
    _simple(calls.AutoArchiveJobs, _p("age", checks.whole), _p("tmout", checks.whole)),
    Method(
        "CancelJob",
        calls.CancelJob,
        ((_JOB, _p("kill", checks.flag)), (_JOB,)),
        _bare_job_id,
    ),
    _simple(calls.ChangeJobPriority, _JOB, _p("priority", checks.whole)),
    _simple(calls.SetDrainFlag, _p("flag", checks.flag), bare=_bare_flag),
    _simple(calls.SetWatcherPause, _p("duration", checks.pause_end)),
    # Only clients of the 2.x line.
    _simple(calls.QueryLocks, _FIELDS, _p("sync", checks.flag)),
)

#: Every method by its name on the wire.
METHODS: Final[Mapping[str, Method]] = {method.name: method for method in _TABLE}
