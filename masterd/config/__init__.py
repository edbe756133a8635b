"""What a cluster configuration is, and what must hold in it. Pure.

Typed, frozen objects (`cluster`, `node`, `instance`, `disk`, `network`, `filter`; their parameters
in `params`; what they share in `objects`) make up a `snapshot`, which never changes and is what
everybody reads. `kinds` is the table of what there is; `document` takes a `config.data` document
apart and puts one together, `render` gives its bytes, `ssconf_files` those of the simple files. A
change is a function of a draft (`transaction`); `rules` and `verify` say what it must not break;
`images` what may be written onto disks.
Who keeps it, changes it and hands it on is in `masterd/wconf/`.
"""
