"""Readers of this process on one side, a change of the memory map on the other.

LMDB can change its map only while the process has no transaction open. Snapshots pass through
`enter` and `leave`; whoever changes the map asks for `exclusive`. New readers are never kept
waiting for older ones: the last reader that leaves hands the gate over, and it is shut only for the
change itself, which takes milliseconds. A reader inside may therefore enter again without deadlock.

The locks are the operating system's own, also where gevent has replaced the usual ones: the two
sides stand on different threads, and no greenlet switches while it reads.
"""

from gevent import monkey

#: A lock of the operating system, monkey patching or not.
native_lock = monkey.get_original("_thread", "allocate_lock")


class ReaderGate:
    """Counts readers, and lets one writer in when there are none."""

    __slots__ = ("_granted", "_mutex", "_readers", "_shut", "_turnstile", "_wanted")

    def __init__(self) -> None:
        self._mutex = native_lock()
        #: Held while the gate is shut; readers who find it shut queue here.
        self._turnstile = native_lock()
        #: Held except for the moment in which the last reader hands over.
        self._granted = native_lock()
        self._granted.acquire()
        self._readers = 0
        self._wanted = False
        self._shut = False

    @property
    def readers(self) -> int:
        """How many are inside; for statistics."""
        return self._readers

    def enter(self) -> None:
        """Become a reader; waits only while the map is being changed."""
        while True:
            with self._mutex:
                if not self._shut:
                    self._readers += 1
                    return
            with self._turnstile:
                pass

    def leave(self) -> None:
        """Stop being a reader."""
        with self._mutex:
            self._readers -= 1
            if self._readers == 0 and self._wanted:
                self._wanted = False
                self._shut = True
                self._turnstile.acquire()
                self._granted.release()

    def exclusive(self, timeout_s: float) -> bool:
        """Wait until no reader is inside and shut the gate; return whether that came to pass.

        For one thread at a time; end it with `reopen`.
        """
        with self._mutex:
            if self._readers == 0:
                self._shut = True
                self._turnstile.acquire()
                return True
            self._wanted = True
        if self._granted.acquire(timeout=timeout_s):
            return True
        with self._mutex:
            if self._shut:
                # The last reader left between the end of the wait and here.
                self._granted.acquire()
                return True
            self._wanted = False
        return False

    def reopen(self) -> None:
        """Let readers in again."""
        with self._mutex:
            self._shut = False
            self._turnstile.release()
