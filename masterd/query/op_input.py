"""An opcode as lists and `gnt-job info` show it: what it was given, without what nobody set.

What is kept has every parameter, nulls included, as the reference's job files have. Shown is what
luxid shows: parameters without a value are left out, and a whole number has no fraction.

Source: opcodes.json stored_form; answers of a running 3.0.2 luxid.
"""

import re
from typing import Any, Final

import msgspec

from masterd.job.model import Json

#: Parameters of all opcodes that are shown also when they are null.
_ALWAYS: Final = frozenset({"comment", "depends"})

#: Parameters that may be anything, and so are set also when they are null.
_FREE: Final = {"OP_TEST_DUMMY": frozenset({"fail", "messages", "result", "submit_jobs"})}

#: Stands in every text that is not shown as it is, and in a few others.
_SUSPICIOUS: Final = re.compile(rb"null|\.0|\d[eE]")

_encode: Final = msgspec.json.Encoder().encode


def shown_input(text: Json) -> msgspec.Raw:
    """Return an opcode's input as it is shown."""
    if _SUSPICIOUS.search(text) is None:
        return msgspec.Raw(text)
    document: dict[str, Any] = msgspec.json.decode(text)
    always = _ALWAYS | _FREE.get(document.get("OP_ID", ""), frozenset())
    return msgspec.Raw(
        _encode(
            {
                name: _shown(value)
                for name, value in document.items()
                if value is not None or name in always
            }
        )
    )


def _shown(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_shown(item) for item in value]
    if isinstance(value, dict):
        return {key: _shown(item) for key, item in value.items()}
    return value
