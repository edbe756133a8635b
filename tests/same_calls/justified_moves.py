"""Instances that go to other nodes."""

from typing import Final

from tests.same_calls.difference import Justified, exactly

_NUMBER: Final = (
    "another primary node is a change of the instance, which the reference does not count"
)
_STALE: Final = "the reference has the instance started as it was before its disks were brought up"
_ASSERTION: Final = (
    "the reference asserts, after it has looked at everything, that a failover cleans nothing up"
)
_BEFORE: Final = "the reference tells scripts that follow the work what was before it"
_UNTOLD: Final = (
    "what could not be taken back the reference writes into its own log alone, if it does"
)
_BREAKS: Final = (
    "the reference records an instance with DRBD disks on a node that has no copy of them, a"
    " configuration that its own verification refuses"
)
_CLOSED: Final = (
    "the reference opens the disks where the instance was before, and has just closed them"
)

JUSTIFIED: Final = (
    *(
        Justified("INSTANCE_(FAILOVER|MIGRATE)", place, _NUMBER, theirs="^[0-9]+$", ours="^[0-9]+$")
        for place in (
            r"config\.instances\.[0-9a-f-]+\.serial_no",
            r"calls\.[a-z0-9.]+\[[0-9]+\]\[1\](\[[01]\])+\.serial_no",
        )
    ),
    Justified(
        "INSTANCE_(FAILOVER|MIGRATE)",
        r"config\.instances\.[0-9a-f-]+\.mtime",
        _NUMBER,
        theirs=r"^1795456[67]",
        ours=r"^1[0-9]{9}\.[0-9]+$",
    ),
    Justified(
        "INSTANCE_(FAILOVER|MIGRATE)",
        r"calls\.[a-z0-9.]+\[[0-9]+\]\[1\]\[0\]\.disks_active",
        _STALE,
        theirs="^False$",
        ours="^True$",
    ),
    *(
        Justified("INSTANCE_FAILOVER that cleans up", place, _ASSERTION, theirs=theirs, ours=ours)
        for place, theirs, ours in (
            (r"job\.ops\[0\]\.result\[0\]", exactly("OpExecError"), exactly("OpPrereqError")),
            (r"job\.ops\[0\]\.result\[1\]", exactly([[]]), exactly([[], "wrong_input"])),
            (r"job\.ops\[0\]\.log", exactly([["message", []]]), exactly([])),
            (r"calls\.node2\.example\.com", "bridges_exist", exactly(None)),
        )
    ),
    Justified(
        "INSTANCE_FAILOVER of a planned one",
        r"calls\.[a-z0-9.]+\[[01]\]\[1\]\[2\]\.GANETI_POST_(OLD|INSTANCE)_PRIMARY",
        _BEFORE,
        theirs=exactly("node4.example.com"),
        ours=exactly("node2.example.com"),
    ),
    *(
        Justified(
            f"INSTANCE_MIGRATE {title}",
            r"job\.ops\[0\]\.log",
            _UNTOLD,
            theirs=rf"^(?!.*{told})",
            ours=told,
        )
        for title, told in (
            ("", r"\['inst19\.example\.com', 'node1\.example\.com', 'node2\.example\.com'\]"),
            ("(that fails with|of) RBD", r"\['inst15\.example\.com', 'node[23]\.example\.com'\]"),
            (
                "(that fails with|of) RBD",
                r"\['inst15\.example\.com', 'node2\.example\.com', 'node3",
            ),
        )
    ),
    Justified(
        "INSTANCE_MIGRATE of a DRBD disk",
        r"job\.ops\[0\]\.result\[1\]\[0\]",
        "the reference names a node that does not tell about itself by its uuid",
        theirs=exactly([]),
        ours=exactly(["node2.example.com"]),
    ),
    *(
        Justified(
            "INSTANCE_MIGRATE of one that does not run",
            place,
            "the reference begins, and then fails by an accident: the guest's memory is not known",
            theirs=theirs,
            ours=ours,
        )
        for place, theirs, ours in (
            (r"job\.ops\[0\]\.result\[0\]", exactly("OpExecError"), exactly("OpPrereqError")),
            (
                r"job\.ops\[0\]\.result\[1\]",
                exactly([[]]),
                exactly([["inst19.example.com", "node1.example.com"], "wrong_state"]),
            ),
            (r"job\.ops\[0\]\.log", "inst19", exactly([])),
            (r"calls\.node[12]\.example\.com", "'instance-migrate', 'pre'", ""),
        )
    ),
    Justified(
        "INSTANCE_MIGRATE that cleans up",
        r"calls\.[a-z0-9.]+\[[0-9]+\]\[1\]\[2\]\.GANETI_POST_"
        r"(INSTANCE_PRIMARY|OLD_PRIMARY|NEW_PRIMARY|NEW_SECONDARY)",
        _BEFORE,
    ),
    *(
        Justified("INSTANCE_MIGRATE that cleans up elsewhere", place, _BREAKS)
        for place in (
            r"config\.instances\.[0-9a-f-]+\.primary_node",
            r"config\.(mtime|serial_no)",
            r"job\.(status|ops\[0\]\.(status|result|log))",
            r"calls\.node[123]\.example\.com",
        )
    ),
    Justified(
        "INSTANCE_MIGRATE that cleans up where all reach the disks, (at the target|elsewhere)",
        r"job\.ops\[0\]\.log\[[67]\]\[1\]\[0\]",
        _CLOSED,
        theirs=exactly("node2.example.com"),
        ours=r"^'node[34]",
    ),
    Justified(
        "INSTANCE_MIGRATE that cleans up where all reach the disks, (at the target|elsewhere)",
        r"calls\.node[2-4]\.example\.com",
        _CLOSED,
    ),
)
