"""The job queue: what a job is, how it moves, who runs it, who is told.

`status`, `model`, `machine`, `scheduler` and `dependencies` decide and know nothing of the world;
`repository` keeps jobs in the store, `service` is the queue as clients see it, `worker` runs one
job, `waiters` wakes whoever waits for a change, `recovery` puts the queue in order after a start.
Greenlets may switch only in functions whose docstring says "Switches."
"""
