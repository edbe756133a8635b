"""Instances that are changed."""

import re
from typing import Final

from tests.same_calls.difference import Justified, succeeds

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
        "INSTANCE_SET_PARAMS NIC plugged in a dry run", r"calls\.node6\.example\.com",
        "the reference does so in a dry run, too",
        theirs="hotplug_device", ours="^(?!.*hotplug_device).*hotplug_supported",
    ),
    *succeeds(
        "INSTANCE_SET_PARAMS NIC modified once it is added",
        "the reference does not find what the same request adds",
        theirs=["OpExecError", [[]]],
        ours=[["nic.3", re.compile("'add:mac=.*,ip=None,mode=bridged,link=br0,network=None'")],
              ["nic.name/3", "new"], ["nic.link/3", "br0"], ["nic.mode/3", "bridged"],
              ["nic.vlan/3", ""]],
    ),
    Justified(
        "INSTANCE_SET_PARAMS NIC modified once it is added",
        r"(config\..*|calls\.node[16]\.example\.com)",
        "so it asks no scripts and changes nothing",
        theirs="^(False|0|3|[0-9]{10}\\.[0-9]+|None|\\[.*(bridges_exist|mac).*\\])$",
        ours="^(True|1|4|[0-9]{10}\\.[0-9]+|\\[.*(hooks_runner|'new').*\\])$",
    ),
    Justified(
        "INSTANCE_SET_PARAMS not talked to by the first NIC",
        r"(config\.instances|job\.ops\[0\]\.result|calls\.).*",
        "the reference takes the last NIC, whichever that is",
        theirs="^'(ganeti:communication:.*|490201be-.*bc|aa:00:00:00:11:00|NIC/1)'$",
        ours="^(None|'(490201be-.*bd|aa:00:00:00:11:01|NIC/0)')$",
    ),
)  # fmt: skip
