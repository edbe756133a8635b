"""The method table: all forms a request may have. Refusals: tests/conformance/test_luxi_wire.py."""

import dataclasses

import pytest

from masterd.errors import LuxiParseError
from masterd.filter.language import EVERYTHING, Equal
from masterd.luxi import calls
from masterd.luxi.messages import Request
from masterd.luxi.methods import METHODS, check

_OP = {"OP_ID": "OP_TEST_DELAY", "duration": 0.5, "reason": []}

_MEANINGS: list[tuple[str, object, calls.Call]] = [
    ("Query", ["job", ["id"], None], calls.Query("job", ("id",), EVERYTHING)),
    ("Query", ["node", [], ["=", "name", "x"]], calls.Query("node", (), Equal("name", "x"))),
    ("QueryFields", ["job", None], calls.QueryFields("job", ())),
    ("QueryFields", ["job", ["id"]], calls.QueryFields("job", ("id",))),
    ("QueryNodes", [["n"], ["name"], False], calls.QueryNodes(("n",), ("name",), False)),
    ("QueryGroups", [[], ["name"], True], calls.QueryGroups((), ("name",), True)),
    ("QueryNetworks", [[], [], False], calls.QueryNetworks((), (), False)),
    ("QueryInstances", [[], ["name"], False], calls.QueryInstances((), ("name",), False)),
    ("QueryLocks", [["name"], False], calls.QueryLocks(("name",), False)),
    ("QueryFilters", [None, ["uuid"]], calls.QueryFilters(None, ("uuid",))),
    ("QueryFilters", [["u"], ["uuid"]], calls.QueryFilters(("u",), ("uuid",))),
    (
        "ReplaceFilter",
        [None, 3, [["jobid", ["=", "id", 5]]], ["RATE_LIMIT", 2], [["a", "b", 1]]],
        calls.ReplaceFilter(
            None,
            3,
            (calls.FilterPredicate("jobid", Equal("id", 5), ["==", "id", 5]),),
            "RATE_LIMIT",
            2,
            (("a", "b", 1),),
        ),
    ),
    (
        "ReplaceFilter",
        ["u", 0, [], "PAUSE", []],
        calls.ReplaceFilter("u", 0, (), "PAUSE", None, ()),
    ),
    ("DeleteFilter", ["u"], calls.DeleteFilter("u")),
    ("QueryJobs", [None, ["id"]], calls.QueryJobs((), ("id",))),
    ("QueryJobs", [[1, "2", 3.0], ["id"]], calls.QueryJobs((1, 2, 3), ("id",))),
    ("QueryExports", [["n"], False], calls.QueryExports(("n",), False)),
    ("QueryConfigValues", [["cluster_name"]], calls.QueryConfigValues(("cluster_name",))),
    ("QueryConfigValues", ["cluster_name"], calls.QueryConfigValues(("cluster_name",))),
    ("QueryClusterInfo", [], calls.QueryClusterInfo()),
    ("QueryClusterInfo", "whatever", calls.QueryClusterInfo()),
    ("QueryTags", ["cluster", ""], calls.QueryTags("cluster", "")),
    ("SubmitJob", [[_OP]], calls.SubmitJob((_OP,))),
    ("SubmitJob", [[]], calls.SubmitJob(())),
    ("SubmitJob", [_OP, _OP], calls.SubmitJob((_OP, _OP))),
    ("SubmitJobToDrainedQueue", [[_OP]], calls.SubmitJobToDrainedQueue((_OP,))),
    ("SubmitManyJobs", [[[_OP], [_OP, _OP]]], calls.SubmitManyJobs(((_OP,), (_OP, _OP)))),
    ("SubmitManyJobs", [[]], calls.SubmitManyJobs(())),
    ("SubmitManyJobs", [[_OP], [_OP, _OP]], calls.SubmitManyJobs(((_OP,), (_OP, _OP)))),
    (
        "WaitForJobChange",
        ["7", ["status"], ["queued"], 3, 30],
        calls.WaitForJobChange(7, ("status",), ["queued"], 3, 30),
    ),
    (
        "WaitForJobChange",
        [7, ["status"], None, None, 1.9],
        calls.WaitForJobChange(7, ("status",), None, None, 1),
    ),
    ("PickupJob", [7], calls.PickupJob(7)),
    ("ArchiveJob", [7], calls.ArchiveJob(7)),
    ("ArchiveJob", "7", calls.ArchiveJob(7)),
    ("AutoArchiveJobs", [-1, 30], calls.AutoArchiveJobs(-1, 30)),
    ("CancelJob", [7], calls.CancelJob(7)),
    ("CancelJob", [7, True], calls.CancelJob(7, kill=True)),
    ("CancelJob", "7", calls.CancelJob(7)),
    ("ChangeJobPriority", [7, -5], calls.ChangeJobPriority(7, -5)),
    ("SetDrainFlag", [True], calls.SetDrainFlag(True)),
    ("SetDrainFlag", False, calls.SetDrainFlag(False)),
    ("SetWatcherPause", [None], calls.SetWatcherPause(None)),
    ("SetWatcherPause", [1700000000.5], calls.SetWatcherPause(1700000000.5)),
]


@pytest.mark.parametrize(("method", "args", "meaning"), _MEANINGS)
def test_a_request_means_this_call(method: str, args: object, meaning: calls.Call) -> None:
    call = check(Request(method, args))
    assert type(call) is type(meaning)
    assert call == meaning


def test_every_method_has_a_meaning_here() -> None:
    assert {method for method, _, _ in _MEANINGS} == set(METHODS)


def test_there_are_the_25_methods_and_one_of_the_older_line() -> None:
    assert len(METHODS) == 26
    assert "QueryLocks" in METHODS


def test_a_methods_parameters_are_its_calls_fields() -> None:
    for name, method in METHODS.items():
        cls = getattr(calls, name)
        fields = len(dataclasses.fields(cls))
        #: The action of a filter rule and its limit are one argument.
        merged = name == "ReplaceFilter"
        assert len(method.parameters) == fields - merged, name


@pytest.mark.parametrize(
    ("method", "args", "text"),
    [
        ("SetWatcherPause", ["soon"], "Unable to read Double"),
        ("SetWatcherPause", [True], "Unable to read Double"),
        ("ArchiveJob", [2**63], "Invalid value for job ID ' 9223372036854775808'"),
        ("ArchiveJob", ["9" * 50], "Invalid value for job ID"),
        ("ArchiveJob", ["٣"], "cannot parse string"),
        ("AutoArchiveJobs", [2**70, 1], "more than 64 bits"),
        ("SubmitJob", [[_OP], [_OP]], "Unable to read 1 tuple"),
        ("SubmitJob", [_OP, 5], "Unable to read 1 tuple"),
        ("ReplaceFilter", [None, 1, [], ["RATE_LIMIT", True], []], "must be a positive integer"),
    ],
)
def test_what_the_reference_misreads_is_refused(method: str, args: object, text: str) -> None:
    with pytest.raises(LuxiParseError) as caught:
        check(Request(method, args))
    assert text in caught.value.message


def test_a_refusal_does_not_repeat_megabytes() -> None:
    with pytest.raises(LuxiParseError) as caught:
        check(Request("ArchiveJob", ["x" * 5_000_000, 1]))
    assert len(caught.value.message) < 5000
