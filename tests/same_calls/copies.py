"""What nodes hold of the configuration after a run: `config.data`, and the files of ssconf.

Both daemons distribute after they have answered. So what a node holds is waited for until it is
what the configuration says; where it does not become so, what stands there instead is told.
"""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from masterd.config import document
from masterd.config.ssconf_files import ssconf_files
from masterd.testing.cluster import SimulatedCluster
from tests.sample_config import Document

#: Seconds within which the nodes must have what is distributed; one that has it is not waited for.
PATIENCE_S: Final = 60.0
PAUSE_S: Final = 0.02

CONFIG: Final = "config.data"

CURRENT: Final = "as the configuration says"
UNTOUCHED: Final = "as before"
LEFT: Final = "as when it went offline"


class Copies:
    """What the nodes of one side hold, seen before a run and after it.

    Args:
        content: what of a configuration is compared.
    """

    def __init__(self, cluster: SimulatedCluster, content: Callable[[Any], Any]) -> None:
        self._folders = {node.name: cluster.data(node) for node in cluster.nodes}
        self._content = content

    def held(self) -> dict[str, dict[str, bytes]]:
        """Return the files of each node, by node and name."""
        return {node: _files(folder) for node, folder in self._folders.items()}

    def told(
        self, config: Document, was: Document, before: Mapping[str, Mapping[str, bytes]]
    ) -> Document:
        """Return what each node holds once a configuration was distributed, in words if it is so.

        Args:
            config: as the master has it.
            was: as the master had it when the run began.
            before: what was held then; nodes that were offline must have it still.
        """
        lines = ssconf_files(document.split(config))
        wanted = {f"ssconf_{key}": content for key, content in lines.items()}
        deadline_s = time.monotonic() + PATIENCE_S
        while True:
            told = {
                each["name"]: self._of_node(
                    each, was["nodes"].get(uuid), config, wanted, before[each["name"]]
                )
                for uuid, each in config["nodes"].items()
            }
            well = all(text in (CURRENT, UNTOUCHED, LEFT) for text in told.values())
            if well or time.monotonic() > deadline_s:
                return told
            time.sleep(PAUSE_S)

    def _of_node(
        self,
        node: Document,
        was: Document | None,
        config: Document,
        wanted: Mapping[str, bytes],
        before: Mapping[str, bytes],
    ) -> object:
        files = _files(self._folders[node["name"]])
        if node["offline"] and was is not None and not was["offline"]:
            return LEFT
        if node["offline"]:
            return UNTOUCHED if files == before else _as_texts(files)
        wrong = {
            name: [_as_text(files.get(name)), _as_text(wanted.get(name))]
            for name in sorted({*files, *wanted} - {CONFIG})
            if files.get(name) != wanted.get(name)
        }
        copy = files.get(CONFIG)
        if node["master_candidate"]:
            is_well = self._is_copy(copy, config)
        else:
            # Who was a candidate keeps what it had then, perhaps with a part of the changes.
            was_candidate = was is not None and was["master_candidate"]
            is_well = was_candidate or copy == before.get(CONFIG)
        if not is_well:
            wrong[CONFIG] = [_as_text(copy)]
        return wrong or CURRENT

    def _is_copy(self, text: bytes | None, config: Document) -> bool:
        try:
            copy = json.loads(text or b"null")
        except ValueError:
            return False  # it is just being written
        parts = (self._content, lambda each: each["serial_no"])
        return all(part(copy) == part(config) for part in parts)


def _files(folder: Path) -> dict[str, bytes]:
    paths = [*folder.glob("ssconf_*"), folder / CONFIG]
    return {path.name: path.read_bytes() for path in paths if path.is_file()}


def _as_text(content: bytes | None) -> str | None:
    return None if content is None else content.decode("utf-8", "replace")


def _as_texts(files: Mapping[str, bytes]) -> dict[str, str | None]:
    return {name: _as_text(content) for name, content in files.items()}
