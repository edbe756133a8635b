"""The cluster configuration.

Typed, frozen objects (`cluster`, `node`, `instance`, `disk`, `network`, `filter`; their parameters
in `params`; what they share in `objects`) make up a `snapshot`, which never changes and is what
everybody reads. `kinds` is the table of what there is; `document` takes a `config.data` document
apart and puts one together, `render` gives its bytes, `ssconf_files` those of the simple files. A
change is a function of a draft (`transaction`), carried out by `repository` inside a store
transaction and published after the commit; `writer` keeps the file `config.data` equal to the
store.

All but `repository` and `writer` only decide: no store, no file, no clock, no greenlet switch.
"""
