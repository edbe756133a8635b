"""Logical units: how each opcode is carried out.

One file per family: `allocator_test`, `backup_remove`, `cluster_address`, `cluster_query`,
`cluster_redist` (which files there are says `ancillary`), `cluster_verify` and
`cluster_verify_group` (`verify_report` is their report), `cluster_verify_jobs`, `delay`,
`disk_sizes`, `group` with `group_nodes`, `group_params` and `group_verify_disks`, `group_evacuate`
and `node_evacuate` (what they share is in `evacuation`), `instance_activation`, `instance_console`,
`instance_power` and `instance_remove` (`guest` is what such opcodes ask and record of their
instance, `instance_disks` brings disks up, down and out of the way, `disk_sync` waits for their
mirrors), `instance_query`, `network` and `network_connect`, `node_power`, `node_storage` with
`node_units` and `node_volumes`, `os_params_test`, `query`, `queue_tests`, `restricted_command` and
`tags`. `registry` tells which unit carries out which opcode; `names` finds what opcodes name;
`notify` opens the sockets by which test opcodes let a client take part. The frame they stand on is
`masterd/work/`.
"""
