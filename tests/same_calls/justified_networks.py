"""Networks."""

from typing import Final

from tests.same_calls.difference import Justified, exactly

JUSTIFIED: Final = (
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
            theirs=theirs, ours=exactly(ours),
        )
        for place, theirs, ours in (
            (r"job\.(status|ops\[0\]\.status)", exactly("success"), "error"),
            (r"job\.ops\[0\]\.result", exactly(None), ["AddressPoolError", [[]]]),
            (r"config\.networks\.[0-9a-f-]+\.gateway6", exactly("2001:db8:5::1"), None),
            (r"calls\..*", r"^\[\['hooks_runner', \['network-modify', 'pre', .*\]$", None),
        )
    ),
    *(
        Justified(
            "NETWORK_(ADD host bits|SET_PARAMS things taken away)", f"job\\.{place}",
            "what is an address is found out when the job is submitted",
            theirs=theirs, ours=exactly(ours),
        )
        for place, theirs, ours in (
            ("status", exactly("error"), None),
            ("ops", r"'(OpPrereqError', \[\[\], 'wrong_input'|OpExecError', \[\[\])\]", None),
            ("refused", exactly(None), "F"),
        )
    ),
)  # fmt: skip
