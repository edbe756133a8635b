"""The environment of scripts, as far as it is the same for all opcodes. Pure.

Source: Ganeti 3.0.2 lib/hooksmaster.py; constants HOOKS_*; hook_env.json.
"""

from collections.abc import Mapping
from typing import Final

from masterd.config.snapshot import ConfigSnapshot

PRE: Final = "pre"
POST: Final = "post"
#: Path of the scripts that follow a change of the configuration.
CONFIG_UPDATE: Final = "config-update"

_PREFIX: Final = "GANETI_"
_POST_PREFIX: Final = "GANETI_POST_"
#: Where scripts find programs. Source: constants HOOKS_PATH.
_PATH: Final = "/sbin:/bin:/usr/sbin:/usr/bin"
_VERSION: Final = "2"


def common(
    config: ConfigSnapshot,
    op_id: str,
    path: str,
    phase: str,
    object_type: str | None,
    data_dir: str,
) -> dict[str, str]:
    """Return what every script is told."""
    env = {
        "PATH": _PATH,
        "GANETI_CLUSTER": config.cluster.cluster_name,
        "GANETI_DATA_DIR": data_dir,
        "GANETI_HOOKS_PATH": path,
        "GANETI_HOOKS_PHASE": phase,
        "GANETI_HOOKS_VERSION": _VERSION,
        "GANETI_MASTER": config.master.name,
        "GANETI_OP_CODE": op_id,
    }
    return env if object_type is None else {**env, "GANETI_OBJECT_TYPE": object_type}


def before(env: Mapping[str, object]) -> dict[str, str]:
    """Return an opcode's variables as both phases have them, as they were before the work."""
    return {_PREFIX + name: str(value) for name, value in env.items()}


def after(env: Mapping[str, object]) -> dict[str, str]:
    """Return an opcode's variables as the post phase has them besides, as they are then."""
    return {_POST_PREFIX + name: str(value) for name, value in env.items()}
