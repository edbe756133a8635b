"""`ganeti-wconfd`: the companion in the place of Ganeti's configuration daemon.

The configuration is kept by the master daemon (`masterd.config`). But `daemon-util` starts and
stops a configuration daemon too, and the watcher asks it for an echo and starts it where it does
not answer; so there is one, a process of its own with its own pid file. `service` serves it: it
answers an echo (`answers`), and hands on everything else to the master daemon on this node. It
needs no other daemon, so that either may start first.

In the master daemon, `beside` builds and serves the other end: `methods` is the table of calls,
`arguments` reads them, `locking`, `objects`, `instances` and `setting_aside` answer them, and
`mortality` lets go of what dead programs own. Calls that change the configuration switch greenlets.

With `--force-node` (`gnt-cluster master-failover`, for seconds, on the node that is to become
master) the program becomes Debian's own configuration daemon: `stock`.
"""
