"""Instance allocators: scripts that decide where instances go.

`request` says what may be asked and how a request is written; `cluster` describes the cluster to
the script; both together are the script's input. `result` checks what the script printed. All three
are pure. `run` asks the nodes, and has the node daemon of the master run the script. It switches.

Source: Ganeti 3.0.2 lib/masterd/iallocator.py, doc/iallocator.rst (forms, rules).
"""
