"""The configuration at work: kept, changed, written, handed on.

What a configuration is and what must hold in it stands in `masterd/config/`; here is who changes it
and who hears of it. `repository` keeps it in the store and publishes snapshots, `reservations` hold
what is promised and not written yet, `filter_rules` edits the rules that hold jobs. `writer` writes
`config.data`; `distribute` sends it and the simple files (`editions`: what is sent) to the nodes;
`copies` holds both together, `shown` lets a job go on once they show its change. `takeover` builds
the configuration of a new store, `standing` and `authorship` tell what others wrote meanwhile.
"""
