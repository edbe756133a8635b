"""Logical units: how each opcode is carried out.

One file or a few for each family; those behind a dash are its parts.

* The cluster: `cluster_life`, `cluster_rename`, `cluster_address`, `cluster_query`,
  `cluster_crypto`, `cluster_redist` - `ancillary`, `cluster_params` - `cluster_values`,
  `cluster_storage`, `cluster_address_change`, `communication`, and `tags`.
* Its verification: `cluster_verify`, `cluster_verify_group` - `verify_report`,
  `cluster_verify_jobs`, `group_verify_disks`, `disk_sizes`.
* Groups: `group` - `group_nodes`, `group_params`; `group_evacuate` and `node_evacuate` -
  `evacuation`.
* Nodes: `node_join`, `node_params` - `candidate_pool`, `user_shutdown`, `node_address`;
  `node_removal`, `node_power`, `node_storage` - `node_units`, `node_volumes`;
  `restricted_command`.
* Networks: `network`, `network_connect`.
* Instances: `instance_power`, `disk_activation`, `instance_console`, `instance_remove` -
  `guest` (what such opcodes ask and record of their instance), `instance_disks`, `disk_sync`;
  `instance_query`, `backup_remove`. `instance_create` - `create_request`, `create_params`,
  `create_nics`, `create_nodes`, `disk_adoption` (what is looked at), `instance_making`,
  `disk_creation` (the work); `host_checks` (what nodes must have for an instance) and
  `instance_record` (how it enters the configuration and leaves it).
* Questions and tests: `query`, `delay`, `queue_tests` - `notify`; `allocator_test`,
  `os_params_test`.

`registry` tells which unit carries out which opcode, `names` finds what opcodes name. The frame
that they stand on is `masterd/work/`.
"""
