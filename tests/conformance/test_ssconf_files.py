"""All simple configuration files of a running cluster, made anew from its configuration."""

import json
from pathlib import Path

from masterd.config import document
from masterd.config.ssconf_files import ssconf_files

DATA = Path(__file__).parent / "data"


def test_every_file_has_the_bytes_the_nodes_had() -> None:
    recorded = {
        path.name.removeprefix("ssconf_"): path.read_bytes() for path in (DATA / "ssconf").iterdir()
    }
    made = ssconf_files(document.split(json.loads((DATA / "config.data").read_bytes())))
    assert dict(made) == recorded
