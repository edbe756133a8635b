"""Instances on their way to other nodes.

`over` has the units that bring one to where its disks are already: `switch` checks what is to be
done, `failover`, `migration` and `cleanup` do it by what `both_ends` does with the disks and
`starting` with the instance. `copying` has the unit that takes copies of the disks along,
`change_group` the one that has an allocator find a place in another group, and `evacuation` what
moving many has in common. `target_checks` tells whether a node may take an instance.
"""
