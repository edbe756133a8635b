"""The command `gnt-job`: look at jobs, follow, cancel and archive them.

It speaks LUXI to the master daemon and knows nothing else of it. Words, exit codes and the output
of `list`, `list-fields` and `info` are those of Ganeti's own `gnt-job`, to the byte, so that
scripts need no change; what people get on top (`--json`, progress) is only there when asked for or
when somebody watches.

Read `gnt_job` (the commands), then what it uses: `options` (command line), `selection` and
`filter_text` (which jobs), `table`, `info` and `documents` (how they look), `times`, `follow`
(waiting), `failure` (errors in words). Nothing here switches greenlets: the program has one thing
to do.
"""
