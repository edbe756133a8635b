"""Disks of instances: `creation` makes them, `adoption` takes those that are there already.

`assembly` brings them up and down and removes them, `sync` waits until their mirrors are the same.
`modify` changes the disks of an instance one by one, `convert` gives all another template.
"""
