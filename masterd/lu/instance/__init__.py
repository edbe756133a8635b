"""Instances that are there: run, looked at, changed, recorded, removed.

`guest` is what all opcodes about one instance ask and record of it, `host_checks` what nodes must
have for one, `record` how instances enter the configuration and leave it, `helper_vm` what works on
the disks of one from inside a machine. `modify` changes one, with `modify_params`, `modify_memory`
and `modify_nics` for what is changed; `hotplug` changes devices of one that runs, `modified` is
what came of a part.
"""
