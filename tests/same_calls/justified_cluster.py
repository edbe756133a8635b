"""The cluster's parameters, its checks, and commands on its nodes."""

import re
from typing import Final

from tests.same_calls.difference import Justified, exactly, succeeds

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

JUSTIFIED: Final = (
    Justified(
        "OOB_COMMAND off", r"config\.(cluster\.|nodes\.[0-9a-f-]+\.)?(serial_no|mtime)",
        "a node that was known to be off already is not changed by that",
        theirs="^([0-9]+|True|1[0-9.]+)$",
    ),
    Justified(
        "CLUSTER_REPAIR_DISK_SIZES (other sizes|spindles|of one that is named)",
        r"config\.(disks\.[0-9a-f-]+\.)?serial_no",
        "the reference writes a disk once for each thing that it corrects, ours once",
        theirs="^[23]$", ours="^[12]$",
    ),
    # What is done is compared where that is mended.
    *succeeds(
        "CLUSTER_REPAIR_DISK_SIZES as it is", _NO_LOCK,
        theirs=["OpExecError", [[]]], ours=[],
        log=[["message", ["inst1.example.com"]]] * 2,
    ),
    Justified(
        "CLUSTER_REPAIR_DISK_SIZES as it is", r"calls\.node[1-6]\.example\.com", _NO_LOCK,
        theirs=exactly(None), ours=r"^\[\['blockdev_getdimensions',.*\]$",
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
    *succeeds(
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
            theirs=exactly(theirs), ours=exactly(ours),
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
        "CLUSTER_VERIFY_CONFIG", r"job\.ops\[0\]\.log",
        "the reference names the first parameter that is not supported, ours each of them",
    ),
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
            f"CLUSTER_SET_PARAMS {name}", place, _BEFOREHAND, theirs=theirs, ours=exactly(ours)
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
                    (r"job\.ops\[0\]\.result\[0\]", exactly(error), "OpPrereqError"),
                    (r"job\.ops\[0\]\.result\[1\]", exactly([[]]), [[], "wrong_input"]),
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
        theirs=exactly("/var/run/ganeti/gluster"), ours=exactly("/srv/g"),
    ),
    # What is done is compared where that is mended.
    *(
        Justified(
            "CLUSTER_SET_PARAMS more candidates as it is", place,
            "the reference promotes nodes to the size that the pool had before, that is none",
            theirs=theirs, ours=ours,
        )
        for place, theirs, ours in (
            (r"config\.cluster\.candidate_certs\.[0-9a-f-]+", exactly(None), exactly("aa:bb")),
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
            (r"config\.cluster\.candidate_certs\.[0-9a-f-]+", exactly("aa:bb"), exactly(None)),
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
