"""The same calls: what the reference and ours do for one opcode, on the same cluster, compared."""
