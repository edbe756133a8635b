"""Queries: a filter language, field tables and one engine for all resources.

`language` reads filters, `predicate` compiles one against a table, `fields` says what a table is,
`engine` answers, `text` words errors. One module per resource holds its table (`job_fields`).
Nothing here does I/O: rows come from a `Source`, which alone may switch greenlets.
"""
