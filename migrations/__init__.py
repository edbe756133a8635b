"""Bringing stores to the form this release reads, and taking over what another master left.

Purpose: a change of the stored form is a numbered step, forward and (where possible) back, tested
on old data; a cluster that another master daemon has run until now keeps its jobs.

The way through the files:

* `step` says what a step is, `registry` lists them in order, `v0001_initial` and its successors are
  the steps. A new form means a new step, a higher `store.schema.SCHEMA_VERSION`, a test on old data
  and a line in `store/FORMAT.md`.
* `runner` carries steps out: backup first (`backup`), then one transaction per step.
* `legacy/` reads the files of other masters: `job_file` one job (pure), `queue_scan` the directory,
  `queue_dir` takes the queue over into a store; `config_data` reads the configuration,
  `config_upgrade` brings it to the present form by steps (`config_objects`, `config_disks`,
  `config_params`), `config_downgrade` back.
* `command` is the command: `scripts/migrate`, or `python -m migrations`.

Who switches greenlets: whatever is given a store, since `Store.update` does. Steps do not; they are
bodies of a transaction.
"""
