"""Chapter of the tour about balance: Ganeti's own tool moves guests until nodes are alike."""

from typing import Final

from tests.boxes.act import Act, Chapter
from tests.boxes.box import BoxError
from tests.boxes.cluster import Cluster

_ADD: Final = "gnt-instance add --os-type=noop --no-nics --no-name-check --no-ip-check"
_NAMES: Final = ("even1", "even2", "even3", "even4")


def _spread(cluster: Cluster) -> str:
    """Look whether the guests, which began on one node, run on several."""
    told = cluster.nodes[0].ok(
        "gnt-instance", "list", "--no-headers", "--separator=:", "-o", "name,pnode,status", *_NAMES
    )
    rows = [line.split(":") for line in told.splitlines()]
    if len({node for _, node, _ in rows}) == 1 or {status for *_, status in rows} != {"running"}:
        raise BoxError(f"they are not spread:\n{told}")
    return told


CHAPTERS: Final = (
    Chapter(
        "guests are balanced",
        (
            *(Act(f"{_ADD} -t sharedfile --disk=0:size=64M -n node1 {name}") for name in _NAMES),
            Act("hbal -L", shows="Solution length=[1-9]", compared=False),
            Act("hbal -L -X", shows="Got job IDs", compared=False),
            Act("the guests run on several nodes", does=_spread, compared=False),
            Act("gnt-cluster verify", lacks="ERROR"),
            *(Act(f"gnt-instance remove --force {name}") for name in _NAMES),
        ),
    ),
)
