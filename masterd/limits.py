"""Every bound of the daemon, by name, with its unit and why it is that number.

The store and the exporter lie below this package and take their bounds as arguments; the values
handed to them stand here too.
"""

from typing import Final

# --- luxi ---------------------------------------------------------------------------------------

#: Bytes of one LUXI message. A submission of 1,000 large jobs is about 5 MiB.
LUXI_MESSAGE_BYTES_MAX: Final = 64 * 1024 * 1024

#: Seconds a WaitForJobChange may wait at most. Source: luxi.json, wait_for_job_change (clients give
#: up after 180 s without an answer).
LUXI_WAIT_S_MAX: Final = 89

#: Open client connections. Thousands of commands may wait for their jobs at once; one costs under 5
#: KiB.
LUXI_CONNECTIONS_MAX: Final = 8192

#: Connections the kernel holds before they are accepted; the system's own bound
#: (net.core.somaxconn) applies too.
LUXI_BACKLOG: Final = 4096

#: Connections accepted in one go before others get their turn.
LUXI_ACCEPTS_PER_TURN: Final = 64

#: Bytes read from a connection in one go; the kernel's buffer holds about 200 KiB.
LUXI_READ_BYTES: Final = 64 * 1024

#: Messages a client may send ahead of the answers; with more waiting, its connection is not read.
LUXI_PIPELINE_MESSAGES_MAX: Final = 64

#: Bytes a client may send ahead of the answers; with more waiting, its connection is not read.
LUXI_PIPELINE_BYTES_MAX: Final = 1024 * 1024

#: Messages of one connection handled in a row before others get their turn.
LUXI_MESSAGES_PER_TURN: Final = 8

#: Greenlets that handle messages at once; a parked connection holds none.
LUXI_HANDLERS_MAX: Final = 1024

#: Idle handler greenlets kept for the next messages.
LUXI_HANDLERS_IDLE_MAX: Final = 64

#: Bytes of one answer. A full listing of 100,000 jobs is about 200 MiB.
LUXI_ANSWER_BYTES_MAX: Final = 512 * 1024 * 1024

#: Bytes of answers that clients have not read yet, over all connections; the client that exceeds it
#: is dropped.
LUXI_UNSENT_BYTES_MAX: Final = 1024 * 1024 * 1024

#: Bytes of unfinished messages over all connections; the client that exceeds it is dropped.
LUXI_UNFINISHED_BYTES_MAX: Final = 512 * 1024 * 1024

#: Seconds a client may take to read the next part of its answer, or to send the next part of its
#: message. Source: luxi.json, read_write: clients themselves give up after 180 s.
LUXI_STALL_S: Final = 180

#: Seconds a connection must be silent before it may be dropped to make room for a new one.
LUXI_IDLE_S: Final = 60

#: File descriptors left to the rest of the daemon when clients take all they may.
LUXI_DESCRIPTORS_RESERVED: Final = 512

#: Seconds until accepting is tried again after the process ran out of file descriptors.
LUXI_ACCEPT_RETRY_S: Final = 0.5

#: Seconds our own client waits for a connection and for an answer. Source: luxi.json, timeouts_3_0.
LUXI_CLIENT_CONNECT_S: Final = 30
LUXI_CLIENT_ANSWER_S: Final = 180

# --- opcodes ------------------------------------------------------------------------------------

#: Levels of nesting in the free-form part of an opcode; real ones have four.
OPCODE_DEPTH_MAX: Final = 64

#: Characters of a client's value in a refusal; nobody reads on, and a value may be megabytes.
OPCODE_VALUE_CHARS_MAX: Final = 500

#: Names of a client's keys in a refusal; the largest opcode has 51 parameters.
OPCODE_KEYS_TOLD_MAX: Final = 100

# --- job ----------------------------------------------------------------------------------------

#: Jobs that are not finished. Source: constants.json JOB_QUEUE_SIZE_HARD_LIMIT.
JOBS_LIVE_MAX: Final = 5000

#: Jobs that run at once when the configuration does not say.
JOBS_RUNNING_DEFAULT: Final = 20

#: Bytes of one log message, as JSON. Longer than any command's output that is worth keeping.
JOB_LOG_MESSAGE_BYTES_MAX: Final = 1024 * 1024

#: Log entries of one opcode that the store has not confirmed yet.
JOB_LOG_ENTRIES_UNSAVED_MAX: Final = 1000

#: Seconds between tries to record what a job did when the store cannot: the first and the longest
#: pause. There is no last try: the record waits for room on the disk.
JOB_STORE_RETRY_S_MIN: Final = 0.1
JOB_STORE_RETRY_S_MAX: Final = 10.0

#: Jobs moved to the archive by one transaction: some milliseconds of the writer's time.
JOB_ARCHIVE_BATCH_MAX: Final = 200

#: Rows read in one snapshot before others get their turn.
JOB_READ_BATCH_MAX: Final = 250

#: Jobs of one SubmitManyJobs.
JOBS_SUBMIT_MAX: Final = 10_000

# --- lock ---------------------------------------------------------------------------------------

#: Jobs that hold locks or wait for them; more than live jobs there cannot be.
LOCK_OWNERS_MAX: Final = 8192

#: Seconds of waiting for a lock after which a job counts one step of priority more, so that a
#: stream of more urgent jobs cannot keep it waiting for ever. Source: LOCK_ATTEMPTS_TIMEOUT.
LOCK_WAIT_RAISE_S: Final = 1800.0

# --- config -------------------------------------------------------------------------------------

#: Characters of a tag, and tags of an object. Source: constants.json MAX_TAG_LEN, MAX_TAGS_PER_OBJ.
CONFIG_TAG_LENGTH_MAX: Final = 128
CONFIG_TAGS_MAX: Final = 4096

#: Problems named in one error about a configuration document; a person reads no more of them.
CONFIG_PROBLEMS_TOLD_MAX: Final = 20

#: Seconds until writing `config.data` is tried again after it failed (a full disk).
CONFIG_WRITE_RETRY_S: Final = 2.0

#: Draws of a MAC address before a prefix counts as full. Source: Ganeti 3.0.2 lib/config.
CONFIG_RANDOM_TRIES: Final = 64

#: Highest TCP port given to disks and consoles. Source: constants.json LAST_DRBD_PORT.
CONFIG_PORT_MAX: Final = 14_999

#: Seconds until nodes that did not take their copy of the configuration are told again.
CONFIG_DISTRIBUTE_RETRY_S: Final = 60.0

#: Seconds for which a job that changed the configuration waits for each of its copies.
CONFIG_SHOWN_S: Final = 10.0

#: Objects that a change may touch for relations to be carried over it; above, they are computed
#: anew when somebody asks, which costs less than so many single steps.
CONFIG_CARRIED_MAX: Final = 200

#: Bytes of a ssconf file. Source: Ganeti 3.0.2 ssconf, maximal file size.
SSCONF_FILE_BYTES_MAX: Final = 128 * 1024

# --- rpc ----------------------------------------------------------------------------------------

#: Seconds until a node daemon must have accepted the connection and agreed on TLS. Source:
#: constants RPC_CONNECT_TIMEOUT.
RPC_CONNECT_S: Final = 5

#: Bytes of a node's answer; the largest, a listing of all logical volumes, is a few MiB.
RPC_ANSWER_BYTES_MAX: Final = 64 * 1024 * 1024

#: Bytes of the status line and headers of a node's answer; h11's own default.
RPC_ANSWER_HEAD_BYTES_MAX: Final = 16 * 1024

#: Characters of a node's error page kept for messages.
RPC_ERROR_TEXT_CHARS_MAX: Final = 500

#: Bytes read from a node in one go: two TLS records.
RPC_READ_BYTES: Final = 32 * 1024

#: Requests to one node at once, and connections to it. A node daemon serves 20 clients and then
#: makes everybody wait; four are left for other tools. Source: noded, --max-clients.
RPC_NODE_REQUESTS_MAX: Final = 16

#: Of these, how many may be slow ones, so that quick ones (queue files, versions) find a place.
RPC_NODE_SLOW_REQUESTS_MAX: Final = 12

#: Requests waiting for their turn at one node; more are refused.
RPC_NODE_WAITING_MAX: Final = 1024

#: Nodes of one call asked at the same time. A handshake is about 2 ms of CPU.
RPC_FANOUT_MAX: Final = 64

#: Requests in flight over all calls; one is an open file and about 40 KiB.
RPC_REQUESTS_MAX: Final = 1024

#: Seconds a connection may lie unused and be used again; less than the 10 s after which a node
#: daemon gives up reading.
RPC_IDLE_S: Final = 8

#: Connections kept unused to one node.
RPC_NODE_IDLE_MAX: Final = 4

#: Nodes whose connections and TLS sessions are remembered; beyond, the longest unused is forgotten.
RPC_PEERS_MAX: Final = 4096

#: Seconds between two looks at the certificate files.
RPC_CREDENTIALS_CHECK_S: Final = 1

#: Times a repeatable request is sent again when a kept connection turned out closed.
RPC_STALE_RETRIES: Final = 1

#: Bodies kept ready so that replicas of the same file share one: as many as two plans of a feed,
#: which the feeds go through nearly together; some 2 MiB.
RPC_REPLICA_BODIES_MAX: Final = 2048

# --- lu -----------------------------------------------------------------------------------------

#: Seconds a client of OP_TEST_JQUEUE may take to connect, and then to look at the job. Source:
#: Ganeti 3.0.2 lib/cmdlib/test.py; less than a client waits for a change of its job.
LU_NOTIFY_CONNECT_S: Final = 20.0
LU_NOTIFY_CONFIRM_S: Final = 60.0

# --- query --------------------------------------------------------------------------------------

#: Levels of "&", "|" and "!" in one filter; clients use two or three, and each level is a stack
#: frame.
QUERY_FILTER_DEPTH_MAX: Final = 50

#: Characters of a regular expression in a filter; clients' name patterns stay below 200.
QUERY_PATTERN_CHARS_MAX: Final = 1000

#: Rows between two pauses of a long answer; about 2 ms of work.
QUERY_ROWS_PER_PAUSE: Final = 256

# --- store and exporter (handed down by `app`) --------------------------------------------------

# --- daemon -------------------------------------------------------------------------------------

#: Rounds of votes at a start while most nodes do not answer, and seconds between two. After a power
#: cut all nodes boot at once; a minute lets their daemons come up. Source: Ganeti 2.11.8, masterd.
DAEMON_VOTE_TRIES: Final = 6
DAEMON_VOTE_PAUSE_S: Final = 10.0

#: TCP port of the node daemons. Source: constants.json DAEMONS_PORTS.
DAEMON_NODE_PORT: Final = 1811

#: Seconds that running opcodes get after the first SIGTERM. Ganeti's daemon-util waits 30 s before
#: it kills.
DAEMON_DRAIN_S: Final = 25.0

#: Seconds for closing everything after the drain; then the process ends regardless, which the store
#: survives.
DAEMON_STOP_S: Final = 10.0

#: Seconds a submission waits for master candidates where the settings ask for that.
DAEMON_CANDIDATES_WAIT_S: Final = 10.0

#: Bytes the store may grow to: a million archived jobs take about 2 GiB.
DAEMON_STORE_MAP_BYTES_MAX: Final = 1 << 40

#: Bytes of the report that a starting daemon sends to the process that started it.
DAEMON_REPORT_BYTES_MAX: Final = 64 * 1024

#: Tries to lock the pid file while the daemon before us is just removing it.
DAEMON_PID_FILE_TRIES: Final = 10

#: File descriptors closed when the daemon detaches, where the system names no bound.
DAEMON_DESCRIPTORS_MAX: Final = 65_536

#: File descriptors beside those of clients: store, logs, mirror files, connections to node daemons.
DAEMON_OTHER_DESCRIPTORS: Final = 1024

#: Seconds between two signs of life while a person waits for a job at a terminal.
CLIENT_PROGRESS_S: Final = 1

#: Seconds between them for everybody else. Source: constants.json DEFAULT_WFJC_TIMEOUT.
CLIENT_POLL_S: Final = 60

#: Seconds an AutoArchiveJobs call may work, half of what a client waits for an answer. Source:
#: Ganeti 3.0.2 lib/luxi.py.
CLIENT_ARCHIVE_S: Final = 89

# --- app ----------------------------------------------------------------------------------------

#: Seconds the store gets at the end to finish the changes given to it.
APP_CLOSE_S: Final = 30.0

#: Seconds the mirror gets at the end to catch up; what is left it does at the next start.
APP_MIRROR_STOP_S: Final = 10.0

#: Seconds config.data gets at the end to be written.
APP_CONFIG_WRITTEN_S: Final = 10.0

#: Seconds between two writings of the status file: fresh enough for a person who looks.
APP_STATUS_S: Final = 2.0

#: Allocations after which young objects are looked at, how many such looks make one at the older
#: ones (3 ms), and how many of those one at everything (once in half a minute under full load).
APP_COLLECTOR_THRESHOLDS: Final = (10_000, 5, 1000)
