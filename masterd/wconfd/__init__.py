"""`ganeti-wconfd`: the companion in the place of Ganeti's configuration daemon.

The configuration is kept by the master daemon (`masterd.config`). But `daemon-util` starts and
stops a configuration daemon too, and the watcher asks it for an echo and starts it where it does
not answer; so there is one, a process of its own with its own pid file: `answers` decides what is
answered, `service` serves it. It holds no configuration and needs no other daemon, so that either
may start first. Whoever asks it to change the configuration is refused.

With `--force-node` (`gnt-cluster master-failover`, for seconds, on the node that is to become
master) the program becomes Debian's own configuration daemon: `stock`.
"""
