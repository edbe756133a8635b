"""Several new instances, placed together."""

from typing import Final

from tests.same_calls.difference import Justified, exactly

JUSTIFIED: Final = (
    Justified(
        "INSTANCE_(MULTI_ALLOC (without a (template|system|hypervisor)|that names its own)"
        "|CREATE of an image where)",
        r"job\.ops\[0\]\.result\[1\]\[0\]",
        "ours names the instance whose request is refused",
        theirs=exactly([]), ours=r"^\['(one|new)\.example\.com'\]$",
    ),
)  # fmt: skip
