"""The job queue: what a job is, how it moves, who runs it, who is told.

`status`, `model`, `machine`, `dependencies`, `filters` and `scheduler` (with `ranked`) decide and
know nothing of the world; `repository` keeps jobs in the store, `service` is the queue as clients
see it, `live` has the unfinished jobs in memory and does what follows from commits, `crew` has the
greenlets that carry jobs out, `worker` is one of them, `sweep` finds what was lost between these,
`waiters` wakes whoever waits for a change, `watch` knows what is news to one of these, `recovery`
puts the queue in order after a start. `journal` notes what an opcode asks of nodes, `node_calls`
tells it when the opcode ends unclean. Rows, as bodies of transactions use them: `job_rows`,
`live_rows`, `call_rows`.
Greenlets may switch only in functions whose docstring says "Switches."
"""
