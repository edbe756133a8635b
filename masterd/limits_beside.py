"""The bounds of what programs beside the daemon do; all others stand in `limits`."""

from typing import Final

#: Locks that one program beside the daemon can hold, and its requests that can wait: a cluster of
#: 10,000 instances has some 40,000 names, and each waiting request is tried at each release.
LOCK_OUTSIDE_LOCKS_MAX: Final = 50_000
LOCK_OUTSIDE_PENDING_MAX: Final = 64

#: Seconds a job's change of the configuration waits while a program beside the daemon has it
#: locked, which takes seconds, and between two looks; a program that died is found before.
CONFIG_LOCKED_WAIT_S: Final = 300.0
CONFIG_LOCKED_LOOK_S: Final = 0.1

#: Seconds the companion waits for an answer of the master daemon. Clients wait 60. Source:
#: luxi.json, wconfd.timeouts.
WCONFD_RELAY_ANSWER_S: Final = 60.0

#: Seconds the companion tries to reach the master daemon that runs on this node.
WCONFD_RELAY_CONNECT_S: Final = 10.0

#: Seconds between two looks whether the programs that own locks are still alive.
WCONFD_ALIVE_LOOK_S: Final = 5.0

#: Things that programs beside the daemon, and their disks, can have put aside at once.
WCONFD_RESERVATIONS_MAX: Final = 10_000
