"""Logical units: how each opcode is carried out, a folder for each subject.

`cluster`, `group`, `node` and `network` are what they say. Of instances, `instance` has those that
are there, `creation` those that begin, `disks` what they store, `moves` their ways to other nodes,
`backup` their exports. Beside the folders stand what has no subject (`tags`, `query`) and the
opcodes for tests (`delay`, `queue_tests` - `notify`, `allocator_test`, `os_params_test`).

`registry` tells which unit carries out which opcode, `names` finds what opcodes name, `host_names`
what the network calls so. The frame that they stand on is `masterd/work/`.
"""
