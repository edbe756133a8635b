"""The bounds of what programs beside the daemon do, here and on nodes; others: `limits`."""

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

# --- daemons on nodes that import and export disks ----------------------------------------------

#: Seconds that a daemon which imports or exports a disk may take to tell its status for the first
#: time, and to listen; and those for which its node may not tell it. Source: Ganeti 3.0.2
#: lib/masterd/instance.py, as all bounds of transfers.
TRANSFER_READY_S: Final = 10.0
TRANSFER_LISTEN_S: Final = 10.0
TRANSFER_SILENT_S: Final = 10.0
#: Seconds for the other side to connect: between nodes, and between clusters, where the source
#: stops the instance meanwhile and may take its time for that. Source: constants
#: DISK_TRANSFER_CONNECT_TIMEOUT, RIE_CONNECT_TIMEOUT.
TRANSFER_CONNECT_S: Final = 60
TRANSFER_CONNECT_CLUSTERS_S: Final = 180
#: Seconds for which the certificate of a transfer between clusters is good; a transfer that takes
#: longer has connected by then. Source: constants RIE_CERT_VALIDITY.
TRANSFER_CERTIFICATE_S: Final = 86_400

# --- mirrors on nodes ---------------------------------------------------------------------------

#: How often a node is asked in vain how far its mirrors are, six seconds apart: a minute is enough
#: for a node daemon to be started anew.
DISK_SYNC_SILENT_TRIES_MAX: Final = 10
#: How often one looks again, each second, at a mirror that is broken though nothing is copied any
#: more: between two states DRBD seems so for a moment.
DISK_SYNC_DEGRADED_TRIES_MAX: Final = 10
