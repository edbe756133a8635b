"""Every table of the store on one page: key, value, who writes it, what it is for.

The store itself knows nothing about jobs; this page is the one exception, so that a reader finds
the whole disk format in one place (byte forms: `FORMAT.md`). Indexes name their primary;
`store/check.py` rebuilds each index from its primary and compares.
"""

from typing import Final

from store.job_table import JobTable
from store.table import COMPRESSED_MSGPACK, EMPTY, MSGPACK, TEXT, U64, UINT, Table, pair

#: Schema version by "version"; creation facts.
META: Final = Table("meta", key=TEXT, value=MSGPACK)

#: Last used number by name: "job" (ids are never reused), "outbox", "config".
SERIALS: Final = Table("serials", key=TEXT, value=UINT)

#: Switches of the queue by name: "drain" -> True while drained.
FLAGS: Final = Table("flags", key=TEXT, value=MSGPACK)

#: What has changed since a live job's row was written, by (job id, 0 or opcode index + 1): the job
#: without its opcodes, and of an opcode what may change. Of unfinished jobs with many opcodes only.
JOB_STEPS: Final = Table("job_steps", key=pair(U64, U64), value=MSGPACK)

#: Live job document by job id, JOB_STEPS laid over it (`store.job_table`); the exporter renders the
#: mirror file from the same document.
JOBS: Final = JobTable("jobs", JOB_STEPS)

#: Log entry `[op index, time in us, kind, message as JSON bytes]` by (job id, serial); live jobs
#: only.
JOB_LOGS: Final = Table("job_logs", key=pair(U64, U64), value=MSGPACK)

#: What the opcode that runs has asked nodes to change, by (job id, number from 1): opcode index,
#: time in us, `[call, node]` each, and once they have answered the time and whether each did it.
NODE_CALLS: Final = Table("node_calls", key=pair(U64, U64), value=MSGPACK)

#: Archived job document by job id, its log folded in under "log".
ARCHIVE: Final = Table("archive", key=U64, value=COMPRESSED_MSGPACK)

#: Index of JOBS: ids of jobs that are not finished.
UNFINISHED: Final = Table("unfinished", key=U64, value=EMPTY)

#: Index of JOBS: finished jobs by (end time in us, job id); 0 where a taken-over job has no end
#: time.
FINISHED: Final = Table("finished", key=pair(U64, U64), value=EMPTY)

#: What a mirror must do again, by sequence number: `[kind, id]` (kinds: store/outbox.py).
OUTBOX: Final = Table("outbox", key=U64, value=MSGPACK)

#: How far a consumer of the outbox has come, by its name.
CURSORS: Final = Table("cursors", key=TEXT, value=MSGPACK)

#: Configuration object document by (kind, uuid); the cluster has its own uuid.
CONFIG: Final = Table("config", key=pair(TEXT, TEXT), value=MSGPACK)

#: Index of CONFIG: uuid by (kind, name).
CONFIG_NAMES: Final = Table("config_names", key=pair(TEXT, TEXT), value=MSGPACK)

#: Index of CONFIG: who uses what, by (use, user); texts of both: store/config_uses.py.
CONFIG_USES: Final = Table("config_uses", key=pair(TEXT, TEXT), value=EMPTY)

TABLES: Final = (
    META, SERIALS, FLAGS, JOBS, JOB_STEPS, JOB_LOGS, NODE_CALLS, ARCHIVE, UNFINISHED, FINISHED,
    OUTBOX, CURSORS, CONFIG, CONFIG_NAMES, CONFIG_USES,
)  # fmt: skip

#: Schema version this code reads and writes; `migrations/` brings other versions here.
SCHEMA_VERSION: Final = 5
