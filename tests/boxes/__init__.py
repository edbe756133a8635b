"""Real machines, as far as one kernel can give them: a Ganeti cluster in namespaces.

Each box is a set of Linux namespaces (mount, process ids, network, host name, IPC) over an overlay
of this machine's root file system, with an ssh daemon, a `/run` and a `/var/lib/ganeti` of its own.
The boxes hang off a bridge in a network namespace that has no way out. On them runs Debian's
Ganeti, unmodified, and our daemon in place of two of its daemons.

* `plan` says what the boxes are called and which addresses they have; it decides only.
* `box_init` is the first process of a box, `box` starts, asks and ends one, `lab` all of them.
* `installation` puts our daemon where every box finds it, as a production machine has it.
* `cluster` makes a Ganeti cluster of the boxes; `ledger` writes down what its clients were told,
  and `serving` finds who answers as its master.
* `takeover` is the story of a cluster that tries ours and goes back; `story` is the form of it.
* `tour` is all that is done to a cluster in its life, by chapters (`tour_…`), each of acts (`act`);
  `beside` takes it with Debian's daemons too, with `figures`, and shows what differs.
* `play` plays either; `python -m tests.boxes` (`scripts/interop-cluster`) is its command.

It needs root, and a kernel that makes namespaces and overlays.
"""
