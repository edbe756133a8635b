"""What may be asked of the cluster, as typed data."""

from masterd.opcodes import test

__all__ = ["test"]
