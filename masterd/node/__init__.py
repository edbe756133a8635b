"""What node daemons are asked, in the words of the configuration.

`target` makes nodes of the configuration ones that can be called. The verbs, one function for each
node call, stand by subject in `disks`, `instances`, `storage`, `files`, `hooks`, `ssh`, `verify`,
`imports` and `membership`; they switch. `documents` are objects of the configuration as a node must
be told of them; `probe` asks the network itself. `journal` has noted what is about to be changed.
Below it, `masterd/rpc/` carries the calls.
"""
