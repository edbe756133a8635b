"""Two that answer the same queries on the same configuration: a luxid, and ours."""

import json
from typing import Any, Final

from masterd.query.resources import Resources
from tests import query_world
from tests.interop.luxid_support import Luxid, LuxidError
from tests.query_world import RefusedError

#: Resources compared; `export` and the live fields of others show nodes that do not answer.
COMPARED: Final = ("export", "filter", "group", "instance", "network", "node")


class Pair:
    """luxid and ours on the same configuration."""

    def __init__(self, luxid: Luxid, ours: Resources) -> None:
        self.luxid = luxid
        self.ours = ours

    def ask(self, method: str, arguments: list[Any]) -> tuple[Any, Any]:
        """Return both answers, ours first; an error is one too."""
        try:
            theirs = self.luxid.ask(method, arguments)
        except LuxidError as error:
            theirs = error.args[0]
        try:
            ours = query_world.ask(self.ours, method, arguments)
        except RefusedError as error:
            ours = error.args[0]
        return ours, theirs

    def differing_cells(self, resource: str, fields: list[str]) -> tuple[dict[str, Any], int]:
        """Return by field what the last differing row shows, ours first, and how many cells agree.

        Rows and fields must be the same.
        """
        ours, theirs = self.ask("Query", [resource, fields, None])
        assert ours["fields"] == theirs["fields"]
        our_rows, their_rows = (ordered(resource, each, fields) for each in (ours, theirs))
        assert len(our_rows) == len(their_rows)
        differing = {
            name: (our, their)
            for ours_row, theirs_row in zip(our_rows, their_rows, strict=True)
            for name, our, their in zip(fields, ours_row, theirs_row, strict=True)
            # As text: clients show 1.0 differently from 1, and mappings in their order.
            if json.dumps(our) != json.dumps(their)
        }
        return differing, len(our_rows) * len(fields)


def ordered(resource: str, answer: Any, fields: list[str]) -> Any:
    """Return the rows; those of instances in an order that both have."""
    if resource != "instance":
        return answer["data"]
    name, uuid = fields.index("name"), fields.index("uuid")
    return sorted(answer["data"], key=lambda row: (row[name][1] or "", row[uuid][1]))
