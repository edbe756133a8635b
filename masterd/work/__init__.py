"""The frame that every logical unit stands on.

`base` says what a logical unit is, `processor` runs one: locks (`locks` takes them, `lock_wait`
tells of long waits), checks, execution, result. `work` is all that one run may touch, made from
`context`, which is the same for all runs; `feedback` is how units talk to whoever watches the job,
`jobs` lets one submit others. `hooks` says what scripts on nodes are told, `hook_env` words it, and
`hook_runner` has them run. The units themselves are in `masterd/lu/`.
"""
