"""Logical units: how each opcode is carried out, and what runs them.

`base` says what a logical unit is, `registry` which one carries out which opcode, `processor` runs
one: locks, checks, execution, result. `context` is the world as logical units may touch it, each
part behind a small protocol; `feedback` is how they talk to whoever watches the job; `notify` opens
the sockets by which test opcodes let a client take part.

The logical units stand in one file per family: `delay`, `queue_tests`, `tags`, `cluster_query`.
Greenlets may switch in every hook of a logical unit but `check_arguments`.
"""
