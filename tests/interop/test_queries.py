"""Our answers to queries are luxid's, cell by cell, on the same configuration.

Where they differ on purpose, `JUSTIFIED` says why.
"""

import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from masterd.config import document
from masterd.query.resources import TABLES, Resources
from tests import query_world
from tests.conftest import Tell
from tests.interop import luxid_support
from tests.interop.luxid import needs_luxid
from tests.interop.luxid_support import Luxid
from tests.interop.pair import COMPARED, Pair, ordered
from tests.sample_config import Document, sample

pytestmark = needs_luxid

#: What is not compared, and why.
JUSTIFIED: Final = {
    "rows without a name": "forthcoming instances without a name have no defined order: the rows "
    "of instances are compared in order of name and uuid",
    "lock": "luxid asks wconfd, which does not run here; tests/integration has our own",
    "QueryExports for a name": "luxid gives each row twice",
    "values in error texts": "luxid breaks long ones over lines; and of several rows that cannot "
    "be compared, it names the one that comes first in its order",
    "QueryInstances by name": "see above: rows without a name pass every filter",
}

RECORDED: Final = Path(__file__).parent.parent / "conformance" / "data" / "config.data"


@dataclass(frozen=True, slots=True)
class Configuration:
    """One to be compared on; a large one gets only one in `fewer` filters, as luxid takes long."""

    name: str
    make: Callable[[], Document]
    fewer: int = 1


def _recorded() -> Document:
    """Return the configuration of a real cluster, its master here, its nodes where nobody is."""
    content = RECORDED.read_text().replace("10.77.0.", "127.77.0.")
    content = content.replace("node1.lab.example", luxid_support.HOST)
    found: Document = json.loads(content)
    return found


CONFIGURATIONS: Final = [
    Configuration("recorded", _recorded),
    Configuration("3-instances", lambda: sample(1, nodes=3, groups=1, instances=3)),
    Configuration("60-instances", lambda: sample(2, nodes=6, groups=2, instances=60)),
    Configuration("200-instances", lambda: sample(3, nodes=12, groups=4, instances=200)),
    Configuration(
        "2000-instances", lambda: sample(4, nodes=40, groups=5, instances=2000), fewer=15
    ),
]

#: Filters are drawn from this seed, so many for each resource and configuration.
SEED: Final = int(os.environ.get("GANETI_MASTERD_TEST_SEED", "20261123"))
EXAMPLES: Final = int(os.environ.get("GANETI_MASTERD_TEST_FILTERS", "150"))

counted: Counter[str] = Counter()


class Filtered(Pair):
    """A pair that is compared on so many filters."""

    def __init__(self, luxid: Luxid, ours: Resources, filters: int) -> None:
        super().__init__(luxid, ours)
        self.filters = filters


@pytest.fixture(scope="module", params=CONFIGURATIONS, ids=lambda each: each.name)
def pair(request: pytest.FixtureRequest) -> Iterator[Filtered]:
    chosen: Configuration = request.param
    config = document.split(chosen.make())
    with luxid_support.running(config) as luxid:
        yield Filtered(luxid, query_world.resources(config), EXAMPLES // chosen.fewer)


@pytest.fixture(scope="module", autouse=True)
def report(tell: Tell) -> Iterator[None]:
    yield
    tell(
        f"compared with luxid: {counted['cells']:,} cells, {counted['filters']:,} filters "
        f"(seed {SEED})"
    )


@pytest.mark.parametrize("resource", COMPARED)
def test_every_cell_is_the_same(pair: Pair, resource: str) -> None:
    differing, cells = pair.differing_cells(resource, list(TABLES[resource].fields))
    assert differing == {}
    counted["cells"] += cells


@pytest.mark.parametrize("resource", [*COMPARED, "lock"])
def test_fields_are_described_the_same_way(pair: Pair, resource: str) -> None:
    ours, theirs = pair.ask("QueryFields", [resource, []])
    assert ours == theirs
    ours, theirs = pair.ask("QueryFields", [resource, ["uuid", "no such field"]])
    assert ours == theirs


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("QueryNodes", [[], ["name", "pinst_cnt", "mfree", "tags"], False]),
        ("QueryNodes", [["node2", "master"], ["name", "role"], False]),
        ("QueryNodes", [["nobody"], ["name"], False]),
        ("QueryNodes", [["master"], ["name"], True]),
        ("QueryNodes", [["master"], ["name", "what", "else"], False]),
        ("QueryInstances", [[], ["name", "status", "nic.vlans", "disk.sizes"], False]),
        ("QueryGroups", [["default"], ["name", "node_list"], False]),
        ("QueryGroups", [[], ["name", "ipolicy"], False]),
        ("QueryNetworks", [["net0"], ["name", "gateway", "map"], False]),
        ("QueryNetworks", [["nobody"], ["name"], False]),
        ("QueryFilters", [None, ["uuid", "priority", "action"]]),
        ("QueryFilters", [["nobody"], ["uuid"]]),
        ("QueryExports", [[], False]),
        ("QueryExports", [["nobody"], False]),
        ("QueryTags", ["cluster", ""]),
        ("QueryTags", ["node", "node2"]),
        ("QueryTags", ["node", "nobody"]),
        ("QueryTags", ["instance", "inst1"]),
        ("QueryTags", ["instance", "nobody"]),
        ("QueryTags", ["nodegroup", "default"]),
        ("QueryTags", ["nodegroup", "nobody"]),
        ("QueryTags", ["network", "net1"]),
        ("QueryTags", ["network", "nobody"]),
    ],
)
def test_old_style_queries_are_answered_the_same_way(
    pair: Pair, method: str, arguments: list[Any]
) -> None:
    ours, theirs = pair.ask(method, arguments)
    if method == "QueryInstances":
        ours, theirs = sorted(ours, key=str), sorted(theirs, key=str)
    assert ours == theirs


# --- filters ------------------------------------------------------------------------------------

_VALUES: Final = st.one_of(
    st.sampled_from(
        ["", "master", "node2", "node2.example.com", "default", "group1", "net0", "inst1",
         "inst1.example.com", "kvm", "plain", "production", "backup", "R", "203.0.113.1", "x"]
    ),
    st.sampled_from([0, 1, 2, 3, 128, 512, 1024, 2048, 1_795_000_000, -1]),
)  # fmt: skip


_PATTERNS: Final = st.recursive(
    st.sampled_from(
        ["n", "1", "e", "x", "a", "-", ".", r"\.", r"\-", "example", "^", "$", r"\b", r"\B", r"\d",
         r"\D", r"\w", r"\W", r"\s", r"\S", "[a-m]", "[^0-9]", "[]x]", "[[:alpha:]]",
         "[^[:digit:]_]", r"\x6e", r"\Qe.x\E", r"\A", r"\z"]
    ),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.lists(inner, min_size=1, max_size=3).map("|".join),
        st.tuples(
            st.sampled_from(["(", "(?:", "(?i:", "(?s:", "(?m)("]),
            inner,
            st.sampled_from([")", ")*", ")+", ")?", ")*?", "){2}", "){1,3}"]),
        ).map("".join),
    ),
    max_leaves=5,
)  # fmt: skip


def leaves(resource: str) -> st.SearchStrategy[Any]:
    names = st.sampled_from(sorted(TABLES[resource].fields))
    pattern = _PATTERNS | st.sampled_from(
        [
            "^n",
            "^$",
            "a|b",
            "[0-9]+$",
            r"^node2(\..*)?$",
            r"^inst.*1(\..*)?$",
            "(?i:NODE|INST)",
            "(?P<a>n)",
        ]
    )
    return st.one_of(
        st.tuples(st.sampled_from(["==", "=", "!="]), names, _VALUES),
        st.tuples(st.sampled_from(["<", ">", "<=", ">="]), names, _VALUES),
        st.tuples(st.just("?"), names),
        st.tuples(st.just("=~"), names, pattern),
        st.tuples(st.just("=[]"), names, _VALUES),
    ).map(list)


def filters(resource: str) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves(resource),
        lambda inner: st.one_of(
            st.tuples(st.just("!"), inner).map(list),
            st.tuples(st.sampled_from(["&", "|"]), st.lists(inner, max_size=3)).map(
                lambda each: [each[0], *each[1]]
            ),
        ),
        max_leaves=6,
    )


#: Values in error texts.
_SHOWN: Final = re.compile(
    r"(?<=compare ).*(?= with)|(?<=value ').*(?=',? (error|in bool))|(?<=got ').*"
)


def outcome(resource: str, answer: Any, fields: list[str]) -> Any:
    """Return the rows, or the error without the value it shows."""
    if isinstance(answer, dict):
        return ordered(resource, answer, fields)
    name, arguments = answer
    return [name, [_SHOWN.sub("...", " ".join(str(each).split())) for each in arguments]]


@pytest.mark.parametrize("resource", ["filter", "group", "instance", "network", "node"])
def test_filters_choose_the_same_rows(pair: Filtered, resource: str) -> None:
    fields = ["uuid"] if resource == "filter" else ["name", "uuid"]

    @seed(SEED)
    @settings(
        max_examples=pair.filters,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(filters(resource))
    def same_rows(wanted: Any) -> None:
        ours, theirs = pair.ask("Query", [resource, fields, wanted])
        counted["filters"] += 1
        ours, theirs = (outcome(resource, each, fields) for each in (ours, theirs))
        assert ours == theirs

    same_rows()


def test_patterns_are_found_in_the_same_names(pair: Filtered) -> None:
    @seed(SEED)
    @settings(max_examples=pair.filters, deadline=None, database=None)
    @given(_PATTERNS)
    def same_rows(pattern: str) -> None:
        ours, theirs = pair.ask("Query", ["node", ["name"], ["=~", "name", pattern]])
        counted["filters"] += 1
        assert isinstance(ours, dict) == isinstance(theirs, dict), (pattern, ours, theirs)
        assert not isinstance(ours, dict) or ours["data"] == theirs["data"]

    same_rows()
