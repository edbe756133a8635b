"""Every bound of the daemon, by name, with its unit and why it is that number.

The store and the exporter lie below this package and take their bounds as arguments; the values
handed to them stand here too.
"""

from typing import Final

# --- luxi ---------------------------------------------------------------------------------------

#: Bytes of one LUXI message. A submission of 1,000 large jobs is about 5 MiB.
LUXI_MESSAGE_BYTES_MAX: Final = 64 * 1024 * 1024

#: Bytes of a message that is no submission. The largest that clients send tell what they know of a
#: job they wait for, with the results of its opcodes.
LUXI_CALL_BYTES_MAX: Final = 4 * 1024 * 1024

#: Bytes of a message that is read at one go: a few milliseconds.
LUXI_READ_AT_ONCE_BYTES: Final = 128 * 1024

#: Values in a larger message, of which each takes some 60 bytes: 10,000 names, and 10,000 jobs with
#: 100 values each.
LUXI_CALL_VALUES_MAX: Final = 100_000
LUXI_SUBMISSION_VALUES_MAX: Final = 1_000_000

#: Bytes of a large message in which values are counted, and opcodes of it that are read or checked
#: before others get their turn: a few milliseconds.
LUXI_COUNTED_BYTES: Final = 1024 * 1024
LUXI_PIECES_PER_PAUSE: Final = 64

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

#: Connections without which serving makes no sense: a few administrators, the remote API, the
#: watcher, and the processes that wait for their jobs.
LUXI_CONNECTIONS_MIN: Final = 64

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

#: Notes of what one opcode asked of nodes; of more, the first are forgotten. And how many of them
#: the error of a job that ended unclean names; its log names them all.
NODE_CALLS_KEPT_MAX: Final = 1000
NODE_CALLS_TOLD_MAX: Final = 10

#: Jobs moved to the archive by one transaction: some milliseconds of the writer's time.
JOB_ARCHIVE_BATCH_MAX: Final = 200

#: Rows read in one snapshot before others get their turn.
JOB_READ_BATCH_MAX: Final = 250

#: Opcodes of a job from which on its steps are written beside its row, and how many such jobs are
#: remembered between their steps: as many as run at once.
JOB_STEPS_OPCODES_MIN: Final = 8
JOBS_KNOWN_MAX: Final = 64

#: Submitted jobs that are encoded before others get their turn; about 2 ms of work.
JOB_ENCODED_PER_PAUSE: Final = 64

#: Jobs of one SubmitManyJobs.
JOBS_SUBMIT_MAX: Final = 10_000

#: Tests of a job against a rule between two turns of others, when rules have changed: 4 ms of work.
JOB_RULES_PER_TURN: Final = 2048

#: Seconds between two looks for what was lost on its way from the store to the scheduler. What
#: three looks find is picked up, which is within a second.
JOB_SWEEP_S: Final = 0.25

#: Jobs that run, and others, which each such look compares with the store: 1 ms of work.
JOB_SWEPT_MAX: Final = 32

# --- lock ---------------------------------------------------------------------------------------

#: Jobs that hold locks or wait for them; more than live jobs there cannot be.
LOCK_OWNERS_MAX: Final = 8192

#: Seconds of waiting for a lock after which a job counts one step of priority more, so that a
#: stream of more urgent jobs cannot keep it waiting for ever. Source: LOCK_ATTEMPTS_TIMEOUT.
LOCK_WAIT_RAISE_S: Final = 1800.0

#: Seconds of waiting for a lock after which the job's log says for what and for whom: whoever looks
#: by then wants to know, and most waits are shorter. Of those in the way, so many are named.
LOCK_WAIT_TOLD_S: Final = 60.0
LOCK_WAIT_OWNERS_TOLD_MAX: Final = 10

# --- config -------------------------------------------------------------------------------------

#: Characters of a tag, and tags of an object. Source: constants.json MAX_TAG_LEN, MAX_TAGS_PER_OBJ.
CONFIG_TAG_LENGTH_MAX: Final = 128
CONFIG_TAGS_MAX: Final = 4096

#: Characters of a uuid that a client makes up; real ones have 36, and a key of the store has room
#: for so many of four bytes.
CONFIG_UUID_CHARS_MAX: Final = 100

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

#: Seconds a node may take for its copy of the configuration, and bytes that give it a second more;
#: one that takes longer counts as failing, so that nobody waits for it.
CONFIG_COPY_S: Final = 5.0
CONFIG_COPY_BYTES_PER_S: Final = 1024 * 1024

#: Seconds for which a job that changed the configuration waits for each of its copies.
CONFIG_SHOWN_S: Final = 10.0

#: Objects that a change may touch for relations to be carried over it; above, they are computed
#: anew when somebody asks, which costs less than so many single steps.
CONFIG_CARRIED_MAX: Final = 200

#: Contents of a ssconf file that count as ours: what is to be written, what is there, and two that
#: a node daemon may still be busy with.
CONFIG_SIMPLE_VERSIONS_MAX: Final = 4

#: Seconds for which one look at the simple files here counts for all nodes that get the same ones.
CONFIG_SIMPLE_LOOK_S: Final = 1.0

#: Bytes of a ssconf file. Source: Ganeti 3.0.2 ssconf, maximal file size.
SSCONF_FILE_BYTES_MAX: Final = 128 * 1024

# --- rpc ----------------------------------------------------------------------------------------

#: Seconds until a node daemon must have accepted the connection and agreed on TLS. Source:
#: constants RPC_CONNECT_TIMEOUT.
RPC_CONNECT_S: Final = 5

#: Seconds that a name look-up may take: the resolver asks some servers, each more than once.
PROBE_LOOK_UP_S: Final = 30
#: Seconds within which a host must accept or refuse a connection. Source: Ganeti's TcpPing.
PROBE_CONNECT_S: Final = 10
#: Look-ups and probes under way at the same time; others wait. Each look-up holds a native thread.
PROBE_AT_ONCE_MAX: Final = 8

#: Bytes of a node's answer to an ordinary call; most are below 1 KiB.
RPC_ANSWER_BYTES_MAX: Final = 1024 * 1024

#: Bytes of an answer that lists what a node has or what a script wrote; the largest, a listing of
#: all logical volumes, is a few MiB.
RPC_LISTING_BYTES_MAX: Final = 16 * 1024 * 1024

#: Bytes of an answer that are not its body: heads, 1xx responses, chunk sizes, trailers. 16 MiB in
#: chunks of 4 KiB take half of it; reading so much in the smallest pieces is 0.1 s of CPU.
RPC_ANSWER_FRAME_BYTES_MAX: Final = 64 * 1024

#: Values in an answer, at most 0.1 s of CPU. 100,000 logical volumes are 400,000.
RPC_ANSWER_VALUES_MAX: Final = 500_000

#: Bytes of the status line and headers of a node's answer; h11's own default.
RPC_ANSWER_HEAD_BYTES_MAX: Final = 16 * 1024

#: Characters of a node's error page kept for messages, and bytes of it that are looked at: what
#: takes the HTML away needs the square of their number.
RPC_ERROR_TEXT_CHARS_MAX: Final = 500
RPC_ERROR_PAGE_BYTES_MAX: Final = 4096

#: Characters kept of what a node says went wrong. A failed script's error has its last 20 lines.
RPC_ERROR_CHARS_MAX: Final = 16 * 1024

#: Bytes read from a node in one go: two TLS records.
RPC_READ_BYTES: Final = 32 * 1024

#: Requests to one node at once, and connections to it. A node daemon serves 20 clients and then
#: makes everybody wait; four are left for other tools. Source: noded, --max-clients.
RPC_NODE_REQUESTS_MAX: Final = 16

#: Of these, how many may be slow ones, so that quick ones (queue files, versions) find a place.
RPC_NODE_SLOW_REQUESTS_MAX: Final = 12

#: Requests waiting for their turn at one node; more are refused.
RPC_NODE_WAITING_MAX: Final = 1024

#: Nodes of one call asked at once: all of a large cluster, or a slow one would be begun with late.
RPC_FANOUT_MAX: Final = 256

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

#: Seconds a node daemon may take for a queue file. Beyond them the candidate counts as unreachable,
#: so that nobody waits for it.
RPC_REPLICA_S: Final = 5.0

#: Bodies kept ready so that replicas of the same file share one: as many as two plans of a feed,
#: which the feeds go through nearly together; some 2 MiB.
RPC_REPLICA_BODIES_MAX: Final = 2048

# --- lu -----------------------------------------------------------------------------------------

#: Seconds a client of OP_TEST_JQUEUE may take to connect, and then to look at the job. Source:
#: Ganeti 3.0.2 lib/cmdlib/test.py; less than a client waits for a change of its job.
LU_NOTIFY_CONNECT_S: Final = 20.0
LU_NOTIFY_CONFIRM_S: Final = 60.0

#: How often an opcode takes its locks anew because, once it held them all, the configuration had
#: become one in which it needs more. Each time it waited for others; so often means never.
LU_LOCK_TRIES_MAX: Final = 20

#: Changes of an instance's disks in one opcode, and of its network interfaces: it has 16 and 8 at
#: most. Each may ask nodes, and makes the list anew.
LU_DEVICE_CHANGES_MAX: Final = 128

#: How often files are looked at again because the configuration changed meanwhile.
VERIFY_FILES_TRIES: Final = 3
#: How often a node is asked which certificate it has now: its daemon may just be starting.
LU_CERTIFICATE_TRIES: Final = 3

# --- query --------------------------------------------------------------------------------------

#: Levels of "&", "|" and "!" in one filter; clients use two or three, and each level is a stack
#: frame.
QUERY_FILTER_DEPTH_MAX: Final = 50

#: Characters of a regular expression in a filter; clients' name patterns stay below 200.
QUERY_PATTERN_CHARS_MAX: Final = 1000

#: Bytes that one regular expression may take, compiled; those that clients send stay below 10 KiB,
#: and matching a name with the largest takes some 15 ms.
QUERY_PATTERN_MEMORY_BYTES: Final = 256 * 1024

#: Instructions of all regular expressions of a filter; a pattern for one name has some 30.
QUERY_PATTERNS_SIZE_MAX: Final = 50_000

#: Instructions of regular expressions that count as one test more, between two pauses.
QUERY_PATTERN_SIZE_PER_TEST: Final = 16

#: Rows, or tests of a filter, between two pauses of a long answer; about 2 ms of work.
QUERY_ROWS_PER_PAUSE: Final = 256

# --- daemon -------------------------------------------------------------------------------------

#: Rounds of votes at a start while silent nodes could decide, and seconds between two. After a
#: power cut all nodes boot at once; a minute lets their daemons come up. Source: Ganeti 2.11.8,
#: masterd.
DAEMON_VOTE_TRIES: Final = 6
DAEMON_VOTE_PAUSE_S: Final = 10.0

#: Characters of the reason why a node gave no vote: one line of it, also when many nodes have one.
DAEMON_VOTE_REASON_CHARS_MAX: Final = 300

#: Seconds that a node may take at a start to say which files it holds.
FRESHNESS_ASK_S: Final = 10.0

#: Numbers tried in each direction to find the one in a node's file; a quarter of a second.
FRESHNESS_NUMBERS_TRIED: Final = 250_000

#: Datagrams sent to a node's configuration server, and the seconds waited for an answer to each.
CONFD_TRIES: Final = 3
CONFD_ANSWER_S: Final = 1.0

#: Bytes of a datagram. Source: constants.json MAX_UDP_DATA_SIZE.
CONFD_DATAGRAM_BYTES_MAX: Final = 61_440

#: TCP port of the node daemons. Source: constants.json DAEMONS_PORTS.
DAEMON_NODE_PORT: Final = 1811

#: UDP port of the nodes' configuration servers, from the same table.
DAEMON_CONFD_PORT: Final = 1814

#: Seconds that running opcodes get after the first SIGTERM. Ganeti's daemon-util waits 30 s before
#: it kills.
DAEMON_DRAIN_S: Final = 25.0

#: Seconds for closing everything after the drain; then the process ends regardless, which the store
#: survives.
DAEMON_STOP_S: Final = 10.0

#: Seconds a submission waits for master candidates where the settings ask for that.
DAEMON_CANDIDATES_WAIT_S: Final = 10.0

#: Seconds that the oldest change may be old which no reachable master candidate holds. It is what a
#: failover loses.
DAEMON_CANDIDATES_BEHIND_S: Final = 5.0

#: Seconds a submission waits for the candidates' pace before it is refused; clients give up after
#: 180.
DAEMON_ENTRANCE_WAIT_S: Final = 120.0

#: Submissions that wait for it at once. Each has a handler, and half of them are left for others.
DAEMON_ENTRANCE_WAITING_MAX: Final = LUXI_HANDLERS_MAX // 2

#: Bytes the store may grow to: a million archived jobs take about 2 GiB.
DAEMON_STORE_MAP_BYTES_MAX: Final = 1 << 40

#: Bytes of the report that a starting daemon sends to the process that started it.
DAEMON_REPORT_BYTES_MAX: Final = 64 * 1024

#: Seconds between two looks whether sockets, pid files, log and queue are still there.
KEEPER_S: Final = 2.0

#: Tries to lock the pid file while the daemon before us is just removing it.
DAEMON_PID_FILE_TRIES: Final = 10

#: Seconds between two looks for the pid file of a killed companion: the watcher, which starts it
#: anew, comes every five minutes.
DAEMON_STALE_LOOK_S: Final = 5.0

#: Names tried for the livelock file; each is that of a second, and starts in a row come near each
#: other.
DAEMON_LIVELOCK_TRIES: Final = 10

#: Seconds between two signs of life of the hub, at which ssconf is looked at too: another node that
#: becomes master waits longer than that for the former one's address to go away.
LEASE_BEAT_S: Final = 1.0

#: Seconds without a sign of life after which the process counts as paused. The hub is never kept
#: busy as long as that; where it is, the nodes are asked once more than needed.
LEASE_PAUSE_S: Final = 10.0

#: Seconds between two rounds of votes while we serve. ssconf tells of a failover within a second;
#: this is for one that could not reach this node.
LEASE_VOTES_S: Final = 60.0

#: Seconds a node may take to say whom it names, then.
LEASE_VOTE_S: Final = 10.0

#: Rounds of votes after a pause, while those who do not answer could decide, and seconds between.
LEASE_DOUBT_TRIES: Final = 3
LEASE_DOUBT_PAUSE_S: Final = 2.0

#: Seconds for which a change waits while it is in doubt whether this node is the master: longer
#: than all rounds take. It is looked again every so many seconds.
LEASE_DOUBT_S: Final = 60.0
LEASE_POLL_S: Final = 0.05

#: Seconds the own node daemon gets to take the cluster's address down.
LEASE_ADDRESS_S: Final = 5.0

#: Seconds the mirror gets to end what it is at, when nothing may be written any more.
LEASE_MIRROR_STOP_S: Final = 1.0

#: Characters of one line of the log, and lines of one record: what a client or a node sent may be
#: megabytes, and nobody reads on. A traceback through all layers has some 60 lines.
LOG_LINE_CHARS_MAX: Final = 2000
LOG_RECORD_LINES_MAX: Final = 200

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

#: Job ids named in one reason why a start is refused; ganeti-masterd-check shows all.
STANDING_IDS_TOLD_MAX: Final = 10

#: Seconds that systemd is asked to wait longer while a start or end goes on, twice in such a time.
NOTIFY_EXTEND_S: Final = 60
#: Characters of what systemd shows of the daemon: one line.
NOTIFY_STATUS_CHARS_MAX: Final = 200

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

# --- commands for the administrator -------------------------------------------------------------

#: Seconds a program of the system may take; starting the daemons includes all rounds of votes.
UPKEEP_COMMAND_S: Final = 300.0
#: Seconds to wait for a watcher that works, before it is kept away; it takes seconds.
UPKEEP_WATCHER_S: Final = 120.0
#: Seconds between two looks at something that is waited for.
UPKEEP_LOOK_S: Final = 0.5
#: Seconds a master daemon may take to answer while it is looked at.
UPKEEP_ANSWER_S: Final = 60.0
