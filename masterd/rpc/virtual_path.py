"""File names as they travel in node calls.

On a real cluster a file has the same name everywhere. In a virtual cluster (many nodes on one
machine) each node has a root directory of its own: the sender replaces its root by a marker, and
the receiver puts its own root in the marker's place.

Source: Ganeti 3.0.2 lib/vcluster.py, MakeVirtualPath and LocalizeVirtualPath.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

#: What stands for a node's root directory. Source: constants V_CLUSTER_VIRT_PATH_PREFIX.
MARKER: Final = "/###-VIRTUAL-PATH-###,"

#: Files that are the same for all nodes of a virtual cluster. Source: V_CLUSTER_VPATH_WHITELIST.
SHARED: Final = frozenset({"/etc/hosts"})


@dataclass(frozen=True, slots=True)
class VirtualPaths:
    """Translate between this node's file names and those that travel.

    Attributes:
        root: this node's root directory in a virtual cluster; None on a real one.
    """

    root: Path | None

    def virtual(self, path: str | Path) -> str:
        """Return the name under which `path` travels.

        Raises:
            ValueError: the path is not absolute, or not below the root.
        """
        text = _normal(path)
        if self.root is None or text in SHARED:
            return text
        root = os.path.normpath(self.root)
        if not text.startswith(root + "/"):
            raise ValueError(f"Path '{text}' is not below node root '{root}'")
        return MARKER + text[len(root) :]

    def local(self, name: str) -> Path:
        """Return where the file that travels as `name` is on this node.

        The result is normalised; whether it lies where the caller allows is the caller's to check.

        Raises:
            ValueError: the name is not absolute, or carries no marker where one is needed.
        """
        if self.root is None or name in SHARED:
            return Path(_normal(name))
        if not name.startswith(MARKER):
            raise ValueError(f"Path '{name}' is not a virtual path")
        return Path(os.path.normpath(f"{self.root}/{name[len(MARKER) :]}"))


def _normal(path: str | Path) -> str:
    text = os.fspath(path)
    if not text.startswith("/"):
        raise ValueError(f"Path '{text}' is not absolute")
    return os.path.normpath(text)
