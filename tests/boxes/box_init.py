"""First process of a box: make its file system, say that it is ready, reap what dies.

Usage: python3 box_init.py NAME ROOT UPPER WORK HIDDEN SHOWN...

`ROOT` is where the box's root is put together: an overlay of this machine's `/` with `UPPER` for
what differs. `HIDDEN` (where boxes keep their files) is empty inside; `SHOWN`, each OUTSIDE:INSIDE,
are directories of this machine and where they are found in the box. Runs alone, with any Python 3.
"""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path


def main(name: str, root: str, upper: str, work: str, hidden: str, *shown: str) -> None:
    """Build the box, then wait for its end."""
    _run("mount", "--make-rprivate", "/")
    overlay = f"lowerdir=/,upperdir={upper},workdir={work}"
    _run("mount", "-t", "overlay", "overlay", "-o", overlay, root)
    _run("mount", "--rbind", "/dev", f"{root}/dev")
    # Fresh ones show this box's interfaces and processes, not the machine's.
    _run("mount", "-t", "sysfs", "sysfs", f"{root}/sys")
    _run("mount", "-t", "proc", "proc", f"{root}/proc")
    _run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", f"{root}/run")
    for path, mode in (("lock", 0o1777), ("sshd", 0o755)):
        Path(root, "run", path).mkdir()
        Path(root, "run", path).chmod(mode)
    sysrq = f"{root}/proc/sysrq-trigger"
    if Path(sysrq).exists():
        # A power cycle that Ganeti asks for must not reach the machine.
        _run("mount", "--bind", "/dev/null", sysrq)
    Path(root + hidden).mkdir(parents=True, exist_ok=True)
    _run("mount", "-t", "tmpfs", "-o", "mode=755,size=1m", "tmpfs", root + hidden)
    for pair in shown:
        outside, _, inside = pair.partition(":")
        Path(root + inside).mkdir(parents=True, exist_ok=True)
        _run("mount", "--bind", outside, root + inside)
    os.chdir(root)
    _run("pivot_root", ".", ".")
    _run("umount", "-l", ".")
    os.chdir("/")
    _run("hostname", name)
    Path("/run/box-ready").write_text(name)
    _reap()


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


def _reap() -> None:
    """Collect ended processes until told to end."""
    watched = {signal.SIGCHLD, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, watched)
    while signal.sigwait(watched) == signal.SIGCHLD:
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                continue


if __name__ == "__main__":
    main(*sys.argv[1:])
