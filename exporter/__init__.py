"""The mirror: every job, continuously, as the classic file that other programs know.

Purpose: the store is the truth; `queue/job-N`, `archive/`, `serial`, `version` and `drain` show it
to every tool that reads them, here and on the master candidates. The mirror may lag behind the
store, is never ahead of it, loses no change, and catches up by itself after a crash.

The way through the files:

* `layout` names the files, their modes and owners; `FORMAT.md` tells readers what is in them.
* `plan` reads the outbox behind a cursor and says what has to be done; `render` turns one job into
  the bytes of its file (pure).
* `files` writes beside, renames, and makes a whole batch durable with one sync; `mirror` carries
  out a plan with it. Both block and belong on a native thread or in a script.
* `replica` is what a master candidate looks like from here; `feed` keeps one of them up to date.
* `service` is the part inside the daemon: one greenlet for the mirror, one per replica, the
  cursors, the lag (`lag`, `progress`).
* `rebuild` compares store and mirror, and writes the mirror anew; `__main__` is the command
  (`ganeti-exporter`).

Who switches greenlets: `service` and `feed`. Everything else blocks its thread.
"""
