"""What an earlier store leaves beside its place, and putting another in its place in one step.

A store in `DIR/NAME` has these neighbours, all of them directories with a `data.mdb`:

* `NAME.DATE`: a store that was put aside, by a restore, a takeover or by hand;
* `.NAME.restoring`: one that was being built.

(`.NAME.taking` is being built from files that are still there; until it moves nobody misses it.)

So where `DIR/NAME` holds no store and a neighbour is there, the place is not new: somebody was
stopped in between, or took the store away. `traces` finds them; a start that would make a new store
must not do so over their heads. A `DIR/NAME` that has LMDB's lock file but no data file is such a
trace as well: its data file was removed.
"""

import ctypes
import errno
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from store import failpoints
from store.env import DATA_FILE, LOCK_FILE, WRITER_LOCK
from store.files import sync_directory

_AT_FDCWD: Final = -100
_RENAME_EXCHANGE: Final = 2
#: What a kernel or a file system says that cannot exchange two names.
_CANNOT: Final = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})

_libc: Final = ctypes.CDLL(None, use_errno=True)


def building(path: Path) -> Path:
    """Return where a store that shall stand in `path` is built."""
    return path.with_name(f".{path.name}.restoring")


def taking(path: Path) -> Path:
    """Return where a store for `path` is built from the files of another master."""
    return path.with_name(f".{path.name}.taking")


def traces(path: Path) -> tuple[Path, ...]:
    """Return the directories that show earlier stores of `path`, sorted; a whole one in it is none.

    Raises:
        OSError: the directory cannot be read.
    """
    found = {building(path), *path.parent.glob(f"{path.name}.*")}
    left = {each for each in found if (each / DATA_FILE).exists()}
    if (path / LOCK_FILE).exists() and not (path / DATA_FILE).exists():
        left.add(path)
    return tuple(sorted(left))


def put_in_place(new: Path, path: Path, now_us: int) -> Path | None:
    """Put the store `new` in the place of what `path` holds of one; return where that is now.

    Args:
        now_us: Names what was there. Microseconds since the epoch.

    Raises:
        OSError: as `exchange`; or something else lies in `path`.
    """
    if (path / DATA_FILE).exists() or (path / LOCK_FILE).exists():
        aside = aside_of(path, now_us)
        exchange(new, path, aside)
        return aside
    if path.exists():
        (path / WRITER_LOCK).unlink(missing_ok=True)
    new.rename(path)
    sync_directory(path.parent)
    return None


def aside_of(path: Path, now_us: int) -> Path:
    """Return a free name beside `path`, with the date. `now_us`: microseconds since the epoch."""
    stamp = datetime.fromtimestamp(now_us // 1_000_000, UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
    aside = path.with_name(f"{path.name}.{stamp}")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.{stamp}.{number}")
    return aside


def exchange(new: Path, path: Path, aside: Path) -> None:
    """Put the directory `new` in the place of `path`, which moves to `aside`; durable.

    Killed at any moment, a store stands in `path`: the old one or the new one. Only where the
    file system cannot exchange names, there is a moment without any, and `traces` shows it.

    Raises:
        OSError: nothing has changed, or (when only the sync failed) it is not known to be durable.
    """
    # The new one gets the name of what is put aside before the exchange: behind it every
    # directory has its last name already.
    new.rename(aside)
    try:
        failpoints.hit("restore.before-exchange")
        _exchange(aside, path)
        failpoints.hit("restore.after-exchange")
    except OSError as error:
        aside.rename(new)
        if error.errno not in _CANNOT:
            raise
        _in_two_steps(new, path, aside)
    sync_directory(path.parent)


def _exchange(one: Path, other: Path) -> None:
    done = _libc.renameat2(
        _AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE
    )
    if done != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), str(one), None, str(other))


def _in_two_steps(new: Path, path: Path, aside: Path) -> None:
    path.rename(aside)
    try:
        failpoints.hit("restore.between-renames")
        new.rename(path)
    except OSError:
        aside.rename(path)
        raise
