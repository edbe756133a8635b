"""New instances: `create` is the unit, `making` the work; `multi` places several together.

The opcode is brought into one form first (`request`); `params`, `nics` and `nodes` are what is
looked at; `installation` has an operating system fill the disks, `importing` what comes from
elsewhere, by what an export says of itself (`exported`).
"""
