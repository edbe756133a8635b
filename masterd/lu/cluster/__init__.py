"""The cluster as a whole: its parameters, its name and address, its keys, its checks, its end.

`params` - `values`, `storage`, `address_change`, `communication` (OP_CLUSTER_SET_PARAMS and its
parts); `verify`, `verify_group`, `verify_jobs` - `verify_report`; `disk_sizes`; `redist` -
`ancillary`; `life`, `rename`, `address`, `query`, `crypto`.
"""
