"""Where the data are, as options and environment say."""

import argparse
import os
from pathlib import Path

from masterd.errors import ConfigurationError
from masterd.paths import Paths


def add_place(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where the data are."""
    place = parser.add_mutually_exclusive_group()
    place.add_argument(
        "--root",
        metavar="DIR",
        help="root of a virtual cluster's node (default: $GANETI_ROOTDIR, or /)",
    )
    place.add_argument(
        "--data-dir", metavar="DIR", help="Ganeti's data directory (default: ROOT/var/lib/ganeti)"
    )


def data_dir(parser: argparse.ArgumentParser, options: argparse.Namespace) -> Path:
    """Return the data directory that the options or the environment name."""
    if options.data_dir is not None:
        return Path(options.data_dir)
    if options.root is not None:
        return Paths(Path(options.root)).data_dir
    try:
        return Paths.from_environment(os.environ).data_dir
    except ConfigurationError as error:
        parser.error(str(error))
