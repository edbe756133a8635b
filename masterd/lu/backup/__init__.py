"""Exports of instances: `export` and `prepare` are the units, `remove` takes exports away.

`exporting` does the work, with `snapshots` where the instance is to run on. The way of the data is
`moving` within the cluster and `remote` between two, which believe each other by `handover`; both
have daemons on nodes that `transfer` looks after, by what `daemon_states` says of them.
"""
