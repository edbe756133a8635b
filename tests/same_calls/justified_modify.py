"""Instances that are changed."""

from typing import Final

from tests.same_calls.difference import Justified

JUSTIFIED: Final = (
    Justified(
        "INSTANCE_SET_PARAMS (of all at once|to (offline|online).*)",
        r"(config\.(instances\..*\.)?|calls\..*\[1\]\[0\]\.)serial_no",
        "the state changes together with all else here, in a change of its own there",
    ),
    *(
        Justified(
            "INSTANCE_SET_PARAMS (NIC (added|modified|plugged)|talked to)", place,
            "an address that is taken or given back changes its network, which the reference does"
            " without a new number, and in a change of its own",
            theirs=theirs, ours=ours,
        )
        for place, theirs, ours in (
            (r"config\.serial_no", "^2$", "^1$"),
            (r"config\.networks\.[0-9a-f-]+\.serial_no", "^[14]$", "^[25]$"),
            (r"config\.networks\.[0-9a-f-]+\.mtime", "", ""),
        )
    ),
    *(
        Justified(
            "INSTANCE_SET_PARAMS NIC plugged", rf"calls\.node6\.example\.com\[[123]\]\[{part}\]",
            "the reference changes the devices of a running instance before it asks the scripts"
            " whether it may",
            theirs=theirs, ours=ours,
        )
        for part, theirs, ours in (
            (0, "hotplug_device", "hooks_runner"), (0, "hooks_runner", "hotplug_device"),
            (1, "primary_node", "GANETI_HOOKS_PHASE': 'pre"),
            (1, "GANETI_HOOKS_PHASE': 'pre", "primary_node"),
        )
    ),
    Justified(
        "INSTANCE_SET_PARAMS not talked to by the first NIC",
        r"(config\.instances|job\.ops\[0\]\.result|calls\.).*",
        "the reference takes the last NIC, whichever that is",
        theirs="^('ganeti:communication:|'490201be-49d4-4325-9a4a-26a3f4df39bc'|'aa:00:00:00:11:00'|'NIC/1')",
        ours="^(None|'490201be-49d4-4325-9a4a-26a3f4df39bd'|'aa:00:00:00:11:01'|'NIC/0')$",
    ),
)  # fmt: skip
