"""What instances are, beyond the objects of the configuration, and what they may be. Pure.

`view` is what everybody asks of one instance, `params` fills its parameters, `disks` says what
disks are made of and on which nodes they are, `new_disks` what is asked for of new ones,
`disk_trees` what becomes of that, `disk_changes` what is asked for of those that are there, and
`conversion` what they become with another template. `nics` is what network interfaces may be,
`nic_changes` what is asked for of those that are there, `list_changes` how lists of these and of
disks change. `processors` reads on which ones an instance may run, `policy` says which instances a
group admits, `migration` which can go on elsewhere, `hook_env` what scripts on nodes are told of
instances and of what else opcodes are about. Shared by logical units, queries and the allocator.
"""
