"""Instances on their way to other nodes; `evacuation` has what moving many has in common."""
