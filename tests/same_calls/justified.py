"""Where ours does something else than the reference on purpose: each place once, with the reason.

An entry that no run needs any more fails the tests, so that this list only says what is true; what
depends on the order of a hash table, or on a name that is drawn, need not occur in each run.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tests.same_calls.matcher import Difference


@dataclass(frozen=True, slots=True)
class Justified:
    """A difference that stays.

    Attributes:
        title: opcode (without OP_) and name of the case, as a regular expression for its beginning.
        place: where, as a regular expression for all of the path; see `matcher.Difference`.
        reason: why ours does not do the same.
        theirs: what stands there at the reference, as a regular expression for a part of its repr.
        ours: what stands there at ours, likewise.
        by_chance: whether a run may do without it.
    """

    title: str
    place: str
    reason: str
    theirs: str = ""
    ours: str = ""
    by_chance: bool = False

    def fits(self, title: str, found: Difference) -> bool:
        """Tell whether a difference is this one."""
        return (
            re.match(self.title, title) is not None
            and re.fullmatch(self.place, found.place) is not None
            and re.search(self.theirs, repr(found.theirs)) is not None
            and re.search(self.ours, repr(found.ours)) is not None
        )


_NO_UNIT: Final = "no job of the reference carries it out, though it is declared"
_NO_MODE: Final = "the reference has the mode for a first secondary node, but its test refuses it"
_BEFOREHAND: Final = (
    "the reference finds out while it works, with half of it done; ours before scripts run"
)
_CUT_OFF: Final = r"Command 'uptime' on node 'node[0-9]\.example\.com' failed: "
_COLLECTORS: Final = (
    *("cpu-avg-load", "diskstats", "drbd", "inst-status-xen", "lv", "xen-cpu-avg-load"),
)
_NO_LOCK: Final = (
    "always fails at the reference, by an assertion about a lock that it forgot to ask for; ours"
    " does what is meant"
)

_TOO_FEW: Final = (
    "the reference tells in between that there are too few candidates; ours promotes others with"
    " the same change"
)
_BETWEEN: Final = r"\['message', \[\]\], \['message', \['node4"
_SOME_FILE: Final = r"^\['(node1\.example\.com', ')?node[56]\.example\.com'\]$"
_TWO: Final = ["message", ["node4.example.com", "node5.example.com"]]
#: What is told of keys that were not taken: of two nodes promoted, of one demoted.
_UNTAKEN: Final = [
    *[["message", []], ["message", ["node5.example.com"]]] * 2,
    *(["message", names] for names in ([], ["node3.example.com"], ["node6.example.com"])),
]


def _exactly(value: object) -> str:
    """Return the regular expression for the whole repr of a value, in which some may stand."""
    if isinstance(value, re.Pattern):
        return str(value.pattern)
    parts: list[str] = []

    def text(inside: object) -> str:
        if isinstance(inside, re.Pattern):
            parts.append(inside.pattern)
            return f"\0{len(parts) - 1}\0"
        if isinstance(inside, dict):
            return "{" + ", ".join(f"{key!r}: {text(each)}" for key, each in inside.items()) + "}"
        if isinstance(inside, list):
            return "[" + ", ".join(map(text, inside)) + "]"
        return repr(inside)

    escaped = re.escape(text(value))
    return "^" + re.sub("\0([0-9]+)\0", lambda at: parts[int(at[1])], escaped) + "$"


def _succeeds(
    title: str, reason: str, *, theirs: object, ours: object, log: object = None
) -> Iterator[Justified]:
    """Give the differences of a case whose opcode fails at the reference only.

    Args:
        theirs: its error there, compared whole.
        ours: its result here, compared whole.
        log: what it says here.
    """
    yield Justified(
        title, r"job\.(status|ops\[0\]\.status)", reason, _exactly("error"), _exactly("success")
    )
    yield Justified(title, r"job\.ops\[0\]\.result", reason, _exactly(theirs), _exactly(ours))
    if log is not None:
        yield Justified(title, r"job\.ops\[0\]\.log", reason, _exactly([]), _exactly(log))


#: Of roles and parameters of nodes.
NODES: Final = (
    Justified(
        "NODE_SET_PARAMS",
        r"config\.(cluster\.|nodes\.[0-9a-f-]+\.)?serial_no",
        "the reference writes a node for its parameters, again for its role, then those that take"
        " its place and the certificates, each by itself; ours changes it at once",
        theirs="^[0-9]+$",
    ),
    Justified(
        "NODE_(REMOVE|ADD)",
        r"config\.(cluster\.)?(serial_no|mtime)",
        "likewise, and the cluster object has the time of that, too",
        theirs=r"^([0-9]+|1[0-9]{9}\.[0-9]+)$",
    ),
    Justified(
        "NODE_(REMOVE|ADD)",
        r"job\.ops\[0\]\.log\[0\]\[1\]",
        "the reference sends files in the order of a hash table, so others fail; a path of the"
        " master is among the words of some",
        theirs=_SOME_FILE,
        ours=_SOME_FILE,
        by_chance=True,
    ),
    Justified(
        "NODE_ADD (a node|a candidate)",
        r"calls\.node1\.example\.com\[[0-9]\]\[1\]\[2\] \(order\)",
        "nodes stand in the order of their uuids, of which that of the new one is drawn",
        by_chance=True,
    ),
    *(
        Justified(
            "NODE_ADD a node",
            rf"job\.ops\[0\]\.result\[{index}\]",
            "the reference trips over volumes that a node does not tell; ours refuses the node",
            theirs=_exactly(theirs),
            ours=_exactly(ours),
        )
        for index, theirs, ours in (
            (0, "OpExecError", "OpPrereqError"),
            (1, [[]], [["node6.example.com"], "environment_error"]),
        )
    ),
    Justified(
        "NODE_ADD (a node|that has not its address)",
        r"job\.ops\[0\]\.result\[1\]\[0\]",
        "the reference names nodes by their uuids, or not at all",
        theirs=_exactly([]),
        ours=r"^\[('node1\.example\.com', )?'node6\.example\.com'\]$",
    ),
    Justified(
        "NODE_ADD in another network",
        r"job\.ops\[0\]\.result\[1\]",
        "codes are for what is refused; here a part of the work has been done",
        theirs=_exactly([["node6.example.com"], "environment_error"]),
        ours=_exactly([["node6.example.com"]]),
    ),
    Justified(
        "NODE_SET_PARAMS as it is",
        r"config\.(cluster\.|nodes\.[0-9a-f-]+\.)?mtime",
        "what leaves a node as it is is no change here, and nothing is distributed",
        theirs=r"^(True|1[0-9]{9}\.[0-9]+)$",
    ),
    Justified(
        "NODE_(SET_PARAMS (offline with another promoted|demoted, and others|no longer capable)"
        "|REMOVE)",
        r"config\.nodes\.[0-9a-f-]+\.mtime",
        "the reference leaves the time of a node that it promotes",
    ),
    Justified(
        "NODE_SET_PARAMS offline with another promoted",
        r"job\.ops\[0\]\.log",
        _TOO_FEW,
        theirs=_BETWEEN,
        ours=rf"^(?!.*{_BETWEEN})",
    ),
    Justified(
        "NODE_SET_PARAMS no longer capable",
        r"job\.ops\[0\]\.log",
        _TOO_FEW,
        theirs=_exactly([["message", []]] * 2 + [["message", ["node4.example.com"]]]),
        ours=_exactly([["message", []], ["message", ["node4.example.com"]]]),
    ),
    Justified(
        "NODE_SET_PARAMS demoted, and others promoted",
        r"job\.ops\[0\]\.log",
        "likewise; and it names nodes whose scripts fail by their uuids",
        theirs=_exactly([*[["message", []]] * 2, _TWO, *_UNTAKEN, *[["message", []]] * 2]),
        ours=_exactly([_TWO, *_UNTAKEN, *(["message", [f"node{n}.example.com"]] for n in (1, 2))]),
    ),
    Justified(
        "NODE_SET_PARAMS offline with another promoted",
        r"config\.cluster\.candidate_certs\.[0-9a-f-]+",
        "a node that is no candidate any more may not call as one, whatever fails later; at the"
        " reference it still may",
        theirs="^'[0-9A-F:]+'$",
        ours=_exactly(None),
    ),
    Justified(
        "NODE_(SET_PARAMS (offline with another promoted|another address that it has not)|REMOVE)",
        r"job\.ops\[0\]\.result\[1\]\[0\]",
        "the reference names the node by its uuid, or not at all",
        theirs=_exactly([]),
        ours=_exactly(["node4.example.com"]),
    ),
)

#: Of certificates and ssh keys.
CRYPTO: Final = (
    Justified(
        "CLUSTER_RENEW_CRYPTO (certificates|a silent node|both)",
        r"config\.cluster\.(serial_no|mtime)",
        "at the reference other certificates are no change of the cluster that is counted",
        theirs="^(10[67]|1[0-9.]{12,})$",
    ),
    Justified(
        "CLUSTER_RENEW_CRYPTO keys", r"config\.(cluster\.)?(serial_no|mtime)",
        "that new keys are of the type and size of the former ones is no change here",
        theirs="^(107|1|True|1[0-9.]{12,})$",
        ours="^(106|0|False|1[0-9.]{12,})$",
    ),
    Justified(
        "CLUSTER_RENEW_CRYPTO both", r"job\.ops\[0\]\.log",
        "the reference keeps to itself which nodes did not take the new keys",
        theirs=_exactly([["message", []]] * 2),
        ours=_exactly([*[["message", []]] * 3, ["message", ["node6.example.com"]]]),
    ),
)  # fmt: skip

#: Of new instances.
CREATION: Final = (
    Justified(
        "INSTANCE_CREATE",
        r"config\.(cluster\.|instances\.[0-9a-f-]+\.)?(serial_no|mtime)",
        "the reference writes ports, the instance and each disk by themselves, and only a port is a"
        " change of the cluster object; ours adds them at once, which is one",
        theirs=r"^([0-9]+|1[0-9]{9}\.[0-9]+)$",
        ours=r"^([0-9]+|1[0-9]{9}\.[0-9]+)$",
    ),
    Justified(
        "INSTANCE_CREATE",
        r"calls\.node[0-9]\.example\.com\[[0-9]+\]\[1\]\[0\](\[0\])?\.serial_no",
        "likewise, so nodes hear of a lower number",
        theirs="^[234]$",
        ours="^[12]$",
    ),
    Justified(
        "INSTANCE_CREATE",
        r"calls\.node[0-9]\.example\.com\[[0-9]+\]\[1\](\[0\]){1,3}(\.children\[[01]\])?"
        r"\.(forthcoming|children|serial_no|[cm]time|iv_name|mode)",
        "of a disk that is not recorded yet the reference tells neither number nor times, but that"
        " it is not planned, and less of its parts; node daemons look at none of these",
        theirs="^(None|False)$",
        ours=r"^(None|\[\]|[01]|1[0-9]{9}\.[0-9]+|''|'rw')$",
    ),
    *(
        Justified(
            "INSTANCE_CREATE",
            place,
            "the reference has taken a port by the time that a node fails, and does not give it"
            " back; ours takes it with the instance",
            theirs=theirs,
            ours=ours,
        )
        for place, theirs, ours in (
            (r"config\.cluster\.highest_used_port", "^1[0-9]{4}$", "^11009$"),
            (r"config\.mtime", "^True$", "^False$"),
        )
    ),
    *(
        Justified(
            "INSTANCE_CREATE (from a pool|with (an address|a NIC for talks))",
            place,
            "an address that is taken changes its network, which the reference does without a new"
            " number",
            theirs=r"^(4|1[0-9]{9}\.[0-9]+)$",
            ours=r"^(5|1[0-9]{9}\.[0-9]+)$",
        )
        for place in (
            r"config\.networks\.[0-9a-f-]+\.(serial_no|mtime)",
            r"calls\.node2\.example\.com\[[0-9]+\]\[1\]\[0\]\.nics\[[01]\]\.netinfo"
            r"\.(serial_no|mtime)",
        )
    ),
    *(
        Justified(
            "INSTANCE_CREATE put aside before",
            place,
            "a disk that becomes real is changed by that",
            theirs=r"^1(\.0)?$",
            ours=r"^(2|1[0-9]{9}\.[0-9]+)$",
        )
        for place in (
            r"config\.disks\.[0-9a-f-]+\.(serial_no|mtime)",
            r"calls\.node2\.example\.com\[[0-9]+\]\[1\]\[0\](\[0\])?(\.disks_info\[0\])?"
            r"\.(serial_no|mtime)",
        )
    ),
    Justified(
        "INSTANCE_CREATE of mirrors on a node without guests",
        r"job\.ops\[0\]\.result\[1\]\[0\]",
        "the reference names the node by its uuid",
        theirs=_exactly([]),
        ours=_exactly(["node4.example.com"]),
    ),
    Justified(
        "INSTANCE_CREATE of a system that the node has not",
        r"job\.ops\[0\]\.result\[0\]",
        "the instance is there by then, so this is no refusal",
        theirs=_exactly("OpPrereqError"),
        ours=_exactly("OpExecError"),
    ),
    Justified(
        "INSTANCE_CREATE of a system that the node has not",
        r"job\.ops\[0\]\.result\[1\]\[0\]",
        "the reference names the node by its uuid",
        theirs=_exactly([]),
        ours=_exactly(["node2.example.com"]),
    ),
)

JUSTIFIED: Final = (
    Justified(
        "(TAGS_(GET|SEARCH)|NODE_QUERY_STORAGE|NODE_QUERYVOLS)", r"job\.ops\[0\]\.result \(order\)",
        "the reference has no order here: that of a hash table; ours sorts",
        by_chance=True,
    ),
    Justified(
        "TAGS_SET nothing new", r"config\.(cluster\.)?(serial_no|mtime)",
        "tags that are there already are no change here, and nothing is distributed",
        theirs="^(107|1|True|1[0-9.]+)$",
    ),
    Justified(
        "OOB_COMMAND off", r"config\.(cluster\.|nodes\.[0-9a-f-]+\.)?(serial_no|mtime)",
        "a node that was known to be off already is not changed by that",
        theirs="^([0-9]+|True|1[0-9.]+)$",
    ),
    Justified(
        "GROUP_VERIFY_DISKS",
        r"job\.ops\[0\]\.result\[(1\]|2\]\.inst[0-9]+\.example\.com) \(order\)",
        "the reference has no order here: that of a hash table; ours sorts",
        by_chance=True,
    ),
    Justified(
        "GROUP_VERIFY_DISKS", r"job\.ops\[0\]\.result\[0\]\.[0-9a-f-]+",
        "why a connection broke is told in each library's own words",
        theirs="^'Error [0-9]+: GnuTLS recv error .*'$",
        ours="^'The node closed the connection without an answer'$",
    ),
    Justified(
        "CLUSTER_REPAIR_DISK_SIZES (other sizes|spindles|of one that is named)",
        r"config\.(disks\.[0-9a-f-]+\.)?serial_no",
        "the reference writes a disk once for each thing that it corrects, ours once",
        theirs="^[23]$", ours="^[12]$",
    ),
    # What is done is compared where that is mended.
    *_succeeds(
        "CLUSTER_REPAIR_DISK_SIZES as it is", _NO_LOCK,
        theirs=["OpExecError", [[]]], ours=[],
        log=[["message", ["inst1.example.com"]]] * 2,
    ),
    Justified(
        "CLUSTER_REPAIR_DISK_SIZES as it is", r"calls\.node[1-6]\.example\.com", _NO_LOCK,
        theirs=_exactly(None), ours=r"^\[\['blockdev_getdimensions',.*\]$",
    ),
    Justified(
        "RESTRICTED_COMMAND", r"job\.ops\[0\]\.result\[[01]\]\[1\]",
        "why a connection broke is told in each library's own words",
        theirs=f'^"{_CUT_OFF}Error [0-9]+: GnuTLS recv error .*"$',
        ours=f'^"{_CUT_OFF}The node closed the connection without an answer"$',
    ),
    Justified(
        "RESTRICTED_COMMAND no node", r"job\.ops\[0\]\.result\[[01]\]",
        "the reference fails by a fault of its own; ours refuses, as a list of no nodes is no wish",
        theirs=r"^('OpExecError'|\[\[\]\])$", ours=r"OpPrereqError|wrong_input",
    ),
    Justified(
        "NETWORK_SET_PARAMS (nothing|gateway (given back|of version 6 outside)"
        "|address (outside|reserved twice|that is not reserved given back))$",
        r"config\.(networks\.[0-9a-f-]+\.)?(serial_no|mtime)",
        "what leaves a network as it is is no change here, and nothing is distributed",
        theirs="^(1|2|5|True|1[0-9]{9}\\.[0-9]+)$", ours="^(0|1|4|False|1[0-9]{9}\\.[0-9]+)$",
    ),
    *(
        Justified(
            "NETWORK_SET_PARAMS gateway of version 6 outside", place,
            "the reference lets in an IPv6 gateway outside of the network, and fails at every later"
            " change of it",
            theirs=theirs, ours=_exactly(ours),
        )
        for place, theirs, ours in (
            (r"job\.(status|ops\[0\]\.status)", _exactly("success"), "error"),
            (r"job\.ops\[0\]\.result", _exactly(None), ["AddressPoolError", [[]]]),
            (r"config\.networks\.[0-9a-f-]+\.gateway6", _exactly("2001:db8:5::1"), None),
            (r"calls\..*", r"^\[\['hooks_runner', \['network-modify', 'pre', .*\]$", None),
        )
    ),
    *(
        Justified(
            "NETWORK_(ADD host bits|SET_PARAMS things taken away)", f"job\\.{place}",
            "what is an address is found out when the job is submitted",
            theirs=theirs, ours=_exactly(ours),
        )
        for place, theirs, ours in (
            ("status", _exactly("error"), None),
            ("ops", r"'(OpPrereqError', \[\[\], 'wrong_input'|OpExecError', \[\[\])\]", None),
            ("refused", _exactly(None), "F"),
        )
    ),
    *_succeeds(
        "QUERY of a job",
        "a job of the reference shows operating systems and storage providers only, though the"
        " opcode accepts the other resources; ours shows them too, as both daemons do",
        theirs=["OpPrereqError", [[], "wrong_input"]],
        ours={
            "fields": [{"name": "name", "title": "Group", "kind": "text", "doc": "Group name"}],
            "data": [[[0, "default"]], [[0, "group1"]]],
        },
    ),
    *_succeeds(
        "QUERY_FIELDS of a job",
        "likewise, of what can be shown of a resource",
        theirs=["OpPrereqError", [[], "wrong_input"]],
        ours={
            "fields": [
                {"name": "name", "title": "Node", "kind": "text", "doc": "Node name"},
                {
                    "name": "mfree", "title": "MFree", "kind": "unit",
                    "doc": "Memory available for instance allocations",
                },
            ]
        },
    ),
    Justified(
        "INSTANCE_QUERY_DATA on a node", r"calls\.node3\.example\.com",
        "ours asks for all disks at once, also where the answer for one then makes all of it fail",
    ),
    Justified(
        "INSTANCE_QUERY_DATA on a node", r"job\.ops\[0\]\.result\[1\]\[0\]",
        "ours names both, node and instance",
        ours=r"inst0\.example\.com.*node3\.example\.com",
    ),
    *_succeeds(
        "CLUSTER_QUERY of a job",
        "always fails in a job of the reference, which does not know the machine's architecture",
        theirs=["ProgrammerError", [[]]],
        # All of it is compared where that is mended.
        ours=re.compile(r"^\{'software_version': '3\.0\.2'.*'architecture': \['64bits', .*\}$"),
    ),
    *(
        Justified(
            "CLUSTER_QUERY cluster", rf"job\.ops\[0\]\.result\.{place}",
            "a job of the reference would say less of the cluster than its daemon does, and that in"
            " other words; ours says what the daemons say",
            theirs=_exactly(theirs), ours=_exactly(ours),
        )
        for place, theirs, ours in (
            ("vcs_version", "3.0.2-3", "(ganeti) version 3.0.2-3"),
            (r"architecture\[0\]", "64bit", "64bits"),
            ("gluster_storage_dir", None, "/var/run/ganeti/gluster"),
            ("zeroing_image", None, ""),
            ("enabled_data_collectors", None, dict.fromkeys(_COLLECTORS, True)),
            ("data_collector_interval", None, dict.fromkeys(_COLLECTORS, 5_000_000)),
            ("modify_ssh_setup", None, True),
            ("ssh_key_type", None, "rsa"),
            ("ssh_key_bits", None, 2048),
        )
    ),
    Justified(
        "QUERY exports", r"calls\.[^ ]*\[1\]",
        "the reference's daemon gives this call an empty object for the arguments it has not",
        theirs=_exactly({}), ours=_exactly([]),
    ),
    *(
        Justified(
            title, r"job\.ops\[0\]\.result\[0\]", _NO_UNIT,
            theirs=_exactly("OpCodeUnknown"), ours=_exactly(error),
        )
        for title, error in (
            ("TEST_DUMMY result", "OpResultError"), ("TEST_DUMMY failing", "OpExecError")
        )
    ),
    *_succeeds(
        "TEST_DUMMY with (messages|jobs)", _NO_UNIT,
        theirs=["OpCodeUnknown", [[]]], ours=None, log=[["message", []], ["message", []]],
    ),
    Justified(
        "GROUP_REMOVE", r"job\.ops\[0\]\.result\[1\]\[0\]",
        "the reference tells which nodes a group still has by their uuids, ours by their names",
        ours="example.com",
    ),
    Justified(
        "(GROUP|INSTANCE|NODE)_.* dry run", r"job\.ops\[0\]\.log",
        "ours says in a dry run what would be done",
    ),
    Justified(
        "GROUP_ASSIGN_NODES nodes that are there",
        r"config\.(cluster\.)?(serial_no|mtime)|calls\..*",
        "a node that is in the group already is no change here",
    ),
    Justified(
        "GROUP_ASSIGN_NODES split.*", r"config\.cluster\.mtime",
        "a node that changes gives the cluster object a new time, with its serial number",
    ),
    Justified(
        "CLUSTER_VERIFY_CONFIG", r"job\.ops\[0\]\.log",
        "the reference names the first parameter that is not supported, ours each of them",
    ),
    *_succeeds(
        "TEST_ALLOCATOR what the script would get",
        "the input of an allocator is no text at the reference but bytes, which its job's result"
        " must not be: it always fails",
        theirs=["OpResultError", [["cluster.example.com"]]],
        # The same input is compared where it is sent to a node.
        ours=re.compile(
            r"""^'\{"version":2,"cluster_name":"cluster\.example\.com",.*"""
            r""""request":\{"name":"new\.example\.com",.*"type":"allocate"\}\}\\n'$"""
        ),
    ),
    *(
        Justified(
            "TEST_ALLOCATOR no disks", rf"job\.ops\[0\]\.result\[{index}\]",
            "the reference trips over disks that are missing; ours refuses them",
            theirs=_exactly(theirs), ours=_exactly(ours),
        )
        for index, theirs, ours in (
            (0, "OpExecError", "OpPrereqError"), (1, [[]], [[], "wrong_input"])
        )
    ),
    *_succeeds(
        "TEST_ALLOCATOR a first secondary node", _NO_MODE,
        theirs=["OpPrereqError", [[], "wrong_input"]], ours="what it likes",
    ),
    Justified(
        "TEST_ALLOCATOR a first secondary node", r"calls\..*", _NO_MODE,
        theirs=_exactly(None), ours=r"^\[\['(node_info|iallocator_runner)', .*\]$",
    ),
    Justified(
        "TEST_ALLOCATOR no mirrored disks", r"job\.ops\[0\]\.result\[1\]\[0\]",
        "ours names the instance whose disks are not mirrored",
        theirs=r"^\[\]$",
    ),
    # All of what is done is compared where that is mended.
    *_succeeds(
        "GROUP_EVACUATE as it is", _NO_LOCK,
        theirs=["OpExecError", [[]]],
        ours={"jobs": [[True, re.compile("[0-9]+")]] * 2},
        log=[["message", ["inst1.example.com"]], ["message", []]],
    ),
    Justified(
        "GROUP_EVACUATE as it is", "submitted", _NO_LOCK,
        theirs=_exactly([]),
        ours=r"^\[\[\{.*_REPLACE_DISKS'.*\}\], \[\{.*_MIGRATE'.*\}, \{.*_FAILOVER'.*\}\]\]$",
    ),
    Justified(
        "GROUP_EVACUATE as it is", r"calls\..*", _NO_LOCK,
        theirs=_exactly(None), ours=r"^\[\['(hooks_runner|node_info)',.*\]$",
    ),
    Justified(
        "(TEST_ALLOCATOR|(NODE|GROUP)_EVACUATE)",
        r"calls\..* \{\}.*\.(tags|instances) \(order\)",
        "tags, and locked instances, are sets at the reference, in the order of a hash table",
        by_chance=True,
    ),
    Justified(
        "INSTANCE_REBOOT (whole|of one that does not run)",
        r"calls\..*\.GANETI_POST_INSTANCE_STATUS",
        "the reference tells scripts the state from before the instance is recorded as up",
        theirs=_exactly("down"), ours=_exactly("up"),
    ),
    *_succeeds(
        "INSTANCE_CONSOLE of a chroot",
        "the reference looks on the master for what is mounted on the instance's node",
        theirs=["HypervisorError", [["inst8.example.com"]]],
        ours={"instance": "inst8.example.com", "kind": "ssh", "host": "node6.example.com",
              "user": "root", "command": ["chroot", re.compile("'.*/chroot-hypervisor/.*'")]},
    ),
    Justified(
        "INSTANCE_REMOVE", r"config\.(cluster\.)?serial_no",
        "an instance goes with its disks and ports in one change here, in several there",
        theirs="^([2-7]|108|109|110)$", ours="^(1|107)$",
    ),
    Justified(
        "INSTANCE_REMOVE of files that are not enabled", r"calls\..*",
        "the reference removes the disks before it refuses them, and goes on to record them",
        ours=_exactly(None),
    ),
    *_succeeds(
        "INSTANCE_ACTIVATE_DISKS of which one is not told",
        "the reference cannot read that a node tells nothing of a mirror, though it means to",
        theirs=["ConfigurationError", [[]]],
        ours=[["node1.example.com", "disk/0", "/dev/disk"]],
    ),
    Justified(
        "INSTANCE_ACTIVATE_DISKS of which one is not told", r"job\.ops\[0\]\.log",
        "the reference cannot read that a node tells nothing of a mirror, though it means to",
        theirs=_exactly([["message", ["inst19.example.com"]]]),
    ),
    Justified(
        "INSTANCE_.*", r"calls\..*(\.tags \(order\)|\.GANETI_(POST_)?INSTANCE_TAGS)",
        "the tags of an instance are a set at the reference, in the order of a hash table",
        by_chance=True,
    ),
    Justified(
        ".* forbidden", r"job\.ops\[0\]\.result\[1\]\[0\]\[[0-9]+\]\[0\]",
        "the reference names a node whose script forbids the work by its uuid",
        theirs="-4", ours=r"\.example\.com",
    ),
    Justified(
        ".*", r"job\.ops\[0\]\.log\[[0-9]+\]\[1\]",
        "the reference names a node that does not run its scripts by its uuid",
        theirs=r"^\[\]$", ours=r"^\['[^']*'\]$",
    ),
    *CRYPTO,
    *NODES,
    *CREATION,
    Justified(
        "CLUSTER_SET_PARAMS", r"config\.(cluster\.)?serial_no",
        "the reference writes the cluster up to five times, changed or not; ours once, if so",
        theirs="^(10[89]|11[01]|[2-6])$", ours="^(10[67]|[01])$",
    ),
    *(
        Justified(
            "CLUSTER_SET_PARAMS", place,
            "what leaves the cluster as it is, or fails, is no change here",
            theirs=theirs, ours=ours,
        )
        for place, theirs, ours in (
            (r"config\.cluster\.mtime", r"^1[0-9]{9}\.[0-9]+$", r"^1[0-9]{9}\.[0-9]+$"),
            (r"config\.mtime", "^True$", "^False$"),
        )
    ),
    *(
        Justified(
            f"CLUSTER_SET_PARAMS {name}", place, _BEFOREHAND, theirs=theirs, ours=_exactly(ours)
        )
        for name, error in (
            ("unknown collector", "OpExecError"), ("change of no meaning", "ProgrammerError"),
            ("relative zeroing image", None), ("user ids that are not there", None),
        )
        for place, theirs, ours in (
            (r"calls\.node1\.example\.com", r"^\[\['hooks_runner', .* 'pre', .*\]$", None),
            *(
                ()
                if error is None
                else (
                    (r"job\.ops\[0\]\.result\[0\]", _exactly(error), "OpPrereqError"),
                    (r"job\.ops\[0\]\.result\[1\]", _exactly([[]]), [[], "wrong_input"]),
                )
            ),
        )
    ),
    Justified(
        "CLUSTER_SET_PARAMS no more diskless", r"job\.ops\[0\]\.result\[1\]\[0\]",
        "the reference names the first instance without disks, ours all of them",
    ),
    Justified(
        "CLUSTER_SET_PARAMS directories", r"config\.cluster\.gluster_storage_dir",
        "the reference forgets about this directory",
        theirs=_exactly("/var/run/ganeti/gluster"), ours=_exactly("/srv/g"),
    ),
    # What is done is compared where that is mended.
    *(
        Justified(
            "CLUSTER_SET_PARAMS more candidates as it is", place,
            "the reference promotes nodes to the size that the pool had before, that is none",
            theirs=theirs, ours=ours,
        )
        for place, theirs, ours in (
            (r"config\.cluster\.candidate_certs\.[0-9a-f-]+", _exactly(None), _exactly("aa:bb")),
            (r"config\.nodes\.[0-9a-f-]+\.master_candidate", "^False$", "^True$"),
            (r"config\.nodes\.[0-9a-f-]+\.serial_no", "^8$", "^9$"),
            (r"config\.nodes\.[0-9a-f-]+\.mtime", "^1", "^1"),
            (r"calls\.node1\.example\.com", "config-update", "node_ssh_key_add"),
            (r"calls\.node4\.example\.com", "^None$", "node_crypto_tokens"),
        )
    ),
    *(
        Justified(
            "CLUSTER_SET_PARAMS more candidates", place,
            "where a node does not do its part ours changes nothing; the reference has a candidate"
            " then that the nodes do not know",
            theirs=theirs, ours=ours,
        )
        for place, theirs, ours in (
            (r"config\.cluster\.candidate_pool_size", "^(4|10)$", "^3$"),
            (r"config\.cluster\.candidate_certs\.[0-9a-f-]+", _exactly("aa:bb"), _exactly(None)),
            (r"config\.nodes\.[0-9a-f-]+\.master_candidate", "^True$", "^False$"),
            (r"config\.nodes\.[0-9a-f-]+\.serial_no", "^9$", "^8$"),
            (r"calls\.node1\.example\.com", "config-update", "cluster-modify"),
        )
    ),
    Justified(
        "CLUSTER_SET_PARAMS more candidates", r"config\.nodes\.[0-9a-f-]+\.mtime",
        "a node that changes gets a new time here, too", ours="^1[0-9]{9}\\.[0-9]+$",
    ),
    Justified(
        "CLUSTER_SET_PARAMS more candidates", r"job\.ops\[0\]\.result\[1\]\[0\]",
        "the reference names the node by its uuid", theirs=r"^\[\]$", ours="example.com",
    ),
    Justified(
        "(CLUSTER_RE(DIST_CONF|NAME)|NODE_(REMOVE|ADD))", r"calls\..*\[1\]\[0\]\[[34]\]",
        "the files of the two masters belong to different users here, because luxid must read its",
        theirs="^'gnt-", ours="^'",
    ),
    Justified(
        "CLUSTER_VERIFY_GROUP",
        r"calls\.node[1-6]\.example\.com\[[0-9]\]\[1\]\[0\]"
        r"(\.filelist|\.node-net-test\[0\]|\.bridges)? \(order\)",
        "files, nodes, bridges and instances are sets at the reference, in the order of a hash"
        " table; ours sorts",
        by_chance=True,
    ),
    Justified(
        "CLUSTER_VERIFY_GROUP", r"job\.ops\[0\]\.log\[[0-9]+\]\[1\]",
        "the reference tells here of a node by its uuid",
        theirs=r"^\['(ERROR|WARNING)', '(ENODEHOOKS|ENODEDRBDHELPER|ECLUSTERCLIENTCERT)',"
        r" '[a-z]+'\]$",
        ours=r"^\['(ERROR|WARNING)', '(ENODEHOOKS|ENODEDRBDHELPER|ECLUSTERCLIENTCERT)',"
        r" '[a-z]+', 'node[1-6]\.example\.com'\]$",
    ),
)  # fmt: skip
