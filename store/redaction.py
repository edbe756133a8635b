"""What a dump leaves out: passwords and keys that only the cluster itself needs.

Secret are the values of OS parameters that are marked private or secret, and the shared secret at
the end of a DRBD disk's logical id. Opcodes' inputs come into the store without them; those of jobs
that another master daemon ran may have them.
"""

import json
from typing import Any, Final

from store.schema import ARCHIVE, CONFIG, JOBS

#: What stands for a value that was left out; the same text that opcodes' inputs have.
REDACTED: Final = "<redacted>"

#: Keys below which every value is secret.
SECRET_KEYS: Final = frozenset({"osparams_private", "osparams_secret", "osparams_private_cluster"})


def redacted(table: str, value: Any) -> Any:
    """Return a row's value without its secrets; the value itself is left as it is."""
    if table == CONFIG.name:
        return _document(value)
    if table in (JOBS.name, ARCHIVE.name) and isinstance(value, dict):
        ops = value.get("ops")
        if isinstance(ops, list):
            return {**value, "ops": [_op(op) for op in ops]}
    return value


def _op(op: Any) -> Any:
    if not isinstance(op, dict) or not isinstance(op.get("input"), bytes):
        return op
    content: bytes = op["input"]
    # A key may be written with escapes; what has neither is passed through unread.
    if b"osparams_" not in content and b"logical_id" not in content and b"\\u" not in content:
        return op
    document = json.loads(content)
    hidden = _document(document)
    if hidden == document:
        return op
    text = json.dumps(hidden, ensure_ascii=False, separators=(",", ":"))
    return {**op, "input": text.encode(errors="surrogatepass")}


def _document(value: Any) -> Any:
    if isinstance(value, list):
        return [_document(item) for item in value]
    if not isinstance(value, dict):
        return value
    found = {
        key: _hidden(item) if key in SECRET_KEYS else _document(item) for key, item in value.items()
    }
    logical_id = found.get("logical_id")
    if found.get("dev_type") == "drbd" and isinstance(logical_id, list) and logical_id:
        found["logical_id"] = [*logical_id[:-1], REDACTED]
    return found


def _hidden(value: Any) -> Any:
    """Return the same form with every value replaced."""
    if isinstance(value, dict):
        return {key: _hidden(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_hidden(item) for item in value]
    return None if value is None else REDACTED
