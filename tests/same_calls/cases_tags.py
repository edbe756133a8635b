"""Tags of every kind of object."""

from typing import Final

from tests.same_calls.case import Case, case, op

KINDS: Final = (
    ("cluster", ""),
    ("node", "node2.example.com"),
    ("nodegroup", "group1"),
    ("network", "net1"),
    ("instance", "inst3.example.com"),
)


def _cases() -> list[Case]:
    cases = []
    for kind, name in KINDS:
        about = {"kind": kind, "name": name}
        cases += [
            case(f"{kind}, shown", op("OP_TAGS_GET", **about)),
            case(f"{kind}, added", op("OP_TAGS_SET", **about, tags=["new:tag", "other"])),
            case(f"{kind}, removed", op("OP_TAGS_DEL", **about, tags=["web:frontend"])),
            case(
                f"{kind}, unknown object", op("OP_TAGS_SET", kind=kind, name="nobody", tags=["new"])
            ),
        ]
    return cases


CASES: Final = (
    *_cases(),
    case("found", op("OP_TAGS_SEARCH", pattern="prod")),
    case("bad pattern", op("OP_TAGS_SEARCH", pattern="(")),
    case("bad tag", op("OP_TAGS_SET", kind="cluster", name="", tags=["a!b"])),
    case("too long", op("OP_TAGS_SET", kind="cluster", name="", tags=["x" * 129])),
    case("nothing new", op("OP_TAGS_SET", kind="cluster", name="", tags=["a"])),
    case("two opcodes", *(op("OP_TAGS_SET", kind="cluster", name="", tags=[t]) for t in "xy")),
)
