"""Disks of instances: `creation` makes them, `adoption` takes those that are there already.

`assembly` brings them up and down and removes them, `sync` waits until their mirrors are the same,
`consistency` tells whether they are. `activation`, `grow`, `recreate` and `replace` are opcodes;
the last one has its parts in `replace_plan`, `replace_steps`, `replace_in_place` and
`replace_node`. `modify` changes the disks of an instance one by one, which `modify_steps` does;
`convert` gives all of them another template (`convert_plan`, `convert_copies`, `convert_mirrors`).
"""
