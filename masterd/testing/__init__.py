"""Stand-ins that work: node daemons, a transport, a clock, and whole cluster directories.

`cluster` makes the directories of a virtual cluster (certificates, ssconf, `config.data`) and can
start its node daemons. `node` is their program, many nodes in one process: `node_server` is the
HTTPS side, `node_calls` what the calls do in a node's own root directory, `control` the socket on
which a test tells them to misbehave as `faults` describes. `transport` is the same nodes without
sockets, and `clock` a clock that moves when told.

Only tests, the quickstart and the benchmarks import this package. Nothing here patches; what
serves connections switches greenlets.
"""
