"""Whether a group of nodes is as the configuration says: what nodes are asked, and what is wrong.

`asked` makes the checks that nodes are given, `group` is what the configuration expects of a
group, and `nodes`, `storage`, `shared` and `instances` compare it with what the nodes have found.
All of it is pure; who verifies (`masterd.lu.cluster.verify_group`) asks, and tells each `Problem`.
"""
