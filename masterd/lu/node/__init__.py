"""Nodes: how they join, change their roles and leave, and what they have and are asked.

`params` - `candidate_pool`, `user_shutdown`, `address` (OP_NODE_SET_PARAMS and its parts);
`storage`, `units`, `volumes` are about what is on their disks.
"""
