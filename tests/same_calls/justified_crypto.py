"""Certificates and ssh keys."""

from typing import Final

from tests.same_calls.difference import Justified, exactly

JUSTIFIED: Final = (
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
        theirs=exactly([["message", []]] * 2),
        ours=exactly([*[["message", []]] * 3, ["message", ["node6.example.com"]]]),
    ),
)  # fmt: skip
