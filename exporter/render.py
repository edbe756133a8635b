"""A job as the bytes of its file. Pure.

What the store keeps as JSON bytes (inputs, results, messages) goes into the file byte for byte,
except for what is beyond ASCII.
Only keys that Ganeti's own loaders know are written; those its luxid leaves out are left out.

Source: jobfile.json (job_keys, op_keys, log_entry, presence_rules_3_0).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Raw

from exporter.ascii_json import in_ascii

#: A job as the store keeps it; `store/FORMAT.md` has the form.
Document = Mapping[str, Any]

#: A log line: serial, opcode index, time in us, kind, message as JSON bytes.
LogLine = Sequence[Any]

_encode: Final = msgspec.json.Encoder().encode
_NULL: Final = Raw(b"null")


def render_job(job_id: int, document: Document, log: Iterable[LogLine]) -> bytes:
    """Return the content of a job's file, ended by a line break.

    Args:
        job_id: the job's id.
        document: row of table `jobs` or `archive`.
        log: the job's whole log, serials rising.
    """
    logs: list[list[object]] = [[] for _ in document["ops"]]
    for serial, op_index, time_us, kind, message in log:
        logs[op_index].append([serial, _stamp(time_us), kind, Raw(message)])
    content: dict[str, object] = {
        "id": job_id,
        "ops": [_op(op, lines) for op, lines in zip(document["ops"], logs, strict=True)],
        "received_timestamp": _stamp(document["received"]),
        "start_timestamp": _stamp(document["start"]),
        "end_timestamp": _stamp(document["end"]),
    }
    for key in ("livelock", "process_id"):
        if key in document:
            content[key] = document[key]
    return in_ascii(_encode(content)) + b"\n"


def _op(op: Document, log: list[object]) -> dict[str, object]:
    result = op["result"]
    return {
        "input": Raw(op["input"]),
        "status": op["status"],
        "result": _NULL if result is None else Raw(result),
        "log": log,
        "start_timestamp": _stamp(op["start"]),
        "exec_timestamp": _stamp(op["exec"]),
        "end_timestamp": _stamp(op["end"]),
        "priority": op["priority"],
    }


def _stamp(time_us: int | None) -> tuple[int, int] | None:
    return None if time_us is None else divmod(time_us, 1_000_000)
