"""New instances."""

from typing import Final

from tests.same_calls.difference import Justified, exactly

JUSTIFIED: Final = (
    Justified(
        "INSTANCE_CREATE with(out)? luck",
        r"calls\..* \{\}\.request\.restrict-to-nodes \(order\)",
        "the nodes that were locked are a set at the reference, in the order of a hash table",
        by_chance=True,
    ),
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
        theirs=exactly([]),
        ours=exactly(["node4.example.com"]),
    ),
    Justified(
        "INSTANCE_CREATE of a system that the node has not",
        r"job\.ops\[0\]\.result\[0\]",
        "the instance is there by then, so this is no refusal",
        theirs=exactly("OpPrereqError"),
        ours=exactly("OpExecError"),
    ),
    Justified(
        "INSTANCE_CREATE of a system that the node has not",
        r"job\.ops\[0\]\.result\[1\]\[0\]",
        "the reference names the node by its uuid",
        theirs=exactly([]),
        ours=exactly(["node2.example.com"]),
    ),
)
