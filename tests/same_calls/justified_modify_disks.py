"""Disks of instances: changed one by one, and converted to another template."""

from collections.abc import Iterator
from typing import Final

from tests.same_calls.difference import Justified, exactly, succeeds

_ALL: Final = "INSTANCE_SET_PARAMS (converted|disks) "
_U: Final = "[0-9a-f-]{36}"
_CALL: Final = r"calls\.node[1-6]\.example\.com\[[0-9]+\]\[1\]"
_AT_ONCE: Final = (
    "the reference writes ports, the instance and each disk by themselves, and only a port is a"
    " change of the cluster object; ours changes them at once, which is one"
)
_EARLY: Final = "ours finds out before scripts run and disks are taken down"


def _early(title: str, *, theirs: list[object] | None = None) -> Iterator[Justified]:
    """Give the differences of a case that ours refuses, and the reference fails at work."""
    title = f"INSTANCE_SET_PARAMS {title}"
    yield Justified(title, r"calls\.node[1-6]\.example\.com", _EARLY, theirs="hooks_runner")
    if title.endswith("directory"):
        return
    yield Justified(title, r"job\.ops\[0\]\.result\[0\]", _EARLY, "OpExecError", "OpPrereqError")
    yield Justified(title, r"job\.ops\[0\]\.result\[1\]", _EARLY, exactly(theirs), "wrong_input")


JUSTIFIED: Final = (
    # --- numbers and times ------------------------------------------------------------------------
    Justified(
        _ALL, rf"config\.((cluster|(instances|disks)\.{_U})\.)?(serial_no|mtime)", _AT_ONCE,
        theirs=r"^([0-9]+|1[0-9]{9}\.[0-9]+|True)$", ours=r"^([0-9]+|1[0-9]{9}\.[0-9]+|False)$",
    ),
    Justified(
        _ALL, rf"{_CALL}\[[0-9]\](\[[0-9]\]){{0,2}}(\.disks_info\[[0-9]\])?\.(serial_no|mtime)",
        f"likewise: {_AT_ONCE}",
        theirs=r"^([0-9]+|1[0-9]{9}(\.[0-9]+)?)$", ours=r"^([0-9]+|1[0-9]{9}(\.[0-9]+)?)$",
    ),
    Justified(
        _ALL,
        rf"{_CALL}(\[[0-9]\]){{1,3}}(\.children\[[01]\])?"
        r"\.(forthcoming|children|serial_no|[cm]time|iv_name|mode)",
        "of a disk that is not recorded yet the reference tells neither number nor times, but that"
        " it is not planned, and less of its parts; node daemons look at none of these",
        theirs="^(None|False)$", ours=r"^(None|\[\]|[01]|1[0-9]{9}\.[0-9]+|''|'rw')$",
    ),
    Justified(
        "INSTANCE_SET_PARAMS converted from drbd to plain", rf"config\.disks\.{_U}\.ctime",
        "a volume that was a part of a disk becomes one itself at that time",
        theirs=r"^1[0-9]{9}\.[0-9]+$", ours=r"^1[0-9]{9}\.[0-9]+$",
    ),
    # --- ports ------------------------------------------------------------------------------------
    *(
        Justified(
            _ALL, place,
            "the reference has taken ports by the time that a node fails, and perhaps gives them"
            " back to the pool; ours takes them with the disks",
            theirs=theirs, ours=ours,
        )
        for place, theirs, ours in (
            (r"config\.cluster\.highest_used_port", "^110[0-9]{2}$", "^11009$"),
            (r"config\.cluster\.tcpudp_port_pool", r"^\[110[0-9]{2}(, 110[0-9]{2})*\]$", r"^\[\]$"),
        )
    ),
    # --- what remains -----------------------------------------------------------------------------
    Justified(
        "INSTANCE_SET_PARAMS converted from plain to drbd", r"job\.ops\[0\]\.log",
        "ours names the new devices that a failed conversion leaves on nodes",
        ours=r"\['message', \['node2\.example\.com'(, 'node3\.example\.com')?\]\]\]$",
    ),
    *(
        Justified(
            "INSTANCE_SET_PARAMS disks of plain overwritten", place,
            "a disk that could not be overwritten is removed; the reference keeps it recorded",
            theirs=theirs, ours=ours,
        )
        for place, theirs, ours in (
            (rf"config\.instances\.{_U}\.disks", "", ""),
            (rf"config\.disks\.{_U}", "^{", "^None$"),
        )
    ),
    # --- what the reference does by accident ------------------------------------------------------
    Justified(
        "INSTANCE_SET_PARAMS disks of .* attached", rf"{_CALL}\[3\]",
        "the reference brings a disk that is attached up under the number of the first disk, whose"
        " link it takes",
        theirs="^0$", ours="^[12]$",
    ),
    Justified(
        "INSTANCE_SET_PARAMS disks of plain all in turn",
        rf"job\.ops\[0\]\.log|config\.disks\.{_U}\.iv_name",
        "the reference calls a disk that is changed by the place that it had before, and complains",
    ),
    Justified(
        "INSTANCE_SET_PARAMS disks of (plain without any|.* attached (to none|while it runs))",
        rf"{_CALL}(\[[0-9]\]){{1,2}}\.iv_name",
        "the reference tells nodes of a disk by the place that it had before",
        theirs="^'disk/[12]'$", ours="^'disk/0'$",
    ),
    Justified(
        "INSTANCE_SET_PARAMS disks of plain attached while blockdev_assemble fails",
        r"(job|calls\.node[12]\.example\.com|config).*",
        "the reference records that disks are down, and then fails over the instance that it knew"
        " before; ours goes on, as it does where the disk is not brought up for other reasons",
    ),
    Justified(
        "INSTANCE_SET_PARAMS disks of diskless with one of a template",
        r"job\.ops\[0\]\.result\[[01]\]",
        "the reference asks for a template and then fails, as it cannot add disks to none",
        theirs=r"ProgrammerError|^\[\[\]\]$", ours="OpPrereqError|wrong_input",
    ),
    *(
        Justified(
            f"INSTANCE_SET_PARAMS {name}", r"job\.ops\[0\]\.result\[[01]\]",
            "the reference fails by an accident; ours refuses",
            theirs=r"OpExecError|^\[\[\]\]$", ours=f"OpPrereqError|{code}",
        )
        for name, code in (
            ("converted from plain to drbd where an allocator names nobody", "unknown_entity"),
            ("converted from plain to ext of a known parameter", "wrong_input"),
        )
    ),
    *succeeds(
        "INSTANCE_SET_PARAMS converted from file to drbd where an allocator says",
        "the reference asks no allocator here, and then has no second node",
        theirs=["ProgrammerError", [[]]], ours=[["disk_template", "drbd"]],
    ),
    *(
        Justified(
            "INSTANCE_SET_PARAMS converted from file to drbd where an allocator says", place,
            "likewise",
        )
        for place in (
            r"job\.ops\[0\]\.log", r"calls\.node[1-6]\.example\.com",
            r"config\.mtime", r"config\.cluster\.highest_used_port", rf"config\.disks\.{_U}",
            rf"config\.instances\.{_U}\.disks\[0\]",
        )
    ),
    # --- what is found out before -----------------------------------------------------------------
    *_early("disks of blockdev without a device", theirs=[[]]),
    Justified(
        "INSTANCE_SET_PARAMS (disks of blockdev without a device|converted from plain to file"
        " (outside|without a directory))",
        r"job\.ops\[0\]\.log", _EARLY, ours=r"^\[\]$",
    ),
    *_early("converted from plain to file outside", theirs=[["inst18.example.com"]]),
    *_early("converted from plain to file without a directory"),
    *_early("disks of file without a directory"),
    # --- names ------------------------------------------------------------------------------------
    *(
        Justified(
            f"INSTANCE_SET_PARAMS {name}", r"job\.ops\[0\]\.result\[1\]\[0\]",
            "the reference names a node by its uuid, and no instance",
            theirs=exactly([]), ours="example",
        )
        for name in (
            "converted from plain to drbd with a node without guests",
            "disks of plain attached of another node",
            "disks of plain attached that are its own",
        )
    ),
)  # fmt: skip
