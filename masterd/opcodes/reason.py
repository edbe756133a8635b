"""The reason trail: who asked for an opcode, and which way it came. Pure.

Each part that hands an opcode on adds an entry `[source, text, time in ns]` at the end. Clients
send theirs; a submission adds one of its own (`masterd.job.new`). Source: jobfile.json
reason_trail.
"""

#: (source, text, time in nanoseconds since the epoch)
ReasonEntry = tuple[str, str, int]
