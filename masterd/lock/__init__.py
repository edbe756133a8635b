"""Locks between jobs: who may touch which instance, node, group or network.

`levels` names the locks and the order they are taken in, `owners` who can have them. `table`
decides who gets which lock when, `manager` lets greenlets wait for that, `monitor` shows, tells and
checks what the table holds. Greenlets switch only in `LockManager.acquire`.
"""
